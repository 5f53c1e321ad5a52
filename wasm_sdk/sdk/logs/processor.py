"""Log record processors. Source: OpenTelemetry specification, logs SDK, "LogRecordProcessor"."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Self

from opentelemetry.context import Context

from wasm_sdk.export.batch import Batcher
from wasm_sdk.export.completion import Completion
from wasm_sdk.sdk import environ as variables
from wasm_sdk.sdk.logs.record import ReadWriteLogRecord

if TYPE_CHECKING:
    from wasm_sdk.sdk.logs.export import LogRecordExporter


class LogRecordProcessor:
    """Called with each record that is emitted, synchronously: it must neither block nor raise."""

    def on_emit(self, record: ReadWriteLogRecord, context: Context) -> None:
        """`record` was emitted in `context`; the processors after this one see what it changes."""

    def enabled(self, context: Context, severity_number: int, event_name: str) -> bool:
        """Whether the processor wants such records; a logger that nobody wants to hear is disabled."""
        return True

    def force_flush(self, timeout_millis: int = 30000) -> Completion | bool | None:
        """Finish the work for records that were emitted before."""
        return True

    def shutdown(self) -> Completion | bool | None:
        """Flush and release what is held; nothing comes afterwards."""
        return True


class BatchLogRecordProcessor(LogRecordProcessor):
    """Hands records to an exporter in batches, from a task on the event loop.

    Args:
        exporter: Where they go.
        max_queue_size: Records that wait at most; later ones are dropped and counted.
        schedule_delay_millis: From the first waiting record to its export.
        max_export_batch_size: Records of a batch at most.
        export_timeout_millis: For one batch.
    """

    def __init__(
        self,
        exporter: "LogRecordExporter",
        max_queue_size: int = 2048,
        schedule_delay_millis: float = 1000,
        max_export_batch_size: int = 512,
        export_timeout_millis: float = 30000,
    ) -> None:
        self._batcher: Batcher[ReadWriteLogRecord] = Batcher(
            exporter.export,
            max_queue_size=max_queue_size,
            max_export_batch_size=max_export_batch_size,
            schedule_delay=schedule_delay_millis / 1000,
            export_timeout=export_timeout_millis / 1000,
            what="log records",
        )

    @classmethod
    def from_environ(cls, exporter: "LogRecordExporter", environ: Mapping[str, str] | None = None) -> Self:
        """A processor by the `OTEL_BLRP_*` variables."""
        queue = variables.number("OTEL_BLRP_MAX_QUEUE_SIZE", 2048, environ) or 2048
        batch = variables.number("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", 512, environ) or 512
        return cls(
            exporter,
            max_queue_size=queue,
            schedule_delay_millis=variables.number("OTEL_BLRP_SCHEDULE_DELAY", 1000, environ),
            max_export_batch_size=min(batch, queue),
            export_timeout_millis=variables.number("OTEL_BLRP_EXPORT_TIMEOUT", 30000, environ) or 30000,
        )

    @property
    def dropped(self) -> int:
        """Records that found the queue full or came after shutdown."""
        return self._batcher.dropped

    def on_emit(self, record: ReadWriteLogRecord, context: Context) -> None:
        self._batcher.add(record)

    def force_flush(self, timeout_millis: int = 30000) -> Completion:
        return self._batcher.force_flush(timeout_millis / 1000)

    def shutdown(self) -> Completion:
        return self._batcher.shutdown()


class SimpleLogRecordProcessor(BatchLogRecordProcessor):
    """Exports each record by itself, one at a time: for tests and consoles. They wait while no loop runs."""

    def __init__(self, exporter: "LogRecordExporter") -> None:
        super().__init__(exporter, schedule_delay_millis=0, max_export_batch_size=1)
