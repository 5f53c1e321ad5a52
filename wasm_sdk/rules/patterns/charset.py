"""Sets of characters as sorted, disjoint ranges of code points."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

Ranges = tuple[tuple[int, int], ...]

LAST = 0x10FFFF
EVERYTHING: Ranges = ((0, LAST),)
NEWLINE: Ranges = ((10, 10),)

# \d \s \w are ASCII in RE2; \s has no vertical tab.
PERL: dict[str, Ranges] = {
    "d": ((48, 57),),
    "s": ((9, 10), (12, 13), (32, 32)),
    "w": ((48, 57), (65, 90), (95, 95), (97, 122)),
}
POSIX: dict[str, Ranges] = {
    "alnum": ((48, 57), (65, 90), (97, 122)),
    "alpha": ((65, 90), (97, 122)),
    "ascii": ((0, 127),),
    "blank": ((9, 9), (32, 32)),
    "cntrl": ((0, 31), (127, 127)),
    "digit": ((48, 57),),
    "graph": ((33, 126),),
    "lower": ((97, 122),),
    "print": ((32, 126),),
    "punct": ((33, 47), (58, 64), (91, 96), (123, 126)),
    "space": ((9, 13), (32, 32)),
    "upper": ((65, 90),),
    "word": PERL["w"],
    "xdigit": ((48, 57), (65, 70), (97, 102)),
}


def normal(ranges: list[tuple[int, int]]) -> Ranges:
    """Sorted and merged."""
    merged: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if merged and low <= merged[-1][1] + 1:
            merged[-1] = (merged[-1][0], max(high, merged[-1][1]))
        else:
            merged.append((low, high))
    return tuple(merged)


def union(*sets: Ranges) -> Ranges:
    return normal([r for ranges in sets for r in ranges])


def negate(ranges: Ranges) -> Ranges:
    gaps: list[tuple[int, int]] = []
    at = 0
    for low, high in ranges:
        if at < low:
            gaps.append((at, low - 1))
        at = high + 1
    if at <= LAST:
        gaps.append((at, LAST))
    return tuple(gaps)


def intersect(a: Ranges, b: Ranges) -> Ranges:
    return negate(union(negate(a), negate(b)))


def overlaps(a: Ranges, b: Ranges) -> bool:
    i = j = 0
    while i < len(a) and j < len(b):
        if a[i][1] < b[j][0]:
            i += 1
        elif b[j][1] < a[i][0]:
            j += 1
        else:
            return True
    return False


def fold(ranges: Ranges) -> Ranges:
    """With every character that differs from one of these in case only (simple case folding)."""
    if not ranges:
        return ranges
    groups = _case_groups() if ranges[-1][1] > 127 else _ASCII_GROUPS
    extra = [(c, c) for group in groups if any(_has(ranges, c) for c in group) for c in group]
    return normal([*ranges, *extra])


def _has(ranges: Ranges, code: int) -> bool:
    return any(low <= code <= high for low, high in ranges)


# The Kelvin sign folds to k, the long s to s.
_ASCII_GROUPS = [(c, c + 32, *{75: (0x212A,), 83: (0x17F,)}.get(c, ())) for c in range(65, 91)]


@lru_cache(maxsize=1)
def _case_groups() -> list[tuple[int, ...]]:
    groups: dict[str, list[int]] = {}
    for code in range(0x1E944):
        char = chr(code)
        folded = char.casefold()
        if len(folded) != 1:
            folded = char.lower()
        key = folded if len(folded) == 1 else char
        if key != char:
            groups.setdefault(key, [ord(key)]).append(code)
    return [tuple(group) for group in groups.values()]


@lru_cache(maxsize=1)
def _categories() -> dict[str, Ranges]:
    runs: dict[str, list[tuple[int, int]]] = {}
    # Above the last CJK extension stand only tags, variation selectors and private use.
    for low, high in ((0, 0x33FFF), (0xE0000, 0xE01FF)):
        for code in range(low, high + 1):
            kind = unicodedata.category(chr(code))
            spans = runs.setdefault(kind, [])
            if spans and spans[-1][1] == code - 1:
                spans[-1] = (spans[-1][0], code)
            else:
                spans.append((code, code))
    runs["Co"] += [(0xF0000, 0xFFFFD), (0x100000, 0x10FFFD)]
    del runs["Cn"]
    categories = {kind: normal(spans) for kind, spans in runs.items()}
    for kind in list(categories):
        categories[kind[0]] = union(categories.get(kind[0], ()), categories[kind])
    return categories


def category(name: str) -> Ranges | None:
    """The characters of a general category such as "L", "Lu", "Nd", or of "Any"; None for other names."""
    return EVERYTHING if name == "Any" else _categories().get(name)
