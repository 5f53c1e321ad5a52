"""What a span may have besides its attributes: events, links, and the rest that few spans need."""

from collections.abc import Mapping
from typing import Any

from opentelemetry import trace as api

from wasm_sdk.sdk.attributes import Attributes


class Event:
    """Something that happened during a span; `timestamp` in Unix nanoseconds."""

    __slots__ = ("attributes", "dropped_attributes", "name", "timestamp")

    def __init__(self, name: str, timestamp: int, attributes: Attributes, dropped_attributes: int) -> None:
        self.name = name
        self.timestamp = timestamp
        self.attributes: Mapping[str, Any] = attributes
        self.dropped_attributes = dropped_attributes

    def __repr__(self) -> str:
        return f"Event({self.name!r}, {self.timestamp}, {dict(self.attributes)!r})"


class Link(api.Link):
    """A link within the limits, with the number of attributes that exceeded them."""

    def __init__(self, context: api.SpanContext, attributes: Attributes, dropped_attributes: int) -> None:
        super().__init__(context, attributes)
        self._dropped_attributes = dropped_attributes

    @property
    def dropped_attributes(self) -> int:
        return self._dropped_attributes


class Extras:
    """All that few spans have, apart, so that starting one stays cheap.

    Attributes:
        parent: The parent's context; `None` for a root, and for a local parent whose flags and tracestate are
            the span's own.
        status: As it was set.
        events: In order.
        links: In order.
        dropped_attributes: How many exceeded the limit, as `dropped_events` and `dropped_links`.
        exceptions: How exceptions that leave a `with` block are noted; see `Span.fail`.
        ending: Processors may change the span for the last time.
    """

    __slots__ = (
        "dropped_attributes",
        "dropped_events",
        "dropped_links",
        "ending",
        "events",
        "exceptions",
        "links",
        "parent",
        "status",
    )

    def __init__(self) -> None:
        self.parent: api.SpanContext | None = None
        self.status: api.Status | None = None
        self.events: list[Event] = []
        self.links: list[Link] = []
        self.dropped_attributes = 0
        self.dropped_events = 0
        self.dropped_links = 0
        self.exceptions = 3
        self.ending = False


NO_EXTRAS = Extras()
"""Stands for the extras of a span that has none; never changed."""
