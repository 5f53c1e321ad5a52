"""The index columns of one span, log record or metric, scanned from its encoded message.

Sources: opentelemetry/proto/{trace,logs,metrics}/v1. Tags are field number * 8 + wire type.
"""

from collections.abc import Callable
from typing import Any

from host_agent.store.attributes import any_value_text
from wasm_sdk.otlp.fields import fields
from wasm_sdk.otlp.signal import Signal
from wasm_sdk.otlp.wire import int32

MAX_INT64 = (1 << 63) - 1
NO_SPAN = bytes(8)
METRIC_TYPES = {0x2A: "gauge", 0x3A: "sum", 0x4A: "histogram", 0x52: "exponential_histogram", 0x5A: "summary"}
POINT_ATTRIBUTES = {"histogram": 0x4A, "exponential_histogram": 0x0A}  # the others: 0x3A
MAX_BODY_TEXT = 4096  # characters of a log's body that the text column holds

Row = tuple[tuple[Any, ...], list[bytes]]
"""The columns, and the attributes as encoded KeyValues."""


def read_span(item: bytes) -> Row:
    """The columns of a span from `trace_id` to `duration_ns`, and its attributes. Raises MalformedOTLP."""
    trace_id = span_id = parent_span_id = b""
    name = ""
    kind = status = start = end = 0
    found: list[bytes] = []
    for tag, value in fields(item):
        if tag == 0x4A:
            found.append(value)
        elif tag == 0x0A:
            trace_id = value
        elif tag == 0x12:
            span_id = value
        elif tag == 0x22:
            parent_span_id = value
        elif tag == 0x2A:
            name = str(value, "utf-8", "replace")
        elif tag == 0x30:
            kind = int32(value)
        elif tag == 0x39:
            start = value
        elif tag == 0x41:
            end = value
        elif tag == 0x7A:
            for status_tag, code in fields(value):
                if status_tag == 0x18:
                    status = int32(code)
    if parent_span_id == NO_SPAN:
        parent_span_id = b""
    duration = max(-MAX_INT64, min(MAX_INT64, end - start))
    return (trace_id, span_id, parent_span_id, name, kind, status, start, end, duration), found


def read_log(item: bytes) -> Row:
    """The columns of a log record from `time_unix_nano` to `span_id`, and its attributes. Raises
    MalformedOTLP.

    The time is when the event happened, else when it was observed, else 0.
    """
    time = observed = severity = 0
    severity_text = body = event_name = ""
    trace_id = span_id = b""
    found: list[bytes] = []
    for tag, value in fields(item):
        if tag == 0x32:
            found.append(value)
        elif tag == 0x09:
            time = value
        elif tag == 0x59:
            observed = value
        elif tag == 0x10:
            severity = int32(value)
        elif tag == 0x1A:
            severity_text = str(value, "utf-8", "replace")
        elif tag == 0x2A:
            body = any_value_text(value)[:MAX_BODY_TEXT]
        elif tag == 0x62:
            event_name = str(value, "utf-8", "replace")
        elif tag == 0x4A:
            trace_id = value
        elif tag == 0x52:
            span_id = value
    return (time or observed, severity, severity_text, body, event_name, trace_id, span_id), found


def read_metric(item: bytes) -> Row:
    """The columns of a metric from `name` to `points`, and its points' attributes. Raises MalformedOTLP.

    The times are the least start (or time) and the greatest time of its points, 0 when it has none.
    """
    name = unit = kind = ""
    data = b""
    for tag, value in fields(item):
        if tag == 0x0A:
            name = str(value, "utf-8", "replace")
        elif tag == 0x1A:
            unit = str(value, "utf-8", "replace")
        elif tag in METRIC_TYPES:
            kind, data = METRIC_TYPES[tag], value
    starts: list[int] = []
    ends: list[int] = []
    found: dict[bytes, None] = {}
    points = 0
    attribute_tag = POINT_ATTRIBUTES.get(kind, 0x3A)
    for tag, point in fields(data):
        if tag != 0x0A:
            continue
        points += 1
        for point_tag, value in fields(point):
            if point_tag == attribute_tag:
                found[value] = None
            elif point_tag == 0x11 and value:
                starts.append(value)
            elif point_tag == 0x19 and value:
                ends.append(value)
    return (name, unit, kind, min(starts or ends, default=0), max(ends, default=0), points), list(found)


READERS: dict[Signal, Callable[[bytes], Row]] = {
    Signal.TRACES: read_span,
    Signal.LOGS: read_log,
    Signal.METRICS: read_metric,
}
TIME_COLUMN = {Signal.LOGS: 0, Signal.METRICS: 4}
"""Where the row says when it is from: 0 there means that the sender gave no time."""


def timed_by(signal: Signal, row: tuple[Any, ...], received: int) -> tuple[Any, ...]:
    """The columns of a log record or metric that says no time: it is found, and ordered, by when it was
    received (Unix nanoseconds). The item itself stays as it is."""
    if signal is Signal.LOGS:
        return (received, *row[1:])
    return (*row[:3], row[3] or received, received, *row[5:])
