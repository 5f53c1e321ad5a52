"""Filters: which items go on.

As in the collector's filter component, conditions are asked in order; unlike there, each says whether it
drops what matches it or keeps only that.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from wasm_sdk.rules import spantests
from wasm_sdk.rules.encoded import SpanRules
from wasm_sdk.rules.errors import EvaluationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wasm_sdk.otlp.wire import SpanSlice
    from wasm_sdk.rules.condition import Condition
    from wasm_sdk.rules.decoded import Item

_log = logging.getLogger(__name__)


class Action(StrEnum):
    DROP = "drop"
    """What matches goes no further."""
    KEEP = "keep"
    """Only what matches goes on."""


class ErrorMode(StrEnum):
    """What happens when a condition cannot judge an item."""

    IGNORE = "ignore"
    """The filter lets the item be, and the log says so: the first time, the tenth, the hundredth, ..."""
    SILENT = "silent"
    """The same without the log."""
    PROPAGATE = "propagate"
    """EvaluationError is raised to the caller."""


@dataclass(slots=True)
class Errors:
    """How often conditions could not judge, and what is done about it."""

    mode: ErrorMode = ErrorMode.IGNORE
    count: int = 0

    def met(self, condition: Condition, reason: str) -> None:
        """Count one, and tell as the mode says; raises EvaluationError in mode propagate."""
        self.count += 1
        if self.mode is ErrorMode.PROPAGATE:
            raise EvaluationError(f"{condition.text}: {reason}")
        if self.mode is ErrorMode.IGNORE and str(self.count).rstrip("0") == "1":
            _log.warning("%s could not be judged (%d times so far): %s", condition.text, self.count, reason)


@dataclass(slots=True)
class Filter:
    """One condition and what it does.

    Attributes:
        matched: how many items the condition held for.
        dropped: how many items this filter dropped.
    """

    condition: Condition
    action: Action = Action.DROP
    matched: int = field(default=0, compare=False)
    dropped: int = field(default=0, compare=False)

    def count(self, holds: bool) -> bool:
        """Whether the item goes on, given what the condition said."""
        self.matched += holds
        goes_on = holds == (self.action is Action.KEEP)
        self.dropped += not goes_on
        return goes_on


class FilterChain:
    """Filters of one context, asked in order until one drops the item.

    Args:
        filters: all of one context.
        error_mode: what happens when a condition cannot judge.

    Raises:
        ValueError: the filters are of several contexts.
    """

    def __init__(self, filters: Sequence[Filter], error_mode: ErrorMode = ErrorMode.IGNORE) -> None:
        contexts = {each.condition.context for each in filters}
        if len(contexts) > 1:
            raise ValueError(f"one chain filters one context, not {' and '.join(sorted(contexts))}")
        self.context = contexts.pop() if contexts else "span"
        self.filters = tuple(filters)
        self.errors = Errors(error_mode)
        self._rules: SpanRules | None = None

    def keeps(self, item: Item) -> bool:
        """Whether a decoded item goes on."""
        for each in self.filters:
            try:
                holds = each.condition.test(item)
            except EvaluationError as error:
                self.errors.met(each.condition, str(error))
                continue
            if not each.count(holds):
                return False
        return True

    def keeps_span(self, span: SpanSlice) -> bool:
        """Whether an encoded span goes on; raises MalformedOTLP for bytes that are none."""
        if self._rules is None:
            self._rules = SpanRules([each.condition for each in self.filters])
        view = self._rules.view
        view.open(span.resource, span.scope, span.span)
        for each, test in zip(self.filters, self._rules.tests, strict=True):
            result = spantests.test(test, view)
            if result == spantests.UNKNOWN:
                self.errors.met(each.condition, view.reason)
            elif not each.count(result == spantests.YES):
                return False
        return True
