"""Tests of one encoded span: the shapes of conditions that are common, and one for all the others.

Each gives 0 (no), 1 (yes) or 2 (cannot be judged; the view's `reason` says why) and raises nothing, since a
rule that cannot be judged may be no rarity. Plain Python that Cython compiles (types in `spantests.pxd`).
"""

from collections.abc import Callable, Sequence
from typing import Any

from wasm_sdk.rules.errors import EvaluationError
from wasm_sdk.rules.patterns import Pattern
from wasm_sdk.rules.probability import randomness
from wasm_sdk.rules.spanview import SpanView

NO, YES, UNKNOWN = range(3)
_UNKNOWN = 2

_COMPILED = not __file__.endswith((".py", ".pyc"))
_ABSENT, _EMPTY, _STRING, _BOOL, _INT, _DOUBLE, _FIXED, _LIST, _MAP, _BYTES = range(10)

OPERATORS = ("==", "!=", "<", "<=", ">", ">=")
_EQ, _NE, _LT, _LE, _GT, _GE = range(6)

_REMEMBERED, _LONGEST_REMEMBERED = 4096, 128


class Test:
    """What all tests have in common."""

    def test(self, view: SpanView) -> int:
        raise NotImplementedError


class Constant(Test):
    def __init__(self, truth: bool) -> None:
        self.truth = int(truth)

    def test(self, view: SpanView) -> int:
        return self.truth


class All(Test):
    def __init__(self, tests: Sequence[Test]) -> None:
        self.tests = tuple(tests)

    def test(self, view: SpanView) -> int:
        for each in self.tests:
            result = each.test(view)
            if result != 1:
                return result
        return 1


class Any_(Test):  # noqa: N801 (typing has the plain name)
    def __init__(self, tests: Sequence[Test]) -> None:
        self.tests = tuple(tests)

    def test(self, view: SpanView) -> int:
        for each in self.tests:
            result = each.test(view)
            if result != 0:
                return result
        return 0


class Not(Test):
    def __init__(self, inner: Test) -> None:
        self.inner = inner

    def test(self, view: SpanView) -> int:
        result = self.inner.test(view)
        return result if result == _UNKNOWN else 1 - result


class Absent(Test):
    """`path == nil`; empty bytes are nil."""

    def __init__(self, slot: int) -> None:
        self.slot = slot

    def test(self, view: SpanView) -> int:
        kind = view.kinds[self.slot]
        return kind in (_ABSENT, _EMPTY) or bool(kind == _BYTES and view.sizes[self.slot] == 0)


class Number(Test):
    """`path operator int`, or a bool for `truth`; `absent` is the answer without the field."""

    def __init__(self, slot: int, operator: str, number: int, absent: bool, truth: bool = False) -> None:
        self.slot = slot
        self.operator = OPERATORS.index(operator)
        self.value = number
        self.absent = int(absent)
        self.wanted = _BOOL if truth else _INT

    def test(self, view: SpanView) -> int:
        slot = self.slot
        kind = view.kinds[slot]
        if kind == _ABSENT:
            return self.absent
        if kind == self.wanted or (kind == _FIXED and self.wanted == _INT):
            number = view.at[slot] if kind != _FIXED else view.number_of(slot)
            operator = self.operator
            if operator == _GE:
                return number >= self.value
            if operator == _LT:
                return number < self.value
            return _compare(number, self.value, operator)
        if kind == _DOUBLE and self.wanted == _INT:
            return _compare_doubles(view.real_of(slot), float(self.value), self.operator)
        return self.operator == _NE


class Double(Test):
    """`path operator double`."""

    def __init__(self, slot: int, operator: str, number: float, absent: bool) -> None:
        self.slot = slot
        self.operator = OPERATORS.index(operator)
        self.value = number
        self.absent = int(absent)

    def test(self, view: SpanView) -> int:
        slot = self.slot
        kind = view.kinds[slot]
        if kind == _ABSENT:
            return self.absent
        if kind == _DOUBLE:
            return _compare_doubles(view.real_of(slot), self.value, self.operator)
        if kind in (_INT, _FIXED):
            return _compare_doubles(float(view.number_of(slot)), self.value, self.operator)
        return self.operator == _NE


class Text(Test):
    """`path operator string`."""

    def __init__(self, slot: int, operator: str, text: bytes, absent: bool) -> None:
        self.slot = slot
        self.operator = OPERATORS.index(operator)
        self.value = text
        self.absent = int(absent)

    def test(self, view: SpanView) -> int:
        slot = self.slot
        kind = view.kinds[slot]
        if kind == _ABSENT:
            return self.absent
        if kind != _STRING:
            return self.operator == _NE
        if self.operator <= _NE:
            same = view.sizes[slot] == len(self.value) and view.bytes_of(slot) == self.value
            return same == (self.operator == _EQ)
        return _compare_bytes(view.bytes_of(slot), self.value, self.operator)


class Affix(Test):
    """`HasPrefix(path, string)` or `HasSuffix`; only strings can be judged. `absent`: 0, 1 or 2."""

    def __init__(self, slot: int, text: bytes, suffix: bool, absent: int) -> None:
        self.slot = slot
        self.value = text
        self.suffix = suffix
        self.absent = absent

    def test(self, view: SpanView) -> int:
        slot = self.slot
        kind = view.kinds[slot]
        if kind == _STRING:
            content = view.bytes_of(slot)
            return content.endswith(self.value) if self.suffix else content.startswith(self.value)
        if kind == _ABSENT and self.absent != _UNKNOWN:
            return self.absent
        view.reason = (
            "expected a string, got nil" if kind <= _EMPTY else "expected a string, got another kind"
        )
        return _UNKNOWN


class Match(Test):
    """`IsMatch(path, pattern)`; answers for short values are remembered while that pays.

    `other` judges values that are no strings.
    """

    def __init__(self, slot: int, pattern: Pattern, absent: bool, other: Test) -> None:
        self.slot = slot
        self.search: Callable[[bytes], bool] = pattern.search_bytes
        self.absent = int(absent)
        self.other = other
        self.memory: dict[bytes, bool] | None = {}
        self.asked = 0

    def test(self, view: SpanView) -> int:
        slot = self.slot
        kind = view.kinds[slot]
        if kind == _ABSENT:
            return self.absent
        if kind != _STRING:
            return self.other.test(view)
        content = view.bytes_of(slot)
        memory = self.memory
        if memory is None or len(content) > _LONGEST_REMEMBERED:
            return self._search(view, content)
        self.asked += 1
        known = memory.get(content)
        if known is not None:
            return bool(known)
        result = self._search(view, content)
        if result != _UNKNOWN:
            memory[content] = result == 1
            if len(memory) >= _REMEMBERED:
                # Values that hardly ever repeat are not worth remembering.
                self.memory = {} if self.asked > 2 * _REMEMBERED else None
                self.asked = 0
        return result

    def _search(self, view: SpanView, content: bytes) -> int:
        try:
            return bool(self.search(content))
        except EvaluationError as error:
            view.reason = str(error)
            return _UNKNOWN


class Root(Test):
    """`IsRootSpan()`."""

    def __init__(self, slot: int) -> None:
        self.slot = slot

    def test(self, view: SpanView) -> int:
        return view.kinds[self.slot] == _ABSENT or not any(view.bytes_of(self.slot))


class Kept(Test):
    """`Probability(rate)`: randomness at or above a threshold."""

    def __init__(self, trace_id: int, trace_state: int, threshold: int) -> None:
        self.trace_id = trace_id
        self.trace_state = trace_state
        self.threshold = threshold

    def test(self, view: SpanView) -> int:
        if view.kinds[self.trace_state] != _ABSENT and view.sizes[self.trace_state] > 3:
            state = view.bytes_of(self.trace_state).decode("utf-8", "replace")
            return randomness(view.bytes_of(self.trace_id), state) >= self.threshold
        if view.sizes[self.trace_id] != 16 or view.kinds[self.trace_id] == _ABSENT:
            return self.threshold <= 0
        pos = view.at[self.trace_id] + 9
        if not _COMPILED:
            return int.from_bytes(view.span[pos : pos + 7], "big") >= self.threshold
        number = 0
        for index in range(7):
            number = number << 8 | view._bytes[pos + index]
        return number >= self.threshold


class Within(Test):
    """`Within(...)` of the start of a span."""

    def __init__(self, slot: int, holds: Callable[[int], bool]) -> None:
        self.slot = slot
        self.holds = holds

    def test(self, view: SpanView) -> int:
        return bool(self.holds(view.number_of(self.slot) if view.kinds[self.slot] != _ABSENT else 0))


class Other(Test):
    """Any other condition, as a function of the view."""

    def __init__(self, judge: Callable[[Any], bool]) -> None:
        self.judge = judge

    def test(self, view: SpanView) -> int:
        try:
            return bool(self.judge(view))
        except EvaluationError as error:
            view.reason = str(error)
            return _UNKNOWN


def test(each: Test, view: SpanView) -> int:
    """The result of a test, for callers that are not compiled: 0, 1 or 2."""
    return each.test(view)


def count(view: SpanView, each: Test, data: bytes, spans: Sequence[tuple[int, int]]) -> int:
    """For how many Span messages of a request (first byte, byte behind it) the test holds.

    What cannot be judged does not count.
    """
    found = 0
    for pos, end in spans:
        view.open_span(data, pos, end)
        found += each.test(view) == 1
    return found


def _compare(left: int, right: int, operator: int) -> int:
    if operator == _EQ:
        return left == right
    if operator == _NE:
        return left != right
    if operator == _LT:
        return left < right
    if operator == _LE:
        return left <= right
    if operator == _GT:
        return left > right
    return left >= right


def _compare_doubles(left: float, right: float, operator: int) -> int:
    if operator == _EQ:
        return left == right
    if operator == _NE:
        return left != right
    if operator == _LT:
        return left < right
    if operator == _LE:
        return left <= right
    if operator == _GT:
        return left > right
    return left >= right


def _compare_bytes(left: bytes, right: bytes, operator: int) -> int:
    if operator == _LT:
        return left < right
    if operator == _LE:
        return left <= right
    if operator == _GT:
        return left > right
    return left >= right
