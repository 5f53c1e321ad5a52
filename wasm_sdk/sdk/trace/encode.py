"""Ended spans as one ExportTraceServiceRequest, encoded as they stand, with no model in between."""

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from opentelemetry.trace import SpanContext

from wasm_sdk.otlp.spans import Event as EncodedEvent
from wasm_sdk.otlp.spans import Link as EncodedLink
from wasm_sdk.otlp.spans import SpanEncoder
from wasm_sdk.sdk import envelope
from wasm_sdk.sdk.attributes import clean_attributes

if TYPE_CHECKING:
    from wasm_sdk.sdk.trace.span import Span

_log = logging.getLogger(__name__)

# SpanFlags of trace.proto: that it is known whether the parent (or the linked span) is remote, and that it
# is.
_HAS_IS_REMOTE = 0x100
_IS_REMOTE = 0x200


class TraceEncoder:
    """Encodes batches of spans; what repeats among them is kept encoded."""

    def __init__(self) -> None:
        self._spans = SpanEncoder()

    def encode(self, spans: "Iterable[Span]") -> bytes:
        """The request that holds all of `spans`. A span that cannot be encoded is logged and left out."""
        groups: dict[envelope.Origin, list[bytes]] = {}
        for span in spans:
            tracer = span._tracer
            origin = (tracer.resource, tracer.scope)
            items = groups.get(origin)
            if items is None:
                items = groups[origin] = []
            try:
                items.append(self._encode(span))
            except (ValueError, TypeError, AttributeError):
                self._encode_cleaned(span, items)
        return envelope.request(groups.items())

    def _encode(self, span: "Span") -> bytes:
        flags = span._flags | _HAS_IS_REMOTE
        parent = span._parent
        if parent is not None and parent.is_remote:
            flags |= _IS_REMOTE
        status = span._status
        state = span._trace_state
        return self._spans.encode(
            span._trace_id,
            span._span_id,
            span._parent_id,
            state.to_header() if state else "",
            span._name,
            span._kind._value_ + 1,  # OTLP numbers kinds from 1, for 0 is unspecified
            span._start,
            span._end,
            span._attributes,
            _events(span) if span._events else (),
            _links(span) if span._links else (),
            status.status_code.value if status else 0,
            (status.description or "") if status else "",
            flags,
            span._dropped_attributes,
            span._dropped_events,
            span._dropped_links,
        )

    def _encode_cleaned(self, span: "Span", items: list[bytes]) -> None:
        """Once more, with attributes cleaned of what setting them lets by: keys, integers beyond 64 bits."""
        span._attributes = clean_attributes(span._attributes, max_length=1 << 62)[0]
        for event in span._events or ():
            event.attributes = clean_attributes(event.attributes, max_length=1 << 62)[0]
        try:
            items.append(self._encode(span))
        except (ValueError, TypeError, AttributeError) as error:
            _log.error("%r is left out: %s", span, error)


def _events(span: "Span") -> list[EncodedEvent]:
    return [
        (event.timestamp, event.name, event.attributes, event.dropped_attributes) for event in span.events
    ]


def _links(span: "Span") -> list[EncodedLink]:
    return [
        (
            link.context.trace_id.to_bytes(16, "big"),
            link.context.span_id.to_bytes(8, "big"),
            link.context.trace_state.to_header(),
            link.attributes or {},
            link.dropped_attributes,
            _link_flags(link.context),
        )
        for link in span.links
    ]


def _link_flags(context: SpanContext) -> int:
    return context.trace_flags | _HAS_IS_REMOTE | (_IS_REMOTE if context.is_remote else 0)
