"""Checking a rule before it meets telemetry: functions, arguments, keys and kinds.

What OTTL refuses when it reads a rule is refused here, and so is what could only ever fail. A comparison
that can never hold is allowed, as there, and told as a warning.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasm_sdk.rules.coerce import EVERY, STRINGS
from wasm_sdk.rules.errors import EvaluationError, RuleError, RuleTypeError, nearest
from wasm_sdk.rules.function import Function, Parameter
from wasm_sdk.rules.functions import FUNCTIONS
from wasm_sdk.rules.kinds import Kind, describe
from wasm_sdk.rules.paths import SYMBOLS
from wasm_sdk.rules.patterns import PatternError
from wasm_sdk.rules.resolve import field_of
from wasm_sdk.rules.tree import (
    And,
    Arithmetic,
    Call,
    Compare,
    ListOf,
    Literal,
    MapOf,
    Negate,
    Not,
    Or,
    Path,
    Predicate,
    Symbol,
    Value,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_LITERALS: dict[type, Kind] = {
    type(None): Kind.NIL,
    bool: Kind.BOOL,
    int: Kind.INT,
    float: Kind.DOUBLE,
    str: Kind.STRING,
    bytes: Kind.BYTES,
}
_CALCULABLE = Kind.NUMBER | Kind.TIME | Kind.DURATION
_INDEXABLE = Kind.LIST | Kind.MAP | Kind.BYTES | Kind.DOUBLES


def check(predicate: Predicate, context: str) -> list[str]:
    """Warnings about a rule that is accepted.

    Raises:
        RuleTypeError: the rule is not accepted; `offset` is the place.
    """
    checker = _Checker(context)
    checker.predicate(predicate)
    return checker.warnings


def check_value(value: Value, context: str) -> Kind:
    """The kinds that a value may have; raises RuleTypeError as `check` does."""
    return _Checker(context).kinds(value)


def arguments(call: Call, context: str) -> Iterator[tuple[Parameter, Value]]:
    """The arguments of a call by parameter.

    Raises:
        RuleTypeError: no such function or parameter, too few or too many.
    """
    function = function_of(call, context)
    by_name = {p.name: p for p in function.parameters}
    given = list(zip(function.parameters, call.arguments, strict=False))
    required = sum(not p.optional for p in function.parameters)
    count = len(call.arguments) + len(call.named)
    if not required <= count <= len(function.parameters):
        raise RuleTypeError(
            f"{usage(function)} takes {_count(required, len(by_name))}, got {count}", "", call.at
        )
    for name, value in call.named:
        if name not in by_name:
            hint = nearest(name, by_name) or usage(function)
            raise RuleTypeError(f"{call.function} has no parameter {name}", "", value.at, hint)
        if any(parameter.name == name for parameter, _ in given):
            raise RuleTypeError(f"{name} is given twice", "", value.at)
        given.append((by_name[name], value))
    for parameter in function.parameters:
        if not parameter.optional and not any(p is parameter for p, _ in given):
            raise RuleTypeError(f"{call.function} needs {parameter.name}", "", call.at, usage(function))
    yield from given


def function_of(call: Call, context: str) -> Function:
    function = FUNCTIONS.get(call.function)
    if function is None:
        hint = nearest(call.function, FUNCTIONS) or f"functions are {', '.join(FUNCTIONS)}"
        raise RuleTypeError(f"there is no function {call.function}", "", call.at, hint)
    if function.reads(context) is None:
        raise RuleTypeError(f"{call.function} has nothing to judge in a {context} rule", "", call.at)
    return function


def literals(given: list[tuple[Parameter, Value]]) -> dict[str, object]:
    """The arguments that are literals, by parameter."""
    return {p.name: v.value for p, v in given if isinstance(v, Literal)}


def usage(function: Function) -> str:
    """The function with its parameters: Substring(target, start, length, [utf8_safe])."""
    shown = ", ".join(f"[{p.name}]" if p.optional else p.name for p in function.parameters)
    return f"{function.name}({shown})"


def _count(least: int, most: int) -> str:
    noun = "argument" if most == 1 else "arguments"
    return f"{least} {noun}" if least == most else f"{least} to {most} {noun}"


class _Checker:
    def __init__(self, context: str) -> None:
        self.context = context
        self.warnings: list[str] = []

    def predicate(self, node: Predicate) -> None:
        match node:
            case And(operands) | Or(operands):
                for operand in operands:
                    self.predicate(operand)
            case Not(operand):
                self.predicate(operand)
            case Compare():
                self.comparison(node)
            case Call():
                kinds = self.kinds(node)
                if not kinds & Kind.BOOL:
                    hint = "compare it with something"
                    raise RuleTypeError(
                        f"{node.function} gives {describe(kinds)}, not a bool", "", node.at, hint
                    )

    def comparison(self, node: Compare) -> None:
        left, right = self.kinds(node.left), self.kinds(node.right)
        common = left & right & ~(Kind.DOUBLES | Kind.COUNTS | Kind.MESSAGES | Kind.MESSAGE)
        if common or (left & Kind.NUMBER and right & Kind.NUMBER):
            return
        hint = _comparison_hint(left, right)
        self.warnings.append(
            f"always {'true' if node.operator == '!=' else 'false'}: "
            f"{describe(left)} {node.operator} {describe(right)}{hint}"
        )

    def kinds(self, node: Value) -> Kind:
        match node:
            case Literal(value):
                return _LITERALS[type(value)]
            case Symbol():
                return self.symbol(node)
            case ListOf(items):
                for item in items:
                    self.kinds(item)
                return Kind.LIST
            case MapOf(items):
                for _, value in items:
                    self.kinds(value)
                return Kind.MAP
            case Path():
                self.keys(node.keys)
                field = field_of(node)
                return field.indexed_kind() if node.keys else field.kind
            case Call():
                return self.call(node)
            case Negate(value):
                self.calculable(value, Kind.NUMBER)
                return Kind.NUMBER
            case Arithmetic():
                return self.arithmetic(node)

    def symbol(self, node: Symbol) -> Kind:
        known = SYMBOLS[self.context]
        if node.name not in known:
            everywhere = {name for names in SYMBOLS.values() for name in names}
            hint = nearest(node.name, known) or (
                f"a {self.context} rule has no {node.name}" if node.name in everywhere else ""
            )
            raise RuleTypeError(f"there is no symbol {node.name}", "", node.at, hint)
        return Kind.INT

    def keys(self, keys: tuple[Value, ...]) -> None:
        for key in keys:
            if not self.kinds(key) & (Kind.STRING | Kind.INT):
                raise RuleTypeError(
                    f"an index is a string or an int, not {describe(self.kinds(key))}", "", key.at
                )

    def calculable(self, node: Value, wanted: Kind) -> Kind:
        kinds = self.kinds(node)
        if not kinds & wanted:
            raise RuleTypeError(f"{describe(kinds)} cannot be calculated with", "", node.at)
        return kinds & wanted

    def arithmetic(self, node: Arithmetic) -> Kind:
        left, right = self.calculable(node.left, _CALCULABLE), self.calculable(node.right, _CALCULABLE)
        result = Kind(0)
        if left & Kind.NUMBER and right & Kind.NUMBER:
            result |= Kind.INT if left == right == Kind.INT else Kind.NUMBER
        if node.operator in "+-":
            if left & Kind.DURATION and right & Kind.DURATION:
                result |= Kind.DURATION
            if left & Kind.TIME and right & Kind.DURATION:
                result |= Kind.TIME
        if node.operator == "+" and left & Kind.DURATION and right & Kind.TIME:
            result |= Kind.TIME
        if node.operator == "-" and left & Kind.TIME and right & Kind.TIME:
            result |= Kind.DURATION
        if not result:
            raise RuleTypeError(
                f"{describe(left)} {node.operator} {describe(right)} has no meaning", "", node.at
            )
        return result

    def call(self, node: Call) -> Kind:
        given = list(arguments(node, self.context))
        function = function_of(node, self.context)
        for parameter, value in given:
            self.argument(node, parameter, value)
        try:
            function.prepare(literals(given))
        except PatternError as error:
            pattern = next(v for p, v in given if p.name == "pattern")
            shown = f"{error.reason} (character {error.column} of {error.source})"
            raise RuleTypeError(shown, "", pattern.at, error.hint) from None
        except RuleError as error:
            at = given[0][1].at if given else node.at
            raise RuleTypeError(error.reason, "", at, error.hint) from None
        self.keys(node.keys)
        if not node.keys:
            return function.result
        if not function.result & _INDEXABLE:
            raise RuleTypeError(
                f"{node.function} gives {describe(function.result)}, which has no index", "", node.at
            )
        return EVERY

    def argument(self, call: Call, parameter: Parameter, value: Value) -> None:
        takes = parameter.takes
        kinds = self.kinds(value)
        if takes.literal and not isinstance(value, Literal):
            raise RuleTypeError(f"{parameter.name} of {call.function} must be {takes.noun}", "", value.at)
        if not kinds & takes.kinds:
            reason = f"{parameter.name} of {call.function} must be {takes.noun}, not {describe(kinds)}"
            raise RuleTypeError(reason, "", value.at, _argument_hint(parameter))
        if isinstance(value, Literal):
            try:
                takes.convert(value.value)
            except EvaluationError as error:
                raise RuleTypeError(str(error), "", value.at) from None


def _argument_hint(parameter: Parameter) -> str:
    if parameter.takes is STRINGS:
        return 'a list stands in brackets: ["a", attributes["b"]]'
    if parameter.takes.kinds == Kind.STRING:
        return "String(...) makes a string of a value"
    return ""


def _comparison_hint(left: Kind, right: Kind) -> str:
    for ids, name in ((Kind.TRACE_ID, "TraceID"), (Kind.SPAN_ID, "SpanID")):
        if (left | right) & ids and (left | right) & (Kind.BYTES | Kind.STRING):
            return f"; write {name}(...) around the other side"
    if (left | right) & Kind.TIME and (left | right) & Kind.INT:
        return "; the _unix_nano path is an int"
    return ""
