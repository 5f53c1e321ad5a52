"""A value of the rule language by itself: what to set an attribute to, what to split or balance by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasm_sdk.rules.check import check_value
from wasm_sdk.rules.decoded import Decoded
from wasm_sdk.rules.errors import RuleError
from wasm_sdk.rules.evaluate import Builder
from wasm_sdk.rules.parser import parse_value
from wasm_sdk.rules.text import text

if TYPE_CHECKING:
    from wasm_sdk.rules.decoded import Item
    from wasm_sdk.rules.tree import Value
    from wasm_sdk.rules.values import RuleValue


class Expression:
    """A checked value expression about items of one context."""

    __slots__ = ("_get", "context", "tree")

    def __init__(self, tree: Value, context: str) -> None:
        self.tree = tree
        self.context = context
        check_value(tree, context)
        self._get = Builder(context, Decoded()).value(tree)

    @classmethod
    def parse(cls, source: str, context: str = "span") -> Expression:
        """`Concat([resource.attributes["service.name"], name], "/")` and the like; raises RuleError."""
        tree = parse_value(source, context)
        try:
            return cls(tree, context)
        except RuleError as error:
            raise error.located(source) from None

    @property
    def text(self) -> str:
        """The canonical text."""
        return text(self.tree)

    def value(self, item: Item) -> RuleValue:
        """The value for a decoded item; raises EvaluationError when it has none."""
        return self._get(item)
