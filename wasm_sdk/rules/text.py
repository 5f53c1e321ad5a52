"""The predicate tree as text: one canonical form, which reads back as the same tree."""

from __future__ import annotations

from wasm_sdk.rules.tree import (
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
    Symbol,
    Value,
)

_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"}


def text(node: Node) -> str:
    """The canonical text: paths with their context, one space around operators, parentheses only where
    needed.
    """
    match node:
        case Or(operands):
            return " or ".join(_operand(o, Or) for o in operands)
        case And(operands):
            return " and ".join(_operand(o, Or, And) for o in operands)
        case Not(operand):
            return "not " + _operand(operand, Or, And, Not)
        case Compare(operator, left, right):
            return f"{text(left)} {operator} {text(right)}"
    return _value(node)


def _operand(node: Node, *weaker: type) -> str:
    # A conjunction inside a conjunction keeps its parentheses, so that the tree comes back as it was.
    return f"({text(node)})" if isinstance(node, weaker) else text(node)


def _value(node: Value) -> str:
    match node:
        case Literal(value):
            return literal(value)
        case Symbol(name):
            return name
        case Path(context, fields, keys):
            return ".".join((context, *fields)) + _keys(keys)
        case ListOf(items):
            return "[" + ", ".join(map(_value, items)) + "]"
        case MapOf(items):
            return "{" + ", ".join(f"{quote(key)}: {_value(value)}" for key, value in items) + "}"
        case Call(function, arguments, named, keys):
            shown = [_value(a) for a in arguments] + [f"{name}={_value(v)}" for name, v in named]
            return f"{function}({', '.join(shown)})" + _keys(keys)
        case Negate(value):
            return "-" + (_value(value) if isinstance(value, Path | Call) else f"({_value(value)})")
        case Arithmetic(operator, left, right):
            return f"{_term(left, operator, False)} {operator} {_term(right, operator, True)}"


def _term(node: Value, operator: str, right: bool) -> str:
    if isinstance(node, Arithmetic):
        weaker = operator in "*/" and node.operator in "+-"
        same = (operator in "*/") == (node.operator in "*/")
        if weaker or (right and same):
            return f"({_value(node)})"
    return _value(node)


def _keys(keys: tuple[Value, ...]) -> str:
    return "".join(f"[{_value(key)}]" for key in keys)


def literal(value: bool | int | float | str | bytes | None) -> str:
    """A literal as rules write it."""
    match value:
        case None:
            return "nil"
        case bool():
            return "true" if value else "false"
        case str():
            return quote(value)
        case bytes():
            return "0x" + value.hex()
        case float():
            digits = repr(value)
            mantissa, exponent, power = digits.partition("e")
            return digits if "." in mantissa else f"{mantissa}.0{exponent}{power}"
    return str(value)


def quote(value: str) -> str:
    """A string in double quotes."""
    out = ""
    for char in value:
        code = ord(char)
        if char in _ESCAPES:
            out += _ESCAPES[char]
        elif 0xDC80 <= code <= 0xDCFF:
            out += f"\\x{code - 0xDC00:02x}"
        else:
            out += char if char.isprintable() else f"\\U{code:08x}"
    return f'"{out}"'
