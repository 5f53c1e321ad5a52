"""The logs SDK behind `opentelemetry._logs`, and a handler for Python's `logging`."""

from wasm_sdk.sdk.limits import LogRecordLimits
from wasm_sdk.sdk.logs.export import InMemoryLogRecordExporter, LogRecordExporter, OTLPLogRecordExporter
from wasm_sdk.sdk.logs.handler import LoggingHandler
from wasm_sdk.sdk.logs.logger import Logger
from wasm_sdk.sdk.logs.processor import (
    BatchLogRecordProcessor,
    LogRecordProcessor,
    SimpleLogRecordProcessor,
)
from wasm_sdk.sdk.logs.provider import LoggerProvider
from wasm_sdk.sdk.logs.record import ReadWriteLogRecord

__all__ = [
    "BatchLogRecordProcessor",
    "InMemoryLogRecordExporter",
    "LogRecordExporter",
    "LogRecordLimits",
    "LogRecordProcessor",
    "Logger",
    "LoggerProvider",
    "LoggingHandler",
    "OTLPLogRecordExporter",
    "ReadWriteLogRecord",
    "SimpleLogRecordProcessor",
]
