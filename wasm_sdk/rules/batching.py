"""Batches: so many spans, bytes or seconds together, and apart by what an attribute says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from wasm_sdk.rules.gotext import string_like
from wasm_sdk.rules.values import is_list, is_map

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable

    from wasm_sdk.otlp.wire import SpanSlice
    from wasm_sdk.rules.values import RuleValue

T = TypeVar("T")


@dataclass(slots=True)
class Batcher:
    """Gathers spans until there are enough or the first has waited long enough; time is what the caller says.

    Attributes:
        max_items: spans in a batch.
        max_bytes: bytes of the span messages in a batch; one larger span makes a batch by itself.
        max_delay: seconds that the first span of a batch waits at most.
    """

    max_items: int = 8192
    max_bytes: int = 4 << 20
    max_delay: float = 0.2
    _spans: list[SpanSlice] = field(default_factory=list)
    _bytes: int = 0
    _since: float = 0.0

    def add(self, span: SpanSlice, now: float) -> list[list[SpanSlice]]:
        """Take a span at a moment (monotonic seconds); gives the batches that are full with it."""
        size = len(span.span)
        ready = [self.take()] if self._spans and self._bytes + size > self.max_bytes else []
        if not self._spans:
            self._since = now
        self._spans.append(span)
        self._bytes += size
        if len(self._spans) >= self.max_items or self._bytes >= self.max_bytes:
            ready.append(self.take())
        return ready

    def due(self) -> float | None:
        """The moment when what is waiting has to go; None when nothing waits."""
        return self._since + self.max_delay if self._spans else None

    def take(self) -> list[SpanSlice]:
        """All that is waiting."""
        batch, self._spans, self._bytes = self._spans, [], 0
        return batch


def split(items: Iterable[T], key: Callable[[T], RuleValue]) -> list[tuple[RuleValue, list[T]]]:
    """The items by the value of a key, an attribute, say: (value, items) in the order the values come."""
    groups: dict[Hashable, tuple[RuleValue, list[T]]] = {}
    for item in items:
        value = key(item)
        # Lists and maps go by their text; True, 1 and 1.0 are one key to Python, and three values here.
        name = (type(value), string_like(value) if is_list(value) or is_map(value) else value)
        groups.setdefault(name, (value, []))[1].append(item)
    return list(groups.values())
