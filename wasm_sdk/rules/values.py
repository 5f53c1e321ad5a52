"""The values that rules calculate with, and how two of them compare.

nil, bool, int, double, string, bytes, list and map are Python's None, bool, int, float, str, bytes, list and
`KeyValues` (or dict); the rest are here. Strings are Go strings: UTF-8, measured in bytes; bytes that are
not UTF-8 are kept as surrogates.
"""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wasm_sdk.otlp.values import KeyValues, plain

if TYPE_CHECKING:
    from collections.abc import Callable

# What a path or function may give; dynamic by nature, since attributes are.
RuleValue = Any


@dataclass(frozen=True, slots=True, order=True)
class Duration:
    """A span of time in nanoseconds."""

    nanoseconds: int


class Time:
    """A moment in Unix nanoseconds, with the offset (seconds east of UTC) in which its hour is told."""

    __slots__ = ("offset", "unix_nano")

    def __init__(self, unix_nano: int, offset: int = 0) -> None:
        self.unix_nano = unix_nano
        self.offset = offset

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Time) and self.unix_nano == other.unix_nano

    def __hash__(self) -> int:
        return hash(self.unix_nano)

    def __lt__(self, other: Time) -> bool:
        return self.unix_nano < other.unix_nano

    def __le__(self, other: Time) -> bool:
        return self.unix_nano <= other.unix_nano

    def __repr__(self) -> str:
        return f"Time({self.unix_nano}, {self.offset})"


class TraceID(bytes):
    """16 bytes that equal another trace id, and no other bytes."""

    __slots__ = ()


class SpanID(bytes):
    """8 bytes that equal another span id, and no other bytes."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Messages:
    """Repeated messages or numbers of which only the length can be asked; they equal nothing.

    `listed` tells whether IsList holds.
    """

    length: int
    listed: bool = True


@dataclass(frozen=True, slots=True)
class Message:
    """A message as a whole, such as the status; it is not nil, and no more can be said of it."""


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq, "!=": operator.ne, "<": operator.lt,
    "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
_ORDERED = (int, float, bool, bytes, Time, Duration)


def compare(symbol: str, left: RuleValue, right: RuleValue) -> bool:
    """`left symbol right` by OTTL's comparison rules (pkg/ottl/LANGUAGE.md, "Comparison Rules").

    Values of different kinds are unequal and neither smaller nor larger; ints and doubles compare as
    doubles; nil equals nil only.
    """
    # The collector reads empty bytes as nil.
    if left == b"":
        left = None
    if right == b"":
        right = None
    if left is None or right is None:
        return symbol in ("==", "<=", ">=") if left is right else symbol == "!="
    kind, other = type(left), type(right)
    if kind is other:
        if kind in _ORDERED:
            return _OPERATORS[symbol](left, right)
        if kind is str:
            if symbol not in ("==", "!=") and not (left.isascii() and right.isascii()):
                return _OPERATORS[symbol](encode(left), encode(right))
            return _OPERATORS[symbol](left, right)
        if kind in (TraceID, SpanID) and symbol in ("==", "!="):
            return _OPERATORS[symbol](left, right)
    elif kind in (int, float) and other in (int, float):
        return _OPERATORS[symbol](float(left), float(right))
    if (is_list(left) and is_list(right)) or (is_map(left) and is_map(right)):
        return symbol in ("==", "!=") and _same(left, right) == (symbol == "==")
    return symbol == "!="


def is_list(value: RuleValue) -> bool:
    """Whether the value is a list, and not a `KeyValues`, which is a Python list too."""
    return isinstance(value, list) and not isinstance(value, KeyValues)


def is_map(value: RuleValue) -> bool:
    return isinstance(value, dict | KeyValues)


def as_dict(value: RuleValue) -> dict[str, RuleValue]:
    """The entries of a map by key; of entries with equal keys the last counts."""
    return value if isinstance(value, dict) else {item.key: plain(item.value) for item in value}


def items_of(value: RuleValue) -> list[RuleValue]:
    """The items of a list."""
    return [plain(item) for item in value]


def _same(left: RuleValue, right: RuleValue) -> bool:
    """Deep equality in which 1 and 1.0 differ."""
    if is_list(left):
        return is_list(right) and len(left) == len(right) and all(map(_same, items_of(left), items_of(right)))
    if is_map(left):
        if not is_map(right):
            return False
        a, b = as_dict(left), as_dict(right)
        return a.keys() == b.keys() and all(_same(value, b[key]) for key, value in a.items())
    return type(left) is type(right) and bool(left == right)


def encode(text: str) -> bytes:
    """The bytes of a string."""
    return text.encode("utf-8", "surrogateescape")


def decode(data: bytes) -> str:
    """The string of bytes that should be UTF-8."""
    return data.decode("utf-8", "surrogateescape")


def describe(value: RuleValue) -> str:
    """The kind of a value in words, for messages."""
    if value is None:
        return "nil"
    names = {
        bool: "a bool", int: "an int", float: "a double", str: "a string", bytes: "bytes", Time: "a time",
        Duration: "a duration", TraceID: "a trace id", SpanID: "a span id", Message: "a message",
        Messages: "a list of messages",
    }  # fmt: skip
    return names.get(type(value)) or ("a map" if is_map(value) else "a list")
