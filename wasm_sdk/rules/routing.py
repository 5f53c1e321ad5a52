"""Routes: which destinations an item goes to."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING

from wasm_sdk.rules import spantests
from wasm_sdk.rules.decoded import Item
from wasm_sdk.rules.encoded import SpanRules
from wasm_sdk.rules.errors import EvaluationError
from wasm_sdk.rules.filters import ErrorMode, Errors

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from wasm_sdk.otlp.wire import SpanSlice
    from wasm_sdk.rules.condition import Condition


class Matching(StrEnum):
    FIRST = "first"
    """The first route that matches decides."""
    ALL = "all"
    """Every route that matches adds its destinations."""


@dataclass(slots=True)
class Route:
    """Where items go for which a condition holds.

    Attributes:
        condition: None matches everything.
        destinations: names, at least one.
        matched: how many items took this route.
    """

    condition: Condition | None
    destinations: tuple[str, ...]
    matched: int = field(default=0, compare=False)


class Router:
    """Routes in order, and a default for what matches none.

    A route that cannot judge an item does not match it, unless `error_mode` is propagate.

    Raises:
        ValueError: a route without a destination.
    """

    def __init__(
        self,
        routes: Sequence[Route],
        default: tuple[str, ...] = (),
        matching: Matching = Matching.FIRST,
        error_mode: ErrorMode = ErrorMode.IGNORE,
    ) -> None:
        if not all(route.destinations for route in routes):
            raise ValueError("a route needs a destination")
        self.routes = tuple(routes)
        self.default = default
        self.matching = matching
        self.errors = Errors(error_mode)
        self.unrouted = 0
        self._rules: SpanRules | None = None

    def route(self, item: SpanSlice | Item) -> tuple[str, ...]:
        """The destinations of a decoded item or an encoded span, each once, in the order of the routes.

        `()` when nothing matches and there is no default.

        Raises:
            EvaluationError: in error mode propagate.
            MalformedOTLP: the span's bytes are none.
        """
        found: list[str] = []
        answers = self._decoded(item) if isinstance(item, Item) else self._encoded(item)
        for route, holds in zip(self.routes, answers, strict=False):
            if holds:
                route.matched += 1
                found += [name for name in route.destinations if name not in found]
                if self.matching is Matching.FIRST:
                    break
        if not found:
            self.unrouted += 1
        return tuple(found) or self.default

    def _decoded(self, item: Item) -> Iterator[bool]:
        for route in self.routes:
            if route.condition is None:
                yield True
                continue
            try:
                yield route.condition.test(item)
            except EvaluationError as error:
                self.errors.met(route.condition, str(error))
                yield False

    def _encoded(self, span: SpanSlice) -> Iterator[bool]:
        if self._rules is None:
            self._rules = SpanRules([route.condition for route in self.routes if route.condition is not None])
        view = self._rules.view
        view.open(span.resource, span.scope, span.span)
        tests = iter(self._rules.tests)
        for route in self.routes:
            if route.condition is None:
                yield True
                continue
            result = spantests.test(next(tests), view)
            if result == spantests.UNKNOWN:
                self.errors.met(route.condition, view.reason)
            yield result == spantests.YES
