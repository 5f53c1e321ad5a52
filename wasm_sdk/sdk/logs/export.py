"""Log record exporters. Source: OpenTelemetry specification, logs SDK, "LogRecordExporter"."""

from collections.abc import Sequence
from typing import Protocol

from wasm_sdk.export.otlp_http import OTLPHTTPExporter, Transport
from wasm_sdk.export.settings import ExporterSettings
from wasm_sdk.otlp.signal import Signal
from wasm_sdk.sdk.logs.record import ReadWriteLogRecord, encode_records


class LogRecordExporter(Protocol):
    """Delivers batches of records. A processor never calls `export` again before it has returned."""

    async def export(self, records: Sequence[ReadWriteLogRecord]) -> bool:
        """True when the batch was delivered; a failed batch is not offered again."""
        ...


class OTLPLogRecordExporter:
    """Encodes records as OTLP and posts them to a collector.

    Args:
        settings: Where and how; default: `OTEL_EXPORTER_OTLP_*`.
        transport: What takes the encoded requests; default: OTLP/HTTP by `settings`.
    """

    def __init__(
        self, settings: ExporterSettings | None = None, *, transport: Transport | None = None
    ) -> None:
        self._transport = transport or OTLPHTTPExporter(Signal.LOGS, settings)

    async def export(self, records: Sequence[ReadWriteLogRecord]) -> bool:
        return (await self._transport.send(encode_records(records))).accepted


class InMemoryLogRecordExporter:
    """Keeps records in a list, for tests."""

    def __init__(self) -> None:
        self.records: list[ReadWriteLogRecord] = []

    async def export(self, records: Sequence[ReadWriteLogRecord]) -> bool:
        self.records.extend(records)
        return True
