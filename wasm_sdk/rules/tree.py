"""The predicate tree: what a rule is, once read.

Frozen values without behaviour; text, JSON, evaluation over decoded items and evaluation over the wire are
four functions of it. `at` is the place in the text (characters from its start) for messages; it takes no
part in equality.
"""

from __future__ import annotations

from dataclasses import dataclass, field

LITERAL_TYPES = (type(None), bool, int, float, str, bytes)


def _at() -> int:
    return field(default=0, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Literal:
    """nil, a bool, a signed 64-bit int, a finite double, a string or bytes."""

    value: bool | int | float | str | bytes | None
    at: int = _at()

    def __eq__(self, other: object) -> bool:
        # 1, 1.0 and True are equal in Python and three literals here; so are 0.0 and -0.0.
        if not isinstance(other, Literal):
            return NotImplemented
        return type(self.value) is type(other.value) and repr(self.value) == repr(other.value)

    def __hash__(self) -> int:
        return hash((type(self.value), self.value))


@dataclass(frozen=True, slots=True)
class Symbol:
    """An enum symbol such as SPAN_KIND_SERVER; stands for an int."""

    name: str
    at: int = _at()


@dataclass(frozen=True, slots=True)
class Path:
    """A field of the telemetry: `context` names the message, `fields` the way into it, `keys` what indexes
    the last.
    """

    context: str
    fields: tuple[str, ...]
    keys: tuple[Value, ...] = ()
    at: int = _at()


@dataclass(frozen=True, slots=True)
class ListOf:
    """`[a, b, ...]`."""

    items: tuple[Value, ...]
    at: int = _at()


@dataclass(frozen=True, slots=True)
class MapOf:
    """`{"key": value, ...}`, in the order written; the last of equal keys counts."""

    items: tuple[tuple[str, Value], ...]
    at: int = _at()


@dataclass(frozen=True, slots=True)
class Call:
    """A converter: positional arguments first, then named ones; `keys` index what it returns."""

    function: str
    arguments: tuple[Value, ...] = ()
    named: tuple[tuple[str, Value], ...] = ()
    keys: tuple[Value, ...] = ()
    at: int = _at()


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`left operator right` with one of + - * /."""

    operator: str
    left: Value
    right: Value
    at: int = _at()


@dataclass(frozen=True, slots=True)
class Negate:
    """`-value`; of a numeric literal it is the literal itself."""

    value: Value
    at: int = _at()


@dataclass(frozen=True, slots=True)
class Compare:
    """`left operator right` with one of == != < <= > >=."""

    operator: str
    left: Value
    right: Value
    at: int = _at()


@dataclass(frozen=True, slots=True)
class Not:
    operand: Predicate
    at: int = _at()


@dataclass(frozen=True, slots=True)
class And:
    """At least two operands, judged from left to right until one is false."""

    operands: tuple[Predicate, ...]
    at: int = _at()


@dataclass(frozen=True, slots=True)
class Or:
    """At least two operands, judged from left to right until one is true."""

    operands: tuple[Predicate, ...]
    at: int = _at()


Value = Literal | Symbol | Path | ListOf | MapOf | Call | Arithmetic | Negate
# A bool literal or a call may stand where a truth value is wanted.
Predicate = Literal | Call | Compare | Not | And | Or
Node = Value | Predicate

ARITHMETIC = ("+", "-", "*", "/")
COMPARISONS = ("==", "!=", "<", "<=", ">", ">=")
INT_MIN, INT_MAX = -(1 << 63), (1 << 63) - 1
