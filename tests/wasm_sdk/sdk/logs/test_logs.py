"""Log records from the API to the collector."""

import asyncio
import time

import pytest
from opentelemetry import _logs as api
from opentelemetry import trace
from opentelemetry._logs import SeverityNumber
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.sdk._logs import ReadableLogRecord
from opentelemetry.sdk.resources import Resource as OfficialResource
from opentelemetry.sdk.util.instrumentation import InstrumentationScope as OfficialScope
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from wasm_sdk.sdk.limits import LogRecordLimits
from wasm_sdk.sdk.logs import (
    BatchLogRecordProcessor,
    InMemoryLogRecordExporter,
    LoggerProvider,
    LogRecordProcessor,
    OTLPLogRecordExporter,
    ReadWriteLogRecord,
    SimpleLogRecordProcessor,
)
from wasm_sdk.sdk.logs.record import encode_records
from wasm_sdk.sdk.resource import Resource

SPAN = SpanContext(0xA, 0xB, False, TraceFlags(1))
WITHIN = trace.set_span_in_context(NonRecordingSpan(SPAN), Context())


class Keep(LogRecordProcessor):
    def __init__(self) -> None:
        self.emitted: list[tuple[ReadWriteLogRecord, Context]] = []

    def on_emit(self, record: ReadWriteLogRecord, context: Context) -> None:
        self.emitted.append((record, context))

    @property
    def record(self) -> ReadWriteLogRecord:
        return self.emitted[-1][0]


@pytest.fixture
def keep() -> Keep:
    return Keep()


@pytest.fixture
def provide(keep):
    def make(**arguments) -> LoggerProvider:
        provider = LoggerProvider(**{"resource": Resource({"r": 1}), "shutdown_on_exit": False, **arguments})
        provider.add_log_record_processor(keep)
        return provider

    return make


@pytest.fixture
def logger(provide):
    return provide().get_logger("tests", "1", "https://schema", {"scope": True})


def test_a_record_in_parts(logger, keep):
    before = time.time_ns()
    logger.emit(
        timestamp=5,
        context=WITHIN,
        severity_number=SeverityNumber.WARN2,
        severity_text="warning",
        body={"text": "wört", "parts": [1, None]},
        attributes={"k": ["v"]},
        event_name="event",
    )
    record, context = keep.emitted[0]
    assert context is WITHIN
    assert (record.timestamp, record.severity_number, record.severity_text) == (5, 14, "warning")
    assert record.body == {"text": "wört", "parts": (1, None)} and record.attributes == {"k": ("v",)}
    assert (record.trace_id[-1], record.span_id[-1], record.trace_flags) == (0xA, 0xB, 1)
    assert record.event_name == "event" and before <= record.observed_timestamp <= time.time_ns()
    assert (record.scope.name, dict(record.resource.attributes)) == ("tests", {"r": 1})


def test_a_whole_record(logger, keep):
    logger.emit(api.LogRecord(timestamp=1, observed_timestamp=2, context=WITHIN, body="text", event_name="e"))
    record = keep.record
    assert (record.timestamp, record.observed_timestamp, record.body, record.event_name) == (
        1,
        2,
        "text",
        "e",
    )
    assert record.trace_id[-1] == 0xA


def test_the_current_span_gives_the_trace_context(logger, keep):
    logger.emit(body="outside")
    assert (keep.record.trace_id, keep.record.span_id) == (b"", b"")
    with trace.use_span(NonRecordingSpan(SPAN)):
        logger.emit(body="inside")
    assert keep.record.span_id[-1] == 0xB


def test_an_exception_becomes_attributes_that_the_caller_may_overrule(logger, keep):
    try:
        raise KeyError("missing")
    except KeyError as error:
        logger.emit(exception=error, attributes={"exception.message": "mine"})
    attributes = keep.record.attributes
    assert attributes["exception.type"] == "KeyError" and attributes["exception.message"] == "mine"
    assert 'raise KeyError("missing")' in attributes["exception.stacktrace"]


def test_attributes_stay_within_the_limits(provide, keep, caplog):
    provide(limits=LogRecordLimits(2, 3)).get_logger("t").emit(attributes={"a": "long", "b": 1, "c": 2})
    assert keep.record.attributes == {"a": "lon", "b": 1} and keep.record.dropped_attributes == 1
    assert "1 attributes too many" in caplog.text


def test_a_body_of_another_type_is_written_as_text(logger, keep):
    logger.emit(body=complex(1, 2))
    assert keep.record.body == "(1+2j)"


class Changing(LogRecordProcessor):
    def on_emit(self, record, context):
        record.body = "redacted"
        record.attributes["by"] = "processor"


class Broken(LogRecordProcessor):
    def on_emit(self, record, context):
        raise RuntimeError("broken processor")


def test_processors_see_what_those_before_them_changed(keep, caplog):
    provider = LoggerProvider(Resource({}), shutdown_on_exit=False)
    for processor in (Changing(), Broken(), keep):
        provider.add_log_record_processor(processor)
    provider.get_logger("t").emit(body="secret")
    assert keep.record.body == "redacted" and keep.record.attributes == {"by": "processor"}
    assert "broken processor" in caplog.text


class Errors(LogRecordProcessor):
    def enabled(self, context, severity_number, event_name):
        return severity_number >= SeverityNumber.ERROR.value


def test_a_logger_is_enabled_while_somebody_wants_the_record():
    provider = LoggerProvider(Resource({}), shutdown_on_exit=False)
    logger = provider.get_logger("t")
    assert not logger.enabled()
    provider.add_log_record_processor(Errors())
    assert not logger.enabled(severity_number=SeverityNumber.INFO)
    assert logger.enabled(severity_number=SeverityNumber.ERROR)
    provider.add_log_record_processor(Keep())
    assert logger.enabled(Context(), SeverityNumber.INFO, "event")


def test_one_scope_has_one_logger(provide):
    provider = provide(enabled=lambda scope: scope.name != "off")
    assert provider.get_logger("a", "1") is provider.get_logger("a", "1") is not provider.get_logger("a", "2")
    assert isinstance(provider.get_logger("a"), api.Logger)
    assert isinstance(provider.get_logger("off"), api.NoOpLogger)


def test_after_shutdown_nothing_is_emitted(provide, keep):
    provider = provide()
    logger = provider.get_logger("t")
    assert provider.force_flush() and provider.shutdown() and provider.shutdown()
    logger.emit(body="late")
    assert not keep.emitted and isinstance(provider.get_logger("t"), api.NoOpLogger)


async def test_records_reach_the_collector(provide, collector):
    provider = provide()
    exporter = OTLPLogRecordExporter(collector.settings("logs"))
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter, schedule_delay_millis=10))
    provider.get_logger("t").emit(body="hello")
    await asyncio.wait_for(asyncio.to_thread(collector.answered.wait), 5)
    assert collector.requests[0].path == "/v1/logs"
    request = ExportLogsServiceRequest.FromString(collector.requests[0].body)
    assert request.resource_logs[0].scope_logs[0].log_records[0].body.string_value == "hello"


def test_simple_processor_exports_each_record_by_itself(provide):
    batches = []

    class Exporter(InMemoryLogRecordExporter):
        async def export(self, records):
            batches.append(len(records))
            return await super().export(records)

    provider, exporter = provide(), Exporter()
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    for body in "abc":
        provider.get_logger("t").emit(body=body)
    assert provider.force_flush() and [record.body for record in exporter.records] == ["a", "b", "c"]
    assert batches == [1, 1, 1]


def test_the_environment_configures_the_batch_processor(provide):
    processor = BatchLogRecordProcessor.from_environ(
        InMemoryLogRecordExporter(), {"OTEL_BLRP_MAX_QUEUE_SIZE": "2", "OTEL_BLRP_SCHEDULE_DELAY": "1"}
    )
    provider = provide()
    provider.add_log_record_processor(processor)
    for _ in range(3):
        provider.get_logger("t").emit(body="x")
    assert processor.dropped == 1 and processor.shutdown()


def test_a_batch_is_what_the_official_encoder_makes_of_it(provide, keep):
    provider = provide(limits=LogRecordLimits(3))
    bodies = ["text", 5, 2.5, True, b"\x00", {"a": [1, {"b": "c"}]}, "", ["x", 1]]
    for number, body in enumerate(bodies):
        provider.get_logger(f"lib{number % 2}", "1", "https://s", {"k": 1}).emit(
            timestamp=number,
            observed_timestamp=7,
            context=WITHIN if number % 2 else Context(),
            severity_number=SeverityNumber(number + 1),
            severity_text="INFO",
            body=body,
            attributes={"a": number, "b": "ö", "c": [1.5], "d": "dropped"},
            event_name="event" if number % 3 else None,
        )
    records = [record for record, _ in keep.emitted]
    ours = ExportLogsServiceRequest.FromString(encode_records(records))
    assert ours == encode_logs([_official(record) for record in records])


def _official(record: ReadWriteLogRecord) -> ReadableLogRecord:
    """The same record for the official encoder."""
    whole = api.LogRecord(
        timestamp=record.timestamp or None,
        observed_timestamp=record.observed_timestamp,
        context=WITHIN if record.trace_id else Context(),
        severity_number=SeverityNumber(record.severity_number),
        severity_text=record.severity_text,
        body=record.body,
        attributes=record.attributes,
        event_name=record.event_name or None,
    )
    scope = OfficialScope(
        record.scope.name, record.scope.version, record.scope.schema_url, record.scope.attributes
    )

    class Limited(ReadableLogRecord):
        dropped_attributes = record.dropped_attributes

    return Limited(whole, OfficialResource(record.resource.attributes), scope)


def test_what_a_processor_left_unencodable_costs_no_record(provide, keep, caplog):
    logger = provide().get_logger("t")
    for _ in range(3):
        logger.emit(body="x", attributes={"k": 1})
    first, second, third = (record for record, _ in keep.emitted)
    first.body, first.attributes["big"] = object(), 2**70
    second.timestamp = -1
    request = ExportLogsServiceRequest.FromString(encode_records([first, second, third]))
    kept = request.resource_logs[0].scope_logs[0].log_records
    assert len(kept) == 2 and kept[0].body.string_value.startswith("<object")
    assert kept[0].attributes[1].value.string_value == str(2**70)
    assert "is left out" in caplog.text
