"""Python's `re` as matcher: the pattern in its syntax, and a bound on the steps that it may take.

`re` backtracks, so the work is counted before it is trusted. For every part of a pattern two polynomials in
the length n of the value bound the ways it can match from one place, and the steps to find them all. A part
has one way when the next character decides what it does, as in `[^/]+/`; `.*` before a letter has n + 1; a
repeat of what has several ways has no polynomial bound and is refused here, and then the automaton matches
it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from wasm_sdk.rules.patterns.charset import (
    EVERYTHING,
    LAST,
    NEWLINE,
    Ranges,
    intersect,
    negate,
    overlaps,
    union,
)
from wasm_sdk.rules.patterns.syntax import EMPTY, Assertion, Chars, Choice, Regex, Repeat, Sequence

BUDGET = 200_000
"""Steps that `re` may need for one value, some 5 ns each; for values that could need more the automaton is
used.
"""
LONGEST = 1 << 20
_DEGREES, _HUGE = 5, 1e12

# Coefficients by degree.
Polynomial = tuple[float, ...]
ONE: Polynomial = (1.0,)
LINEAR: Polynomial = (1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Bound:
    ways: Polynomial
    steps: Polynomial


def longest_safe(regex: Regex) -> int:
    """The longest value, in characters, that `re` matches within the budget; -1: none."""
    bound = _bound(regex, ())
    if bound is None:
        return -1
    steps = bound.steps if _anchored(regex) else _times(bound.steps, LINEAR)
    if steps is None:
        return -1
    low, high = 0, LONGEST
    while low < high:
        middle = (low + high + 1) // 2
        if sum(c * float(middle) ** degree for degree, c in enumerate(steps)) <= BUDGET:
            low = middle
        else:
            high = middle - 1
    return low


def essence(regex: Regex) -> Regex:
    """The pattern without what cannot change whether it is found: endless repeats at its ends, cut to their
    minimum.
    """
    match regex:
        case Choice(items):
            return Choice(tuple(map(essence, items)))
        case Repeat(item, least, None):
            return Sequence((item,) * least)
        case Sequence(items) if items:
            if (
                len(items) > 1
                and items[0] == Assertion("text-start")
                and items[1] == Repeat(Chars(EVERYTHING), 0, None)
            ):
                items = items[2:]
            first, last = 0, len(items)
            if items and isinstance(items[0], Repeat) and items[0].most is None:
                items = ((essence(items[0])), *items[1:])
            last = len(items) - 1
            if last > 0 and isinstance(items[last], Repeat) and items[last].most is None:  # type: ignore[union-attr]
                items = (*items[:last], essence(items[last]))
            return Sequence(items[first:]) if items else EMPTY
    return regex


def _anchored(regex: Regex) -> bool:
    match regex:
        case Assertion("text-start"):
            return True
        case Sequence(items):
            return bool(items) and _anchored(items[0])
        case Choice(items):
            return all(map(_anchored, items))
        case Repeat(item, least, _):
            return least > 0 and _anchored(item)
    return False


def first(regex: Regex) -> tuple[Ranges, bool]:
    """The characters that a match can start with, and whether it can be empty."""
    match regex:
        case Chars(ranges):
            return ranges, False
        case Assertion(kind):
            return (NEWLINE if kind == "line-end" else ()), True
        case Repeat(item, least, most):
            starts, empty = first(item)
            return (starts if most != 0 else ()), empty or least == 0
        case Choice(items):
            found = [first(item) for item in items]
            return union(*(starts for starts, _ in found)), any(empty for _, empty in found)
        case Sequence(items):
            starts = ()
            for item in items:
                more, empty = first(item)
                starts = union(starts, more)
                if not empty:
                    return starts, False
            return starts, True


def _bound(regex: Regex, follow: Ranges) -> Bound | None:
    """The bound of a part that is followed by one of these characters (or by the end)."""
    match regex:
        case Chars() | Assertion():
            return Bound(ONE, ONE)
        case Sequence(items):
            return _bound_sequence(items, follow)
        case Choice(items):
            return _bound_choice(items, follow)
        case Repeat():
            return _bound_repeat(regex, follow)


def _bound_sequence(items: tuple[Regex, ...], follow: Ranges) -> Bound | None:
    follows = [follow]
    for item in reversed(items[1:]):
        starts, empty = first(item)
        follows.append(union(starts, follows[-1]) if empty else starts)
    ways: Polynomial | None = ONE
    steps: Polynomial | None = ONE
    for item, after in zip(items, reversed(follows), strict=False):
        bound = _bound(item, after)
        if bound is None or ways is None or steps is None:
            return None
        here = _times(ways, bound.steps)
        steps = _plus(steps, here) if here is not None else None
        ways = _times(ways, bound.ways)
    return None if ways is None or steps is None else Bound(ways, steps)


def _bound_choice(items: tuple[Regex, ...], follow: Ranges) -> Bound | None:
    bounds = [_bound(item, follow) for item in items]
    ways: Polynomial = ()
    steps: Polynomial = ONE
    for bound in bounds:
        if bound is None:
            return None
        ways = _plus(ways, bound.ways)
        steps = _plus(steps, bound.steps)
    starts = [first(item) for item in items]
    decided = not any(empty for _, empty in starts) and not any(
        overlaps(a, b) for i, (a, _) in enumerate(starts) for b, _ in starts[i + 1 :]
    )
    if decided and all(bound is not None and bound.ways == ONE for bound in bounds):
        ways = ONE
    return Bound(ways, steps)


def _bound_repeat(regex: Repeat, follow: Ranges) -> Bound | None:
    starts, empty = first(regex.item)
    inner = _bound(regex.item, union(starts, follow))
    if inner is None or (empty and regex.most != 1):
        return None
    decided = not empty and not overlaps(starts, follow)
    if regex.most is None:
        if inner.ways != ONE:
            return None
        turns = LINEAR if regex.least == 0 else (float(regex.least), 1.0)
        steps = _times(inner.steps, turns)
        return None if steps is None else Bound(ONE if decided else LINEAR, steps)
    power: Polynomial | None = ONE
    ways: Polynomial = ONE if regex.least == 0 else ()
    steps = ONE
    for turn in range(1, regex.most + 1):
        here = _times(power, inner.steps) if power is not None else None
        power = _times(power, inner.ways) if power is not None else None
        if here is None or power is None or steps is None:
            return None
        steps = _plus(steps, here)
        if turn >= regex.least:
            ways = _plus(ways, power)
    return Bound(ONE if decided and inner.ways == ONE else ways or ONE, steps)


def _plus(a: Polynomial, b: Polynomial) -> Polynomial:
    if len(a) < len(b):
        a, b = b, a
    return tuple(x + (b[i] if i < len(b) else 0.0) for i, x in enumerate(a))


def _times(a: Polynomial, b: Polynomial) -> Polynomial | None:
    """The product, or None when it is beyond any use."""
    out = [0.0] * (len(a) + len(b) - 1)
    for i, x in enumerate(a):
        for j, y in enumerate(b):
            out[i + j] += x * y
    return None if len(out) > _DEGREES or max(out) > _HUGE else tuple(out)


_ASSERTIONS = {
    "text-start": r"\A", "text-end": r"\Z", "line-start": "(?m:^)", "line-end": "(?m:$)",
    "word-edge": r"\b", "not-word-edge": r"\B",
}  # fmt: skip
_ASCII: Ranges = ((0, 127),)


def python_pattern(regex: Regex, ascii_only: bool = False) -> str:
    r"""The pattern for `re` with `re.ASCII`; for values that are ASCII other characters can be left out."""
    match regex:
        case Chars(ranges):
            return _set(intersect(ranges, _ASCII) if ascii_only else ranges, 127 if ascii_only else LAST)
        case Assertion("not-word-edge"):
            # Before Python 3.14 \B does not hold in an empty string; RE2's does.
            return r"(?:\B|\A\Z)"
        case Assertion(kind):
            return _ASSERTIONS[kind]
        case Sequence(items):
            return "".join(python_pattern(item, ascii_only) for item in items)
        case Choice(items):
            return "(?:" + "|".join(python_pattern(item, ascii_only) for item in items) + ")"
        case Repeat(item, least, most):
            inner = python_pattern(item, ascii_only)
            if not isinstance(item, Chars | Choice):
                inner = f"(?:{inner})"
            short = {(0, None): "*", (1, None): "+", (0, 1): "?"}.get((least, most))
            return inner + (short or f"{{{least},{'' if most is None else most}}}")


def _set(ranges: Ranges, last: int) -> str:
    if not ranges:
        return "(?!)"
    if ranges == ((0, last),):
        return "(?s:.)"
    if len(ranges) == 1 and ranges[0][0] == ranges[0][1]:
        return re.escape(chr(ranges[0][0]))
    inverse = tuple((low, high) for low, high in negate(ranges) if low <= last)
    if len(inverse) < len(ranges):
        return "[^" + "".join(_range(low, min(high, last)) for low, high in inverse) + "]"
    return "[" + "".join(_range(low, high) for low, high in ranges) + "]"


def _range(low: int, high: int) -> str:
    return _code(low) if low == high else f"{_code(low)}-{_code(high)}"


def _code(code: int) -> str:
    return f"\\x{code:02x}" if code < 256 else f"\\U{code:08x}"
