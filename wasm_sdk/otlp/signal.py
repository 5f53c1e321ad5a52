"""The three signals, as configuration, URLs and record headers name them."""

from enum import StrEnum


class Signal(StrEnum):
    """A kind of telemetry; its value is the last part of the OTLP/HTTP path (`/v1/traces`)."""

    TRACES = "traces"
    METRICS = "metrics"
    LOGS = "logs"
