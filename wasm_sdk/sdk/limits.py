"""How much a span or a log record may hold.

Source: OpenTelemetry specification, "Attribute Limits", "Span Limits", "LogRecord Limits" and their
    variables.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from wasm_sdk.sdk.environ import limit_or

DEFAULT_COUNT = 128


@dataclass(frozen=True, slots=True)
class SpanLimits:
    """Limits of one span; `None` is no limit. Lengths are characters of strings, bytes of byte values."""

    max_span_attributes: int | None = DEFAULT_COUNT
    max_events: int | None = DEFAULT_COUNT
    max_links: int | None = DEFAULT_COUNT
    max_event_attributes: int | None = DEFAULT_COUNT
    max_link_attributes: int | None = DEFAULT_COUNT
    max_span_attribute_length: int | None = None
    max_attribute_length: int | None = None
    """Of attributes of events and links."""

    def __post_init__(self) -> None:
        for name in self.__slots__:
            value = getattr(self, name)
            if value is not None and value < 0:
                raise ValueError(f"{name} must be None or not negative, not {value!r}")

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] | None = None) -> Self:
        """The limits that `OTEL_*_LIMIT` variables set; those of spans default to the general ones."""

        def limit(name: str, default: int | None) -> int | None:
            return limit_or(f"OTEL_{name}_LIMIT", default, environ)

        count = limit("ATTRIBUTE_COUNT", DEFAULT_COUNT)
        length = limit("ATTRIBUTE_VALUE_LENGTH", None)
        return cls(
            max_span_attributes=limit("SPAN_ATTRIBUTE_COUNT", count),
            max_events=limit("SPAN_EVENT_COUNT", DEFAULT_COUNT),
            max_links=limit("SPAN_LINK_COUNT", DEFAULT_COUNT),
            max_event_attributes=limit("EVENT_ATTRIBUTE_COUNT", count),
            max_link_attributes=limit("LINK_ATTRIBUTE_COUNT", count),
            max_span_attribute_length=limit("SPAN_ATTRIBUTE_VALUE_LENGTH", length),
            max_attribute_length=length,
        )


@dataclass(frozen=True, slots=True)
class LogRecordLimits:
    """Limits of one log record's attributes; `None` is no limit."""

    max_attributes: int | None = DEFAULT_COUNT
    max_attribute_length: int | None = None

    @classmethod
    def from_environ(cls, environ: Mapping[str, str] | None = None) -> Self:
        """The limits that `OTEL_LOGRECORD_*` and the general variables set."""
        count = limit_or("OTEL_ATTRIBUTE_COUNT_LIMIT", DEFAULT_COUNT, environ)
        length = limit_or("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", None, environ)
        return cls(
            max_attributes=limit_or("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", count, environ),
            max_attribute_length=limit_or("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", length, environ),
        )
