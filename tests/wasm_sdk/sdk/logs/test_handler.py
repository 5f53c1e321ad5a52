"""Python's `logging` through the handler."""

import logging

import pytest
from opentelemetry import trace
from opentelemetry._logs import SeverityNumber
from opentelemetry.instrumentation.log_utils import std_to_otel
from opentelemetry.trace import NonRecordingSpan, SpanContext

from wasm_sdk.sdk.logs import (
    InMemoryLogRecordExporter,
    LoggerProvider,
    LoggingHandler,
    SimpleLogRecordProcessor,
)
from wasm_sdk.sdk.logs.handler import severity_number
from wasm_sdk.sdk.resource import Resource


@pytest.fixture
def exporter() -> InMemoryLogRecordExporter:
    return InMemoryLogRecordExporter()


@pytest.fixture
def provider(exporter) -> LoggerProvider:
    provider = LoggerProvider(Resource({}), shutdown_on_exit=False)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    return provider


@pytest.fixture
def log(provider):
    logger = logging.Logger("shop.orders")
    logger.addHandler(LoggingHandler(logger_provider=provider))
    return logger


def test_a_record_keeps_what_logging_knows(log, provider, exporter):
    with trace.use_span(NonRecordingSpan(SpanContext(0xA, 0xB, False))):
        log.warning("order %d is late", 7, extra={"order.id": 7, "tags": ["a"]})
    assert provider.force_flush()
    (record,) = exporter.records
    assert (record.body, record.severity_number, record.severity_text) == ("order 7 is late", 13, "WARN")
    assert record.scope.name == "shop.orders" and record.span_id[-1] == 0xB
    assert abs(record.timestamp - record.observed_timestamp) < 1_000_000_000
    assert record.attributes["order.id"] == 7 and record.attributes["tags"] == ("a",)
    assert record.attributes["code.file.path"].endswith("test_handler.py")
    assert record.attributes["code.function.name"] == "test_a_record_keeps_what_logging_knows"
    assert not {"msg", "args", "levelno", "taskName"} & set(record.attributes)


def test_exceptions_have_type_message_and_stack(log, provider, exporter):
    try:
        raise ValueError("bad order")
    except ValueError:
        log.exception("failed")
    assert provider.force_flush()
    attributes = exporter.records[0].attributes
    assert (attributes["exception.type"], attributes["exception.message"]) == ("ValueError", "bad order")
    assert exporter.records[0].severity_text == "ERROR"


def test_objects_stay_objects_and_formatters_format(log, provider, exporter):
    log.info({"order": 7})
    log.handlers[0].setFormatter(logging.Formatter("<%(message)s>"))
    log.critical("text")
    assert provider.force_flush()
    assert [record.body for record in exporter.records] == [{"order": 7}, "<text>"]
    assert exporter.records[1].severity_text == "FATAL"


def test_the_sdks_own_records_are_left_out(provider, exporter):
    handler = LoggingHandler(logger_provider=provider)
    for name in ("wasm_sdk", "wasm_sdk.export.batch", "wasm_sdk_of_somebody_else"):
        handler.handle(logging.LogRecord(name, logging.INFO, __file__, 1, "text", (), None))
    assert provider.force_flush() and [record.scope.name for record in exporter.records] == [
        "wasm_sdk_of_somebody_else"
    ]


def test_a_record_that_cannot_be_emitted_does_not_break_the_program(log, monkeypatch, capsys):
    monkeypatch.setattr(logging, "raiseExceptions", True)
    log.info("%d", "not a number")
    assert "--- Logging error ---" in capsys.readouterr().err


@pytest.mark.parametrize("level", range(10, 70))
def test_levels_map_as_opentelemetrys_handler_maps_them(level):
    assert severity_number(level) is std_to_otel(level)


def test_levels_below_debug():
    assert severity_number(5) is SeverityNumber.TRACE and severity_number(0) is SeverityNumber.UNSPECIFIED
