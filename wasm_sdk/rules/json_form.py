"""The predicate tree as JSON, versioned: what an agent ships to a page, which evaluates it unchanged.

Each node is an object with one key that names it (`and`, `compare`, `path`, ...) and, for calls and paths,
`named` and `keys` beside it. Ints beyond 2^53 are strings, since JavaScript cannot read them as numbers.
"""

from __future__ import annotations

import json
from typing import Any

from wasm_sdk.rules.errors import RuleError, RuleSyntaxError
from wasm_sdk.rules.parser import MAX_DEPTH
from wasm_sdk.rules.paths import VISIBLE
from wasm_sdk.rules.resolve import resolve
from wasm_sdk.rules.tree import (
    ARITHMETIC,
    COMPARISONS,
    INT_MAX,
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

VERSION = 1
_SAFE_INT = (1 << 53) - 1


def to_json(predicate: Predicate, context: str) -> dict[str, Any]:
    """`{"version": 1, "context": ..., "condition": ...}`, ready for `json.dumps`."""
    return {"version": VERSION, "context": context, "condition": _node(predicate)}


def _node(node: Node) -> dict[str, Any]:
    match node:
        case And(operands):
            return {"and": [_node(o) for o in operands]}
        case Or(operands):
            return {"or": [_node(o) for o in operands]}
        case Not(operand):
            return {"not": _node(operand)}
        case Compare(operator, left, right):
            return {"compare": [operator, _node(left), _node(right)]}
        case Arithmetic(operator, left, right):
            return {"calculate": [operator, _node(left), _node(right)]}
        case Negate(value):
            return {"negate": _node(value)}
        case Symbol(name):
            return {"symbol": name}
        case ListOf(items):
            return {"list": [_node(item) for item in items]}
        case MapOf(items):
            return {"map": [[key, _node(value)] for key, value in items]}
        case Path(context, fields, keys):
            return {"path": [context, *fields], **({"keys": [_node(k) for k in keys]} if keys else {})}
        case Call(function, arguments, named, keys):
            return {
                "call": [function, *map(_node, arguments)],
                **({"named": {name: _node(value) for name, value in named}} if named else {}),
                **({"keys": [_node(k) for k in keys]} if keys else {}),
            }
        case Literal(value):
            return _literal(value)


def _literal(value: bool | int | float | str | bytes | None) -> dict[str, Any]:
    match value:
        case None:
            return {"nil": True}
        case bool():
            return {"bool": value}
        case int():
            return {"int": value if abs(value) <= _SAFE_INT else str(value)}
        case float():
            return {"double": value}
        case bytes():
            return {"bytes": value.hex()}
    if any("\udc80" <= c <= "\udcff" for c in value):
        return {"string": {"hex": value.encode("utf-8", "surrogateescape").hex()}}
    return {"string": value}


def from_json(data: object) -> tuple[Predicate, str]:
    """The tree and the context of a rule in JSON form (decoded, or as text); functions and kinds are not
    checked yet.

    Raises:
        RuleError: with the place as a path into the JSON in the message.
    """
    if isinstance(data, str | bytes):
        try:
            data = json.loads(data)
        except (ValueError, RecursionError) as error:
            raise RuleSyntaxError(f"not JSON: {error}") from None
    if not isinstance(data, dict) or data.get("version") != VERSION:
        raise RuleSyntaxError(f"a rule in JSON is an object with version {VERSION}")
    context = data.get("context")
    if not isinstance(context, str) or context not in VISIBLE:
        raise RuleSyntaxError(f"context: one of {', '.join(VISIBLE)}")
    reader = _Reader(context)
    return reader.predicate(data.get("condition"), "condition"), context


class _Reader:
    def __init__(self, context: str) -> None:
        self.context = context
        self.depth = 0

    def fail(self, where: str, wanted: str) -> RuleSyntaxError:
        return RuleSyntaxError(f"{where}: expected {wanted}")

    def open(self, data: object, where: str) -> tuple[str, Any, dict[str, Any]]:
        """A node's name, its content, and what stands beside it."""
        if not isinstance(data, dict) or not data:
            raise self.fail(where, "an object that names a node")
        self.depth += 1
        if self.depth > 4 * MAX_DEPTH:
            raise RuleSyntaxError(f"nested deeper than {4 * MAX_DEPTH} levels")
        beside = {key: value for key, value in data.items() if key in ("keys", "named")}
        names = [key for key in data if key not in beside]
        if len(names) != 1 or (beside and names[0] not in ("call", "path")):
            raise self.fail(where, "one node")
        return names[0], data[names[0]], beside

    def predicate(self, data: object, where: str) -> Predicate:
        name, content, _ = self.open(data, where)
        here = f"{where}.{name}"
        node: Predicate
        match name:
            case "and" | "or":
                if not isinstance(content, list) or len(content) < 2:
                    raise self.fail(here, "a list of two or more")
                operands = tuple(self.predicate(o, f"{here}[{i}]") for i, o in enumerate(content))
                node = And(operands) if name == "and" else Or(operands)
            case "not":
                node = Not(self.predicate(content, here))
            case "compare":
                node = Compare(*self.binary(content, here, COMPARISONS))
            case _:
                self.depth -= 1
                value = self.value(data, where)
                if not isinstance(value, Call) and not (
                    isinstance(value, Literal) and isinstance(value.value, bool)
                ):
                    raise self.fail(where, "a condition")
                return value
        self.depth -= 1
        return node

    def binary(self, content: object, where: str, operators: tuple[str, ...]) -> tuple[str, Value, Value]:
        if not isinstance(content, list) or len(content) != 3 or content[0] not in operators:
            raise self.fail(where, "an operator and two values")
        return content[0], self.value(content[1], f"{where}[1]"), self.value(content[2], f"{where}[2]")

    def value(self, data: object, where: str) -> Value:
        name, content, beside = self.open(data, where)
        here = f"{where}.{name}"
        node: Value
        match name:
            case "calculate":
                node = Arithmetic(*self.binary(content, here, ARITHMETIC))
            case "negate":
                node = Negate(self.value(content, here))
            case "symbol" if isinstance(content, str):
                node = Symbol(content)
            case "list" if isinstance(content, list):
                node = ListOf(tuple(self.value(item, f"{here}[{i}]") for i, item in enumerate(content)))
            case "map" if isinstance(content, list):
                node = MapOf(tuple(self.pair(item, f"{here}[{i}]") for i, item in enumerate(content)))
            case "path":
                node = self.path(content, self.keys(beside, where), here)
            case "call" if isinstance(content, list) and content and isinstance(content[0], str):
                arguments = tuple(self.value(a, f"{here}[{i}]") for i, a in enumerate(content[1:], 1))
                named = beside.get("named", {})
                if not isinstance(named, dict):
                    raise self.fail(f"{where}.named", "an object")
                by_name = tuple((key, self.value(v, f"{where}.named.{key}")) for key, v in named.items())
                node = Call(content[0], arguments, by_name, self.keys(beside, where))
            case _:
                node = self.literal(name, content, here)
        self.depth -= 1
        return node

    def pair(self, data: object, where: str) -> tuple[str, Value]:
        if not isinstance(data, list) or len(data) != 2 or not isinstance(data[0], str):
            raise self.fail(where, "a key and a value")
        return data[0], self.value(data[1], f"{where}[1]")

    def keys(self, beside: dict[str, Any], where: str) -> tuple[Value, ...]:
        keys = beside.get("keys", [])
        if not isinstance(keys, list):
            raise self.fail(f"{where}.keys", "a list")
        return tuple(self.value(key, f"{where}.keys[{i}]") for i, key in enumerate(keys))

    def path(self, content: object, keys: tuple[Value, ...], where: str) -> Path:
        if not isinstance(content, list) or len(content) < 2 or not all(isinstance(c, str) for c in content):
            raise self.fail(where, "a list of a context and its fields")
        segments = [(name, (), 0) for name in content[:-1]]
        try:
            return resolve(self.context, [*segments, (content[-1], keys, 0)])
        except RuleError as error:
            error.reason = f"{where}: {error.reason}"
            raise

    def literal(self, name: str, content: Any, where: str) -> Literal:
        match name, content:
            case "nil", True:
                return Literal(None)
            case "bool", bool():
                return Literal(content)
            case "int", int() | str() if not isinstance(content, bool):
                digits = str(content)
                if len(digits) <= 20 and digits.lstrip("-").isdecimal() and INT_MIN <= int(digits) <= INT_MAX:
                    return Literal(int(digits))
            case "double", float() | int() if not isinstance(content, bool):
                number = float(content)
                if number - number == 0:
                    return Literal(number)
            case "string", str() if not any("\ud800" <= c <= "\udfff" for c in content):
                return Literal(content)
            case "string", {"hex": str() as digits}:
                return Literal(self.hex(digits, where).decode("utf-8", "surrogateescape"))
            case "bytes", str():
                return Literal(self.hex(content, where))
        raise self.fail(where, "a node or a literal of the form that version 1 has")

    def hex(self, digits: str, where: str) -> bytes:
        try:
            return bytes.fromhex(digits)
        except ValueError:
            raise self.fail(where, "hexadecimal digits") from None
