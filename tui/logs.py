"""Log records of a trace as lines."""

from dataclasses import dataclass
from enum import IntEnum

from tui.format import format_value
from wasm_sdk.otlp import KeyValues, decode_logs

_NAMES = ("", "trace", "debug", "info", "warn", "error", "fatal")


class Weight(IntEnum):
    """How much a log line should stand out."""

    QUIET = 0
    NORMAL = 1
    WARNING = 2
    ERROR = 3


@dataclass(frozen=True, slots=True)
class LogLine:
    """One log record.

    Attributes:
        time: nanoseconds since the epoch, the observed time where the record has none of its own.
        severity: the sender's own word for it, else OpenTelemetry's.
    """

    time: int
    service: str
    severity: str
    weight: Weight
    body: str
    span_id: bytes
    attributes: KeyValues


def read_logs(data: bytes) -> list[LogLine]:
    """The records of an encoded LogsData, the earliest first.

    Raises:
        MalformedOTLP: when `data` is none.
    """
    lines = []
    for resource_logs in decode_logs(data).resource_logs:
        service = format_value(resource_logs.resource.attributes.get("service.name", "unknown_service"))
        for scope_logs in resource_logs.scope_logs:
            for record in scope_logs.log_records:
                number = record.severity_number
                lines.append(
                    LogLine(
                        time=record.time_unix_nano or record.observed_time_unix_nano,
                        service=service,
                        severity=record.severity_text or severity_name(number),
                        weight=_weight(number),
                        body="" if record.body is None else format_value(record.body),
                        span_id=record.span_id,
                        attributes=record.attributes,
                    )
                )
    return sorted(lines, key=lambda line: line.time)


def severity_name(number: int) -> str:
    """OpenTelemetry's short name of a severity number; empty when it is not set."""
    return _NAMES[(number + 3) // 4] if 0 < number <= 24 else ""


def _weight(number: int) -> Weight:
    if number >= 17:
        return Weight.ERROR
    if number >= 13:
        return Weight.WARNING
    return Weight.QUIET if 0 < number < 9 else Weight.NORMAL
