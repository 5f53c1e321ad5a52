"""The logger provider. Source: OpenTelemetry specification, logs SDK, "LoggerProvider"."""

import logging
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from opentelemetry import _logs as api
from opentelemetry.context import Context

from wasm_sdk.export.completion import Completion
from wasm_sdk.sdk import environ as variables
from wasm_sdk.sdk.completions import flush_at_exit, together
from wasm_sdk.sdk.limits import LogRecordLimits
from wasm_sdk.sdk.logs.logger import Logger
from wasm_sdk.sdk.logs.processor import LogRecordProcessor
from wasm_sdk.sdk.logs.record import ReadWriteLogRecord
from wasm_sdk.sdk.resource import Resource
from wasm_sdk.sdk.scope import InstrumentationScope, Scopes

_log = logging.getLogger(__name__)


class LoggerProvider(api.LoggerProvider):
    """Makes loggers and owns their configuration; `opentelemetry._logs.set_logger_provider` takes it.

    Args:
        resource: Default: `Resource.create()`.
        shutdown_on_exit: Flush when the program ends or the page goes (from where it may come back).
        limits: Default: `OTEL_LOGRECORD_*` and the general limits.
        enabled: Which scopes get loggers that emit (the specification's LoggerConfigurator); default: all.
    """

    def __init__(
        self,
        resource: Resource | None = None,
        shutdown_on_exit: bool = True,
        limits: LogRecordLimits | None = None,
        *,
        enabled: Callable[[InstrumentationScope], bool] | None = None,
    ) -> None:
        self.resource = resource or Resource.create()
        self.limits = limits or LogRecordLimits.from_environ()
        self._enabled = enabled
        self._disabled = variables.boolean("OTEL_SDK_DISABLED")
        self._processors: tuple[LogRecordProcessor, ...] = ()
        self._scopes = Scopes()
        self._loggers: dict[InstrumentationScope, Logger] = {}
        self._closed = False
        if shutdown_on_exit:
            flush_at_exit(self.force_flush)

    def get_logger(
        self,
        name: str,
        version: str | None = None,
        schema_url: str | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> api.Logger:
        """The logger of an instrumentation scope, the same one each time; a no-op after shutdown."""
        scope = self._scopes.get(name or "", version, schema_url, attributes)
        if self._closed or self._disabled or (self._enabled is not None and not self._enabled(scope)):
            return api.NoOpLogger(name, version, schema_url, attributes)
        logger = self._loggers.get(scope)
        if logger is None:
            logger = self._loggers[scope] = Logger(scope, self)
        return logger

    def add_log_record_processor(self, processor: LogRecordProcessor) -> None:
        """Add a processor behind the others; loggers that exist already use it too."""
        self._processors = (*self._processors, processor)

    def wants(self, context: Context, severity_number: int, event_name: str) -> bool:
        """Whether any processor wants such a record."""
        return not self._closed and any(
            processor.enabled(context, severity_number, event_name) for processor in self._processors
        )

    def process(self, record: ReadWriteLogRecord, context: Context) -> None:
        """Hand a record to the processors in turn; one that raises is logged and passed over."""
        for processor in self._processors:
            try:
                processor.on_emit(record, context)
            except Exception:  # noqa: BLE001
                # Logging must not break what is being logged.
                _log.exception("%r failed with %r", processor, record)

    def force_flush(self, timeout_millis: int = 30000) -> Completion:
        """Export what was emitted. Await the result in a coroutine, read it as a truth value elsewhere."""
        deadline = time.monotonic() + timeout_millis / 1000

        def flush(processor: LogRecordProcessor) -> Completion | bool | None:
            return processor.force_flush(max(0, int((deadline - time.monotonic()) * 1000)))

        return together([partial(flush, each) for each in self._processors])

    def shutdown(self) -> Completion:
        """Flush and shut the processors down, once; records emitted afterwards are dropped."""
        if self._closed:
            return Completion(True)
        self._closed = True
        return together([each.shutdown for each in self._processors])
