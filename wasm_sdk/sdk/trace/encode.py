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
from wasm_sdk.sdk.trace.parts import Event, Link

if TYPE_CHECKING:
    from wasm_sdk.sdk.trace.span import Span
    from wasm_sdk.sdk.trace.tracer import Tracer

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
        groups: dict[Tracer, list[bytes]] = {}
        tracer = None
        items: list[bytes] = []
        for span in spans:
            if span._tracer is not tracer:
                tracer = span._tracer
                items = groups.setdefault(tracer, [])
            try:
                items.append(self._encode(span))
            except (ValueError, TypeError, AttributeError):
                self._encode_cleaned(span, items)
        return envelope.request(((tracer.resource, tracer.scope), items) for tracer, items in groups.items())

    def _encode(self, span: "Span") -> bytes:
        state = span._trace_state
        header = state.to_header() if state else ""
        kind = span._kind._value_ + 1  # OTLP numbers kinds from 1; `value` would be a call
        flags = span._flags | _HAS_IS_REMOTE
        extras = span._extras
        if extras is None:
            return self._spans.encode(
                span._trace_id,
                span._span_id,
                span._parent_id,
                header,
                span._name,
                kind,
                span._start,
                span._end,
                span._attributes,
                flags=flags,
            )
        if extras.parent is not None and extras.parent.is_remote:
            flags |= _IS_REMOTE
        status = extras.status
        return self._spans.encode(
            span._trace_id,
            span._span_id,
            span._parent_id,
            header,
            span._name,
            kind,
            span._start,
            span._end,
            span._attributes,
            _events(extras.events),
            _links(extras.links),
            status.status_code.value if status else 0,
            (status.description or "") if status else "",
            flags,
            extras.dropped_attributes,
            extras.dropped_events,
            extras.dropped_links,
        )

    def _encode_cleaned(self, span: "Span", items: list[bytes]) -> None:
        """Once more, with attributes cleaned of what setting them lets by: keys, integers beyond 64 bits."""
        span._attributes = clean_attributes(span._attributes, max_length=1 << 62)[0]
        for event in span.events:
            event.attributes = clean_attributes(event.attributes, max_length=1 << 62)[0]
        try:
            items.append(self._encode(span))
        except (ValueError, TypeError, AttributeError) as error:
            _log.error("%r is left out: %s", span, error)


def _events(events: Iterable[Event]) -> list[EncodedEvent]:
    return [(event.timestamp, event.name, event.attributes, event.dropped_attributes) for event in events]


def _links(links: Iterable[Link]) -> list[EncodedLink]:
    return [
        (
            link.context.trace_id.to_bytes(16, "big"),
            link.context.span_id.to_bytes(8, "big"),
            link.context.trace_state.to_header(),
            link.attributes or {},
            link.dropped_attributes,
            _link_flags(link.context),
        )
        for link in links
    ]


def _link_flags(context: SpanContext) -> int:
    return context.trace_flags | _HAS_IS_REMOTE | (_IS_REMOTE if context.is_remote else 0)
