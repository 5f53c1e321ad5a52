"""Span exporters. Source: OpenTelemetry specification, trace SDK, "Span Exporter"."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from wasm_sdk.export.otlp_http import OTLPHTTPExporter, Transport
from wasm_sdk.export.settings import ExporterSettings
from wasm_sdk.otlp.signal import Signal
from wasm_sdk.sdk.trace.encode import TraceEncoder

if TYPE_CHECKING:
    from wasm_sdk.sdk.trace.span import Span


class SpanExporter(Protocol):
    """Delivers batches of ended spans. A processor never calls `export` again before it has returned."""

    async def export(self, spans: "Sequence[Span]") -> bool:
        """True when the batch was delivered; a failed batch is not offered again."""
        ...


class OTLPSpanExporter:
    """Encodes spans as OTLP and posts them to a collector.

    Args:
        settings: Where and how; default: `OTEL_EXPORTER_OTLP_*`.
        transport: What takes the encoded requests; default: OTLP/HTTP by `settings`.
    """

    def __init__(
        self, settings: ExporterSettings | None = None, *, transport: Transport | None = None
    ) -> None:
        self._transport = transport or OTLPHTTPExporter(Signal.TRACES, settings)
        self._encoder = TraceEncoder()

    async def export(self, spans: "Sequence[Span]") -> bool:
        return (await self._transport.send(self._encoder.encode(spans))).accepted


class InMemorySpanExporter:
    """Keeps spans in a list, for tests."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    async def export(self, spans: "Sequence[Span]") -> bool:
        self.spans.extend(spans)
        return True

    def get_finished_spans(self) -> "tuple[Span, ...]":
        return tuple(self.spans)

    def clear(self) -> None:
        self.spans.clear()
