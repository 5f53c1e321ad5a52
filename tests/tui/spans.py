"""Traces to test with, as encoded export requests."""
# ruff: noqa: E501 - a span a line reads as a table

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from wasm_sdk.otlp import (
    InstrumentationScope,
    KeyValues,
    Resource,
    ResourceSpans,
    ScopeSpans,
    Span,
    SpanEvent,
    SpanKind,
    SpanLink,
    Status,
    StatusCode,
    TracesData,
    encode_traces,
)

MS = 1_000_000
NOW = 1_750_000_000_000_000_000  # 2025-06-15 15:06:40 UTC


@dataclass
class Sketch:
    """A span in as few words as a test needs; `start` and `end` are milliseconds after NOW."""

    name: str
    start: float = 0
    end: float = 1
    id: int = 1
    parent: int = 0
    trace: int = 1
    service: str = "shop"
    kind: int = SpanKind.INTERNAL
    error: str | None = None
    attributes: Mapping[str, object] = field(default_factory=dict)
    events: tuple[SpanEvent, ...] = ()
    links: tuple[SpanLink, ...] = ()

    def span(self) -> Span:
        status = Status.absent() if self.error is None else Status(self.error, StatusCode.ERROR)
        return Span(
            trace_id=trace_id(self.trace),
            span_id=span_id(self.id),
            parent_span_id=span_id(self.parent) if self.parent else b"",
            name=self.name,
            kind=self.kind,
            start_time_unix_nano=NOW + round(self.start * MS),
            end_time_unix_nano=NOW + round(self.end * MS),
            attributes=KeyValues.of(self.attributes),  # type: ignore[arg-type]
            events=list(self.events),
            links=list(self.links),
            status=status,
            flags=0x101,
        )


def trace_id(number: int) -> bytes:
    return number.to_bytes(16, "big")


def span_id(number: int) -> bytes:
    return number.to_bytes(8, "big")


def export(sketches: Iterable[Sketch]) -> bytes:
    """One export request with a ResourceSpans for each service."""
    by_service: dict[str, list[Span]] = {}
    for sketch in sketches:
        by_service.setdefault(sketch.service, []).append(sketch.span())
    return encode_traces(
        TracesData(
            [
                ResourceSpans(
                    Resource(KeyValues.of({"service.name": service, "host.name": "loom"})),
                    [ScopeSpans(InstrumentationScope("tests", "1.0"), spans)],
                )
                for service, spans in by_service.items()
            ]
        )
    )


def checkout(trace: int = 1, *, failed: bool = False, at: float = 0) -> list[Sketch]:
    """Page, fetch, server, database: one trace across four services' spans."""
    first = trace * 100
    error = "payment declined" if failed else None
    status = 502 if failed else 200

    def event(name: str, after: float, **attributes: str) -> SpanEvent:
        return SpanEvent(NOW + round((at + after) * MS), name, KeyValues.of(attributes))

    return [
        Sketch("click #buy", at, at + 182, first, 0, trace, "shop-page", attributes={"session.id": "8f2c"}),
        Sketch("POST /checkout", at + 4, at + 171, first + 1, first, trace, "shop-page", SpanKind.CLIENT,
               attributes={"http.request.method": "POST", "url.path": "/checkout"}),
        Sketch("POST /checkout", at + 12, at + 166, first + 2, first + 1, trace, "shop", SpanKind.SERVER, error,
               {"http.route": "/checkout", "http.response.status_code": status},
               events=(event("exception", 160, **{"exception.type": "PaymentDeclined"}),) if failed else ()),
        Sketch("SELECT cart", at + 15, at + 31, first + 3, first + 2, trace, "shop", SpanKind.CLIENT,
               attributes={"db.system.name": "sqlite", "db.query.text": "SELECT * FROM cart WHERE session = ?"}),
        Sketch("POST /charge", at + 33, at + 140, first + 4, first + 2, trace, "payments", SpanKind.SERVER, error,
               {"http.route": "/charge", "http.response.status_code": status}),
        Sketch("risk score", at + 40, at + 96, first + 5, first + 4, trace, "payments"),
        Sketch("INSERT order", at + 142, at + 160, first + 6, first + 2, trace, "shop", SpanKind.CLIENT,
               attributes={"db.system.name": "sqlite"}),
    ]  # fmt: skip
