"""Tokens to the predicate tree, by recursive descent.

The grammar is that of OTTL's boolean expressions (opentelemetry-collector-contrib, pkg/ottl/grammar.go,
v0.163); `or` binds least, then `and`, `not`, comparisons, `+ -`, `* /`, and a sign.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

from wasm_sdk.rules.errors import RuleError, RuleSyntaxError
from wasm_sdk.rules.lexer import Token, tokenize
from wasm_sdk.rules.resolve import Segment, resolve
from wasm_sdk.rules.tree import (
    ARITHMETIC,
    COMPARISONS,
    INT_MAX,
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
    from collections.abc import Callable

_T = TypeVar("_T")

MAX_DEPTH = 64
"""How deep a rule may nest; the trees are walked recursively, also where stacks are small (WebAssembly)."""
MAX_LENGTH = 65_536
"""How long a rule may be, in characters."""

_IS_SYMBOL = re.compile(r"[A-Z][A-Z0-9_]*\Z")


def parse(source: str, context: str) -> Predicate:
    """The tree of a rule about items of a context; functions and kinds are not checked yet.

    Raises:
        RuleError: with the place of the mistake.
    """
    if len(source) > MAX_LENGTH:
        raise RuleSyntaxError(f"the rule has {len(source)} characters; {MAX_LENGTH} are the most")
    try:
        parser = _Parser(tokenize(source), context)
        predicate = parser.predicate()
        parser.finish()
    except RuleError as error:
        raise error.located(source) from None
    return predicate


def parse_value(source: str, context: str) -> Value:
    """The tree of a value, such as `attributes["service.name"]`; raises RuleError as `parse` does."""
    if len(source) > MAX_LENGTH:
        raise RuleSyntaxError(f"the value has {len(source)} characters; {MAX_LENGTH} are the most")
    try:
        parser = _Parser(tokenize(source), context)
        value = parser.value()
        parser.finish()
    except RuleError as error:
        raise error.located(source) from None
    return value


class _Parser:
    def __init__(self, tokens: list[Token], context: str) -> None:
        self.tokens = tokens
        self.context = context
        self.position = 0
        self.depth = 0
        self.closing = _matching(tokens)

    @property
    def token(self) -> Token:
        return self.tokens[self.position]

    def take(self) -> Token:
        token = self.token
        self.position += 1
        return token

    def expect(self, kind: str, where: str) -> Token:
        if self.token.kind != kind:
            raise RuleSyntaxError(
                f"expected {kind} {where}, found {self.token.describe()}", "", self.token.at
            )
        return self.take()

    def enter(self) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise RuleSyntaxError(f"nested deeper than {MAX_DEPTH} levels", "", self.token.at)

    def finish(self) -> None:
        token = self.token
        if token.kind == "end":
            return
        hint = "join conditions with and, or"
        if token.kind in COMPARISONS:
            hint = "comparisons do not chain: write a < b and b < c"
        elif token.kind == "name" and token.text == "where":
            hint = "a condition is what follows where"
        raise RuleSyntaxError(f"unexpected {token.describe()} after the condition", "", token.at, hint)

    # conditions

    def predicate(self) -> Predicate:
        self.enter()
        at = self.token.at
        operands = [self.conjunction()]
        while self.token.kind == "or":
            self.take()
            operands.append(self.conjunction())
        self.depth -= 1
        return operands[0] if len(operands) == 1 else Or(tuple(operands), at)

    def conjunction(self) -> Predicate:
        at = self.token.at
        operands = [self.condition()]
        while self.token.kind == "and":
            self.take()
            operands.append(self.condition())
        return operands[0] if len(operands) == 1 else And(tuple(operands), at)

    def condition(self) -> Predicate:
        token = self.token
        if token.kind != "not":
            return self.comparison()
        self.take()
        if self.token.kind == "not":
            raise RuleSyntaxError(
                "not cannot follow not", "", self.token.at, "use parentheses, or leave out both"
            )
        return Not(self.comparison(), token.at)

    def comparison(self) -> Predicate:
        at = self.token.at
        if self.token.kind == "(" and not self.starts_arithmetic():
            self.take()
            inner = self.predicate()
            self.expect(")", "to close the parenthesis")
            return inner
        left = self.value()
        if self.token.kind in COMPARISONS:
            return Compare(self.take().kind, left, self.value(), at)
        if isinstance(left, Call) or (isinstance(left, Literal) and isinstance(left.value, bool)):
            return left
        hint = "a condition compares two values, or is a function that gives a bool"
        if self.token.kind == "=":
            hint = "equality is =="
        elif isinstance(left, Path):
            hint = "write == true, or != nil, after it"
        raise RuleSyntaxError(
            f"expected a comparison, found {self.token.describe()}", "", self.token.at, hint
        )

    def starts_arithmetic(self) -> bool:
        """Whether the parenthesis here groups a calculation: then an operator follows its end."""
        after = self.tokens[self.closing.get(self.position, -2) + 1].kind
        return after in COMPARISONS or after in ARITHMETIC

    # values

    def value(self) -> Value:
        self.enter()
        left = self.product()
        chained = 0
        while self.token.kind in ("+", "-"):
            operator = self.take()
            left = Arithmetic(
                operator.kind, _number(left, operator), _number(self.product(), operator), operator.at
            )
            chained += 1
            self.enter()
        self.depth -= 1 + chained
        return left

    def product(self) -> Value:
        left = self.signed()
        chained = 0
        while self.token.kind in ("*", "/"):
            operator = self.take()
            left = Arithmetic(
                operator.kind, _number(left, operator), _number(self.signed(), operator), operator.at
            )
            chained += 1
            self.enter()
        self.depth -= chained
        return left

    def signed(self) -> Value:
        if self.token.kind not in ("+", "-"):
            return _in_range(self.atom())
        sign = self.take()
        operand = _number(self.atom(), sign)
        if sign.kind == "-" and isinstance(operand, Literal) and isinstance(operand.value, int | float):
            return Literal(-operand.value, sign.at)
        operand = _in_range(operand)
        return Negate(operand, sign.at) if sign.kind == "-" else operand

    def atom(self) -> Value:
        token = self.take()
        match token.kind:
            case "int" | "double" | "string" | "bytes":
                return Literal(token.value, token.at)
            case "true" | "false":
                return Literal(token.kind == "true", token.at)
            case "nil":
                return Literal(None, token.at)
            case "name":
                return self.named(token)
            case "[":
                return ListOf(tuple(self.sequence("]", self.value)), token.at)
            case "{":
                return MapOf(tuple(self.pairs()), token.at)
            case "(":
                inner = _number(self.value(), token)
                self.expect(")", "to close the parenthesis")
                return inner
        hint = "conditions cannot be values" if token.kind in ("not", "and", "or") else ""
        raise RuleSyntaxError(f"expected a value, found {token.describe()}", "", token.at, hint)

    def named(self, token: Token) -> Value:
        if self.token.kind == "(":
            self.take()
            if not token.text[0].isupper():
                hint = (
                    f"functions of conditions start with a capital: {token.text[0].upper()}{token.text[1:]}"
                )
                raise RuleSyntaxError(
                    f"{token.text} is not a function that conditions have", "", token.at, hint
                )
            return self.call(token)
        if _IS_SYMBOL.match(token.text):
            return Symbol(token.text, token.at)
        segments: list[Segment] = [(token.text, self.keys(), token.at)]
        while self.token.kind == ".":
            self.take()
            segment = self.expect("name", "after the dot")
            segments.append((segment.text, self.keys(), segment.at))
        return resolve(self.context, segments)

    def call(self, token: Token) -> Call:
        arguments: list[Value] = []
        named: list[tuple[str, Value]] = []

        def argument() -> None:
            name = self.token
            if name.kind == "name" and self.tokens[self.position + 1].kind == "=":
                self.position += 2
                named.append((name.text, self.value()))
            elif named:
                raise RuleSyntaxError("an argument without a name follows a named one", "", name.at)
            else:
                arguments.append(self.value())

        self.sequence(")", argument)
        return Call(token.text, tuple(arguments), tuple(named), self.keys(), token.at)

    def sequence(self, end: str, item: Callable[[], _T]) -> list[_T]:
        self.enter()
        items: list[_T] = []
        if self.token.kind != end:
            items.append(item())
            while self.token.kind == ",":
                self.take()
                items.append(item())
        self.expect(end, "or a comma")
        self.depth -= 1
        return items

    def pairs(self) -> list[tuple[str, Value]]:
        self.enter()
        pairs: list[tuple[str, Value]] = []
        while self.token.kind != "}":
            key = self.expect("string", "as the key of a map entry")
            self.expect(":", "after the key")
            pairs.append((str(key.value), self.value()))
            if self.token.kind == ",":
                self.take()
        self.take()
        self.depth -= 1
        return pairs

    def keys(self) -> tuple[Value, ...]:
        keys: list[Value] = []
        while self.token.kind == "[":
            opening = self.take()
            if self.token.kind == "string":
                token = self.take()
                keys.append(Literal(token.value, token.at))
            else:
                keys.append(_number(self.value(), opening))
            self.expect("]", "after the key")
        return tuple(keys)


def _matching(tokens: list[Token]) -> dict[int, int]:
    """Position of each closing parenthesis by that of its opening one."""
    matching: dict[int, int] = {}
    open_positions: list[int] = []
    for position, token in enumerate(tokens):
        if token.kind == "(":
            open_positions.append(position)
        elif token.kind == ")" and open_positions:
            matching[open_positions.pop()] = position
    return matching


def _in_range(value: Value) -> Value:
    if isinstance(value, Literal) and type(value.value) is int and value.value > INT_MAX:
        raise RuleSyntaxError("this number is too large for a 64-bit int", "", value.at)
    return value


def _number(value: Value, near: Token) -> Value:
    """The grammar lets only numbers, paths, functions and calculations be calculated with, grouped, or be
    an index.
    """
    if isinstance(value, Path | Call | Arithmetic | Negate) or (
        isinstance(value, Literal)
        and isinstance(value.value, int | float)
        and not isinstance(value.value, bool)
    ):
        return value
    doing = (
        "calculated with"
        if near.kind in ARITHMETIC
        else "put in parentheses"
        if near.kind == "("
        else "an index"
    )
    raise RuleSyntaxError(f"only numbers, paths and functions can be {doing}", "", value.at)
