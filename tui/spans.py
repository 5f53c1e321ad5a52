"""One span as it came off the wire: the scanned fields at hand, the rest decoded when somebody looks."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tui.format import format_value
from wasm_sdk.otlp import (
    InstrumentationScope,
    MalformedOTLP,
    Resource,
    Span,
    StatusCode,
    decode_traces,
    plain,
)
from wasm_sdk.otlp.wire import SpanSlice, iter_spans, join_spans

UNKNOWN_SERVICE = "unknown_service"


@dataclass(frozen=True, slots=True)
class DecodedSpan:
    """Everything a span says, with the resource and the scope it was recorded under."""

    span: Span
    scope: InstrumentationScope
    resource: Resource


@dataclass(frozen=True, slots=True)
class LiveSpan:
    """A span of a trace in memory.

    Attributes:
        slice: the span as encoded, with its resource and scope.
        service: `service.name` of the resource.
        start, end: nanoseconds since the epoch; an end that is missing or lies before the start is the start.
        arrived_ns: when it came over the live stream, None when it was fetched.
    """

    slice: SpanSlice
    service: str
    span_id: bytes
    parent_id: bytes
    name: str
    start: int
    end: int
    error: bool
    arrived_ns: int | None

    @property
    def duration(self) -> int:
        """Nanoseconds from start to end."""
        return self.end - self.start

    @property
    def weight(self) -> int:
        """Roughly the bytes of memory that this span takes."""
        return len(self.slice.span) + 400

    def decode(self) -> DecodedSpan:
        """Decode attributes, events, links, scope and resource.

        Raises:
            MalformedOTLP: when the bytes are no span.
        """
        resource_spans = decode_traces(join_spans([self.slice])).resource_spans[0]
        scope_spans = resource_spans.scope_spans[0]
        return DecodedSpan(scope_spans.spans[0], scope_spans.scope, resource_spans.resource)

    def attributes(self) -> Iterator[tuple[str, object]]:
        """Keys and values of the span's and the resource's attributes; nothing when they cannot be
        decoded.
        """
        try:
            decoded = self.decode()
        except MalformedOTLP:
            return
        for item in (*decoded.span.attributes, *decoded.resource.attributes):
            yield item.key, plain(item.value)


def read_spans(data: bytes, arrived_ns: int | None = None) -> Iterator[tuple[bytes, LiveSpan]]:
    """Trace ids and spans of an encoded `TracesData` or `ExportTraceServiceRequest`.

    Raises:
        MalformedOTLP: when `data` is neither.
    """
    return live_spans(iter_spans(data), arrived_ns)


def live_spans(slices: Iterable[SpanSlice], arrived_ns: int | None) -> Iterator[tuple[bytes, LiveSpan]]:
    """Trace ids and spans out of slices."""
    for piece in slices:
        start = piece.start
        yield (
            piece.trace_id,
            LiveSpan(
                slice=piece,
                service=_service_name(piece),
                span_id=piece.span_id,
                parent_id=piece.parent_span_id.strip(b"\0") and piece.parent_span_id,
                name=piece.name,
                start=start,
                end=max(start, piece.end),
                error=piece.status == StatusCode.ERROR,
                arrived_ns=arrived_ns,
            ),
        )


_MAX_NAMES = 512
_service_names: dict[bytes, str] = {}


def _service_name(piece: SpanSlice) -> str:
    """`service.name` of the resource, decoded once for each distinct resource among the last 512."""
    known = _service_names.get(piece.resource)
    if known is None:
        try:
            resource = decode_traces(join_spans([piece])).resource_spans[0].resource
        except MalformedOTLP:
            return UNKNOWN_SERVICE
        name = resource.attributes.get("service.name")
        known = format_value(name) if name not in (None, "") else UNKNOWN_SERVICE
        while len(_service_names) >= _MAX_NAMES:
            _service_names.pop(next(iter(_service_names)), None)
        _service_names[piece.resource] = known
    return known
