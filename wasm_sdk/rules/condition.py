"""A condition: the text or JSON of a rule, checked, ready to judge items."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from wasm_sdk.rules import json_form
from wasm_sdk.rules.check import check
from wasm_sdk.rules.decoded import Decoded
from wasm_sdk.rules.errors import RuleError
from wasm_sdk.rules.evaluate import Builder
from wasm_sdk.rules.parser import parse
from wasm_sdk.rules.paths import CONTEXTS
from wasm_sdk.rules.text import text
from wasm_sdk.rules.tree import Predicate

if TYPE_CHECKING:
    from collections.abc import Callable

    from wasm_sdk.rules.decoded import Item


class Condition:
    """A checked rule about items of one context.

    Attributes:
        context: span, spanevent, metric, datapoint, log, scope or resource.
        tree: the predicate tree.
        warnings: comparisons that can never hold, in words.
    """

    __slots__ = ("_test", "context", "tree", "warnings")

    def __init__(self, tree: Predicate, context: str) -> None:
        self.tree = tree
        self.context = context
        self.warnings = check(tree, context)
        self._test: Callable[[Item], bool] | None = None

    @classmethod
    def parse(cls, source: str, context: str = "span") -> Condition:
        """A condition out of its text.

        Raises:
            RuleError: with the column, the line and a caret under it, and a suggestion where there is one.
            ValueError: no such context.
        """
        if context not in CONTEXTS:
            raise ValueError(f"context {context!r}: one of {', '.join(CONTEXTS)}")
        tree = parse(source, context)
        try:
            return cls(tree, context)
        except RuleError as error:
            raise error.located(source) from None

    @classmethod
    def from_json(cls, data: object) -> Condition:
        """A condition out of its JSON form, decoded or as text; raises RuleError."""
        return cls(*json_form.from_json(data))

    def to_json(self) -> dict[str, Any]:
        """The JSON form: `{"version": 1, "context": ..., "condition": ...}`."""
        return json_form.to_json(self.tree, self.context)

    @property
    def text(self) -> str:
        """The canonical text."""
        return text(self.tree)

    def test(self, item: Item) -> bool:
        """Whether the condition holds for a decoded item.

        Raises:
            EvaluationError: it cannot be judged, for instance `HasPrefix` of an absent attribute.
        """
        if self._test is None:
            self._test = Builder(self.context, Decoded()).predicate(self.tree)
        return self._test(item)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Condition) and (self.context, self.tree) == (other.context, other.tree)

    def __hash__(self) -> int:
        return hash((self.context, self.tree))

    def __repr__(self) -> str:
        return f"Condition({self.text!r}, {self.context!r})"
