"""The batching span processor. Source: OpenTelemetry specification, trace SDK, "Batching processor"."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Self

from wasm_sdk.export.batch import Batcher
from wasm_sdk.export.completion import Completion
from wasm_sdk.sdk import environ as variables
from wasm_sdk.sdk.trace.processor import SpanProcessor

if TYPE_CHECKING:
    from wasm_sdk.sdk.trace.export import SpanExporter
    from wasm_sdk.sdk.trace.span import Span


class BatchSpanProcessor(SpanProcessor):
    """Hands sampled spans to an exporter in batches, from a task on the event loop.

    Args:
        exporter: Where they go.
        max_queue_size: Spans that wait at most; later ones are dropped and counted.
        schedule_delay_millis: From the first waiting span to its export.
        max_export_batch_size: Spans of a batch at most.
        export_timeout_millis: For one batch.
    """

    def __init__(
        self,
        exporter: "SpanExporter",
        max_queue_size: int = 2048,
        schedule_delay_millis: float = 5000,
        max_export_batch_size: int = 512,
        export_timeout_millis: float = 30000,
    ) -> None:
        self._exporter = exporter
        self._batcher: Batcher[Span] = Batcher(
            exporter.export,
            max_queue_size=max_queue_size,
            max_export_batch_size=max_export_batch_size,
            schedule_delay=schedule_delay_millis / 1000,
            export_timeout=export_timeout_millis / 1000,
            what="spans",
        )
        self._add = self._batcher.add

    @classmethod
    def from_environ(cls, exporter: "SpanExporter", environ: Mapping[str, str] | None = None) -> Self:
        """A processor by the `OTEL_BSP_*` variables."""
        queue = variables.number("OTEL_BSP_MAX_QUEUE_SIZE", 2048, environ) or 2048
        batch = variables.number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 512, environ) or 512
        return cls(
            exporter,
            max_queue_size=queue,
            schedule_delay_millis=variables.number("OTEL_BSP_SCHEDULE_DELAY", 5000, environ),
            max_export_batch_size=min(batch, queue),
            export_timeout_millis=variables.number("OTEL_BSP_EXPORT_TIMEOUT", 30000, environ) or 30000,
        )

    @property
    def exported(self) -> int:
        """Spans delivered."""
        return self._batcher.exported

    @property
    def dropped(self) -> int:
        """Spans that found the queue full or came after shutdown."""
        return self._batcher.dropped

    @property
    def failed(self) -> int:
        """Spans of batches that could not be delivered."""
        return self._batcher.failed

    def on_end(self, span: "Span") -> None:
        if span._flags & 1:
            self._add(span)

    def force_flush(self, timeout_millis: int = 30000) -> Completion:
        return self._batcher.force_flush(timeout_millis / 1000)

    def shutdown(self) -> Completion:
        return self._batcher.shutdown()
