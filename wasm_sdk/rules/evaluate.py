"""From the predicate tree to a function of an item.

The item is whatever the `Source` reads paths from: decoded messages, or a span that is still bytes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Protocol

from wasm_sdk.otlp.values import plain
from wasm_sdk.rules.check import arguments, function_of, literals
from wasm_sdk.rules.errors import EvaluationError
from wasm_sdk.rules.paths import NUMBERS
from wasm_sdk.rules.tree import (
    INT_MIN,
    And,
    Arithmetic,
    Call,
    Compare,
    ListOf,
    Literal,
    MapOf,
    Negate,
    Node,
    Not,
    Or,
    Path,
    Predicate,
    Symbol,
    Value,
)
from wasm_sdk.rules.values import Duration, RuleValue, Time, as_dict, compare, describe, is_list, is_map

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    Getter = Callable[[Any], RuleValue]
    Test = Callable[[Any], bool]


# A tracestate entry, as W3C Trace Context allows it.
_MEMBER = re.compile(
    r"(?:[a-z][a-z0-9_*/-]{0,255}|[a-z0-9][a-z0-9_*/-]{0,240}@[a-z][a-z0-9_*/-]{0,13})"
    r"=[\x20-\x2b\x2d-\x3c\x3e-\x7e]{0,255}[\x21-\x2b\x2d-\x3c\x3e-\x7e]"
)


class Source(Protocol):
    """What knows how to read the paths of an item."""

    def path(self, path: Path) -> Getter:
        """A function from an item to the value of a path, its keys not applied."""
        ...

    def entry(self, path: Path, key: str) -> Getter:
        """A function from an item to one value of a path that holds a map; None when it is absent."""
        ...


class Builder:
    """Builds the functions of one rule; the tree must have passed `check`."""

    def __init__(self, context: str, source: Source) -> None:
        self.context = context
        self.source = source

    def predicate(self, node: Predicate) -> Test:
        """A function from an item to a bool; it raises EvaluationError for what it cannot judge."""
        known = constant(node)
        if known is not None:
            return lambda _: known
        match node:
            case And(operands):
                return _all([self.predicate(operand) for operand in operands])
            case Or(operands):
                return _any([self.predicate(operand) for operand in operands])
            case Not(operand):
                test = self.predicate(operand)
                return lambda item: not test(item)
            case Compare(symbol, left, right):
                first, second = self.value(left), self.value(right)
                return lambda item: compare(symbol, first(item), second(item))
            case Literal(value):
                return lambda _: bool(value)
            case Call():
                return _truth(self.value(node), node.function)

    def value(self, node: Value) -> Getter:
        """A function from an item to a value."""
        match node:
            case Literal(value):
                return lambda _: value
            case Symbol(name):
                number = NUMBERS[name]
                return lambda _: number
            case ListOf(items):
                getters = [self.value(item) for item in items]
                return lambda item: [getter(item) for getter in getters]
            case MapOf(items):
                entries = {key: self.value(value) for key, value in items}
                return lambda item: {key: getter(item) for key, getter in entries.items()}
            case Path():
                return self.path(node)
            case Call():
                return self.call(node)
            case Negate(value):
                operand = self.value(value)
                return lambda item: _negate(operand(item))
            case Arithmetic(symbol, left, right):
                first, second = self.value(left), self.value(right)
                return lambda item: calculate(symbol, first(item), second(item))

    def path(self, node: Path) -> Getter:
        if not node.keys:
            return self.source.path(node)
        if node.fields == ("trace_state",):
            return self.trace_state(self.source.path(node), node.keys[0])
        first = node.keys[0]
        if node.fields != ("body",) and isinstance(first, Literal) and isinstance(first.value, str):
            entry = self.source.entry(node, first.value)
            rest = [self.value(key) for key in node.keys[1:]]
            return (lambda item: _index_nested(entry(item), [key(item) for key in rest])) if rest else entry
        whole = self.source.path(node)
        keys = [self.value(key) for key in node.keys]
        if node.fields == ("body",):
            return lambda item: _index_body(whole(item), [key(item) for key in keys])
        return lambda item: _index_nested(whole(item), [key(item) for key in keys])

    def trace_state(self, whole: Getter, node: Value) -> Getter:
        key = self.value(node)
        return lambda item: _member(whole(item), key(item))

    def call(self, node: Call) -> Getter:
        function = function_of(node, self.context)
        given = list(arguments(node, self.context))
        judge = function.prepare(literals(given))
        order = {parameter.name: i for i, parameter in enumerate(function.parameters)}
        given.sort(key=lambda pair: order[pair[0].name])
        getters = [self.source.path(path) for path in function.reads(self.context) or ()]
        getters += [_converted(p.takes.convert, self.value(v)) for p, v in given if not p.takes.literal]
        result = _applied(judge, getters)
        if not node.keys:
            return result
        keys = [self.value(key) for key in node.keys]
        return lambda item: _index_result(result(item), [key(item) for key in keys])


def constant(node: Node) -> bool | None:
    """The truth of a condition that literals decide, as the collector finds it before it meets an item."""
    match node:
        case Literal(bool() as value):
            return value
        case Compare(symbol, left, right) if _is_literal(left) and _is_literal(right):
            return compare(symbol, literal_value(left), literal_value(right))
        case Not(operand):
            known = constant(operand)
            return None if known is None else not known
        case And(operands) | Or(operands):
            decisive = isinstance(node, Or)
            found = [constant(operand) for operand in operands]
            return decisive if decisive in found else None if None in found else not decisive
    return None


def _is_literal(node: Value) -> bool:
    match node:
        case ListOf(items):
            return all(map(_is_literal, items))
        case MapOf(items):
            return all(_is_literal(value) for _, value in items)
    return isinstance(node, Literal | Symbol)


def literal_value(node: Value) -> RuleValue:
    """The value of a literal, a symbol, or a list or map of such."""
    match node:
        case Literal(value):
            return value
        case Symbol(name):
            return NUMBERS[name]
        case ListOf(items):
            return [literal_value(item) for item in items]
        case MapOf(items):
            return {key: literal_value(value) for key, value in items}
    raise TypeError(f"{node} is not a literal")


def _all(tests: Sequence[Test]) -> Test:
    def conjunction(item: Any) -> bool:
        for test in tests:  # noqa: SIM110 (a generator would cost more than the tests)
            if not test(item):
                return False
        return True

    return conjunction


def _any(tests: Sequence[Test]) -> Test:
    def disjunction(item: Any) -> bool:
        for test in tests:  # noqa: SIM110
            if test(item):
                return True
        return False

    return disjunction


def _truth(getter: Getter, name: str) -> Test:
    def truth(item: Any) -> bool:
        value = getter(item)
        if type(value) is not bool:
            raise EvaluationError(f"{name} gave {describe(value)}, not a bool")
        return value

    return truth


def _converted(convert: Callable[[RuleValue], RuleValue], getter: Getter) -> Getter:
    return lambda item: convert(getter(item))


def _applied(judge: Callable[..., RuleValue], getters: list[Getter]) -> Getter:
    if len(getters) == 1:
        only = getters[0]
        return lambda item: judge(only(item))
    if len(getters) == 2:
        first, second = getters
        return lambda item: judge(first(item), second(item))
    return lambda item: judge(*[getter(item) for getter in getters])


def _member(trace_state: str, key: RuleValue) -> str | None:
    """The value of a tracestate entry; "" when it has none, nil when it is not valid (as OTTL gives it)."""
    if type(key) is not str:
        raise EvaluationError(f"trace_state is indexed by a string, not {describe(key)}")
    members: dict[str, str] = {}
    for member in filter(None, trace_state.split(",")):
        name, _, value = member.partition("=")
        name, value = name.lstrip(" \t"), value.rstrip(" \t")
        if name in members or not _MEMBER.fullmatch(f"{name}={value}") or len(members) == 32:
            return None
        members[name] = value
    return members.get(key, "")


def _index_body(value: RuleValue, keys: list[RuleValue]) -> RuleValue:
    if not is_map(value) and not is_list(value):
        raise EvaluationError(f"the body is {describe(value)} and has no index")
    return _index_nested(value, keys)


def _index_nested(value: RuleValue, keys: list[RuleValue]) -> RuleValue:
    """The value inside; what is absent is nil at any depth, what is not nested cannot be indexed."""
    for key in keys:
        if value is None:
            return None
        if is_map(value):
            if type(key) is not str:
                raise EvaluationError(f"a map is indexed by a string, not {describe(key)}")
            value = plain(value.get(key))
        elif is_list(value):
            value = _item(value, key)
        else:
            raise EvaluationError(f"{describe(value)} has no index")
    return value


def _index_result(value: RuleValue, keys: list[RuleValue]) -> RuleValue:
    for key in keys:
        if type(key) is str and is_map(value):
            entries = as_dict(value)
            if key not in entries:
                raise EvaluationError(f"there is no {key!r} in the map")
            value = entries[key]
        elif type(key) is int and (is_list(value) or type(value) is bytes):
            value = _item(value, key)
        else:
            raise EvaluationError(f"{describe(value)} cannot be indexed by {describe(key)}")
    return value


def _item(value: RuleValue, key: RuleValue) -> RuleValue:
    if type(key) is not int:
        raise EvaluationError(f"a list is indexed by an int, not {describe(key)}")
    if not 0 <= key < len(value):
        raise EvaluationError(f"a list of {len(value)} has no item {key}")
    return plain(value[key])


def _negate(value: RuleValue) -> RuleValue:
    if type(value) is int:
        return wrap(-value)
    if type(value) is float:
        return -value
    raise EvaluationError(f"{describe(value)} has no negative")


def wrap(number: int) -> int:
    """An int as 64 bits hold it."""
    return ((number - INT_MIN) & 0xFFFF_FFFF_FFFF_FFFF) + INT_MIN


def calculate(symbol: str, left: RuleValue, right: RuleValue) -> RuleValue:
    """`left symbol right` with + - * /, as Go calculates: ints wrap and divide towards zero.

    Raises:
        EvaluationError: other kinds, or a division by zero.
    """
    kinds = (type(left), type(right))
    if kinds == (int, int):
        if symbol == "/" and right == 0:
            raise EvaluationError("division by zero")
        if symbol == "/":
            quotient = abs(left) // abs(right)
            return wrap(quotient if (left < 0) == (right < 0) else -quotient)
        return wrap(left + right if symbol == "+" else left - right if symbol == "-" else left * right)
    if kinds in ((int, float), (float, int), (float, float)):
        return _calculate_doubles(symbol, float(left), float(right))
    if symbol == "+" and kinds in ((Time, Duration), (Duration, Time)):
        time, span = (left, right) if kinds[0] is Time else (right, left)
        return Time(time.unix_nano + span.nanoseconds, time.offset)
    if symbol == "-" and kinds == (Time, Duration):
        return Time(left.unix_nano - right.nanoseconds, left.offset)
    if symbol == "-" and kinds == (Time, Time):
        return Duration(max(INT_MIN, min(left.unix_nano - right.unix_nano, -INT_MIN - 1)))
    if symbol in "+-" and kinds == (Duration, Duration):
        sign = 1 if symbol == "+" else -1
        return Duration(wrap(left.nanoseconds + sign * right.nanoseconds))
    raise EvaluationError(f"{describe(left)} {symbol} {describe(right)} has no meaning")


def _calculate_doubles(symbol: str, left: float, right: float) -> float:
    if symbol == "+":
        return left + right
    if symbol == "-":
        return left - right
    if symbol == "*":
        return left * right
    if right == 0:
        raise EvaluationError("division by zero")
    try:
        return left / right
    except OverflowError:
        return float("inf") if (left < 0) == (right < 0) else float("-inf")
