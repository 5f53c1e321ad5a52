"""Emits log records. Source: OpenTelemetry specification, logs API and SDK, "Logger"."""

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from opentelemetry import _logs as api
from opentelemetry import context as context_api
from opentelemetry.context import Context
from opentelemetry.trace import SpanContext, get_current_span

from wasm_sdk.sdk import clock
from wasm_sdk.sdk.attributes import UnsupportedValue, clean, clean_attributes
from wasm_sdk.sdk.exceptions import exception_attributes
from wasm_sdk.sdk.logs.record import ReadWriteLogRecord
from wasm_sdk.sdk.scope import InstrumentationScope

if TYPE_CHECKING:
    from wasm_sdk.sdk.logs.provider import LoggerProvider

_log = logging.getLogger(__name__)


class Logger(api.Logger):
    """Made by `LoggerProvider.get_logger`."""

    def __init__(self, scope: InstrumentationScope, provider: "LoggerProvider") -> None:
        super().__init__(scope.name, scope.version, scope.schema_url, scope.attributes)
        self.scope = scope
        self._provider = provider

    def enabled(
        self,
        context: Context | None = None,
        severity_number: api.SeverityNumber | None = None,
        event_name: str | None = None,
    ) -> bool:
        """Whether anybody wants a record like this, so that making it up is worth while."""
        resolved = context_api.get_current() if context is None else context
        return self._provider.wants(
            resolved, severity_number.value if severity_number else 0, event_name or ""
        )

    def emit(
        self,
        record: api.LogRecord | None = None,
        *,
        timestamp: int | None = None,
        observed_timestamp: int | None = None,
        context: Context | None = None,
        severity_number: api.SeverityNumber | None = None,
        severity_text: str | None = None,
        body: Any = None,
        attributes: Mapping[str, Any] | None = None,
        event_name: str | None = None,
        exception: BaseException | None = None,
    ) -> None:
        """Emit a record, given whole or in parts; what is not given is left open, times in Unix nanoseconds.

        The trace context is that of the span in `context`, or of the current one.
        """
        if record is not None:
            timestamp, observed_timestamp = record.timestamp, record.observed_timestamp
            severity_number, severity_text = record.severity_number, record.severity_text
            body, attributes, context = record.body, record.attributes, record.context
            event_name, exception = record.event_name, record.exception
        resolved = context_api.get_current() if context is None else context
        severity = severity_number.value if severity_number is not None else 0
        if not self._provider.wants(resolved, severity, event_name or ""):
            return
        if exception is not None:
            attributes = {**exception_attributes(exception), **(attributes or {})}
        limits = self._provider.limits
        kept, dropped = clean_attributes(attributes, limits.max_attributes, limits.max_attribute_length)
        if dropped:
            _log.warning("A log record had %d attributes too many, which were dropped", dropped)
        emitted = ReadWriteLogRecord(
            self._provider.resource,
            self.scope,
            timestamp or 0,
            clock.now() if observed_timestamp is None else observed_timestamp,
            severity,
            severity_text or "",
            _clean_body(body),
            kept,
            dropped,
            event_name or "",
        )
        span = get_current_span(resolved).get_span_context()
        if record is not None:
            span = SpanContext(record.trace_id, record.span_id, False, record.trace_flags)
        if span.is_valid:
            emitted.trace_id = span.trace_id.to_bytes(16, "big")
            emitted.span_id = span.span_id.to_bytes(8, "big")
            emitted.trace_flags = int(span.trace_flags)
        self._provider.process(emitted, resolved)


def _clean_body(body: Any) -> Any:
    try:
        return clean(body)
    except UnsupportedValue:
        return str(body)
