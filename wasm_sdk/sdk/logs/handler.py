"""Python's `logging` as a source of log records.

Source: semantic conventions for `code`, `exception` and `thread` attributes; logs data model, "Mapping of
SeverityNumber".
"""

import logging
from typing import Any

from opentelemetry import _logs as api
from opentelemetry._logs import SeverityNumber
from opentelemetry.context import get_current

# What every logging.LogRecord has; the rest came with `extra`.
_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}

_SEVERITY_TEXT = {"WARNING": "WARN", "CRITICAL": "FATAL"}


class LoggingHandler(logging.Handler):
    """Emits what Python's loggers log: `logging.getLogger().addHandler(LoggingHandler())`.

    A record's `extra` fields become attributes, beside where it was logged. The message is the body,
    formatted if the handler has a formatter; an object that was logged without arguments stays an object.
    What this SDK itself logs is left out, so that a failing export does not feed itself.

    Args:
        level: Records below it are left out.
        logger_provider: Default: the global one, looked up at each record.
    """

    def __init__(
        self, level: int = logging.NOTSET, logger_provider: api.LoggerProvider | None = None
    ) -> None:
        super().__init__(level)
        self._provider = logger_provider

    def emit(self, record: logging.LogRecord) -> None:
        if record.name == "wasm_sdk" or record.name.startswith("wasm_sdk."):
            return
        try:
            logger = (self._provider or api.get_logger_provider()).get_logger(record.name)
            logger.emit(
                timestamp=int(record.created * 1e9),
                context=get_current(),
                severity_number=severity_number(record.levelno),
                severity_text=_SEVERITY_TEXT.get(record.levelname, record.levelname),
                body=self._body(record),
                attributes=_attributes(record),
                exception=record.exc_info[1] if record.exc_info else None,
            )
        except Exception:  # noqa: BLE001
            # As every handler of `logging`: a record that cannot be emitted is told of on stderr.
            self.handleError(record)

    def _body(self, record: logging.LogRecord) -> Any:
        if self.formatter is not None:
            return self.format(record)
        return record.getMessage() if record.args or isinstance(record.msg, str) else record.msg


def severity_number(level: int) -> SeverityNumber:
    """Python's levels, of which there are ten numbers each, in OpenTelemetry's, of which there are four."""
    if level < logging.DEBUG:
        return SeverityNumber.TRACE if level > 0 else SeverityNumber.UNSPECIFIED
    if level >= logging.CRITICAL:
        return SeverityNumber(min(21 + (level - logging.CRITICAL), 24))
    base = {10: 5, 20: 9, 30: 13, 40: 17}[level // 10 * 10]
    return SeverityNumber(base + min(level % 10, 3))


def _attributes(record: logging.LogRecord) -> dict[str, Any]:
    extra = {key: value for key, value in vars(record).items() if key not in _OWN}
    return {
        "code.file.path": record.pathname,
        "code.function.name": record.funcName,
        "code.line.number": record.lineno,
        "thread.name": record.threadName,
        **extra,
    }
