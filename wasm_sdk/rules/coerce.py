"""How functions take their arguments: OTTL's typed getters.

A "getter" (string, int, ...) takes values of one kind and refuses others, nil included; a "like getter"
converts, and gives nil for nil. A literal parameter must be written out in the rule.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

from wasm_sdk.rules.errors import EvaluationError
from wasm_sdk.rules.gotext import parse_double, parse_int, string_like, truncate_double
from wasm_sdk.rules.kinds import Kind
from wasm_sdk.rules.values import Duration, RuleValue, Time, describe, encode, is_list, items_of

if TYPE_CHECKING:
    from collections.abc import Callable

_NUMERIC = Kind.NIL | Kind.BOOL | Kind.INT | Kind.DOUBLE | Kind.STRING
EVERY = Kind(65535)


@dataclass(frozen=True, slots=True)
class Takes:
    """What a parameter takes.

    Attributes:
        noun: for messages, such as "a string".
        kinds: the kinds that can be taken.
        convert: the value as the function sees it; raises EvaluationError for one that cannot be taken.
        literal: whether the argument must be written out in the rule.
    """

    noun: str
    kinds: Kind
    convert: Callable[[RuleValue], RuleValue]
    literal: bool = False


def _of_type(kind: type, noun: str) -> Callable[[RuleValue], RuleValue]:
    def convert(value: RuleValue) -> RuleValue:
        if type(value) is not kind:
            raise EvaluationError(f"expected {noun}, got {describe(value)}")
        return value

    return convert


def _int_like(value: RuleValue) -> int | None:
    match value:
        case None:
            return None
        case bool() | int():
            return int(value)
        case float():
            return truncate_double(value)
        case str():
            return parse_int(value)
    raise EvaluationError(f"{describe(value)} cannot be an int")


def _double_like(value: RuleValue) -> float | None:
    match value:
        case None:
            return None
        case bool() | int() | float():
            return float(value)
        case str():
            return parse_double(value)
    raise EvaluationError(f"{describe(value)} cannot be a double")


_TRUTHS = {
    **dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True),
    **dict.fromkeys(("0", "f", "F", "FALSE", "false", "False"), False),
}


def _bool_like(value: RuleValue) -> bool | None:
    match value:
        case None:
            return None
        case bool() | int() | float():
            return value != 0
        case str() if value in _TRUTHS:
            return _TRUTHS[value]
    raise EvaluationError(f"{describe(value)} cannot be a bool")


def _bytes_like(value: RuleValue) -> bytes:
    match value:
        case None:
            return b""
        case bool():
            return bytes((value,))
        case int():
            return value.to_bytes(8, "big", signed=True)
        case float():
            return struct.pack(">d", value)
        case str():
            return encode(value)
    if type(value) is bytes:
        return value
    raise EvaluationError(f"{describe(value)} cannot be bytes")


def _strings(value: RuleValue) -> list[str | None]:
    if not is_list(value):
        raise EvaluationError(f"expected a list, got {describe(value)}")
    return [string_like(item) for item in items_of(value)]


def _same(value: RuleValue) -> RuleValue:
    return value


ANY = Takes("any value", EVERY, _same)
STRING = Takes("a string", Kind.STRING, _of_type(str, "a string"))
STRING_LIKE = Takes("a value with a text", EVERY & ~(Kind.MESSAGES | Kind.MESSAGE), string_like)
STRINGS = Takes("a list of values with a text", Kind.LIST, _strings)
INT = Takes("an int", Kind.INT, _of_type(int, "an int"))
INT_LIKE = Takes("a number, a bool or a string", _NUMERIC, _int_like)
DOUBLE_LIKE = Takes("a number, a bool or a string", _NUMERIC, _double_like)
BOOL_LIKE = Takes("a number, a bool or a string", _NUMERIC, _bool_like)
BYTES_LIKE = Takes("bytes or a string", _NUMERIC | Kind.BYTES, _bytes_like)
TIME = Takes("a time", Kind.TIME, _of_type(Time, "a time"))
DURATION = Takes("a duration", Kind.DURATION, _of_type(Duration, "a duration"))
TEXT = Takes("a string written out", Kind.STRING, _same, literal=True)
NUMBER = Takes("a number written out", Kind.NUMBER, _same, literal=True)
FLAG = Takes("true or false", Kind.BOOL, _same, literal=True)
