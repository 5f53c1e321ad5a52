"""The check at the door: is this request OTLP, and which of its items are invalid by the specification?

Items are what partial success counts: spans, metric data points, log records.
"""

from typing import NamedTuple

from wasm_sdk.otlp import from_protobuf, model, schema, to_protobuf
from wasm_sdk.otlp.signal import Signal

_NO_TRACE = bytes(16)
_NO_SPAN = bytes(8)


class Screened(NamedTuple):
    """What may pass.

    data: the request without its invalid items (the same object when there are none).
    items: how many items `data` holds.
    rejected: how many were cut out.
    message: why, with the first of them as the example; "" when none was.
    """

    data: bytes
    items: int
    rejected: int
    message: str


def screen(signal: Signal, data: bytes) -> Screened:
    """Checks the structure of a whole protobuf request and cuts out its invalid items.

    Invalid are spans whose trace id is not 16 bytes or all zero, whose span id is not 8 bytes or all zero,
    or whose parent span id is neither empty nor 8 bytes (opentelemetry/proto/trace/v1).

    Raises:
        MalformedOTLP: for what the decoder would refuse.
    """
    decoded = from_protobuf.decode_message(schema.SCHEMAS[Signal(signal)], data)
    if isinstance(decoded, model.TracesData):
        return _screen_traces(data, decoded)
    if isinstance(decoded, model.MetricsData):
        return Screened(data, sum(_points(each) for each in _metrics(decoded)), 0, "")
    return Screened(data, sum(len(s.log_records) for r in decoded.resource_logs for s in r.scope_logs), 0, "")


def _screen_traces(data: bytes, decoded: model.TracesData) -> Screened:
    items = rejected = 0
    message = ""
    for r, resource in enumerate(decoded.resource_spans):
        for s, scope in enumerate(resource.scope_spans):
            kept = []
            for index, span in enumerate(scope.spans):
                fault = span_fault(span)
                if not fault:
                    kept.append(span)
                    continue
                rejected += 1
                if not message:
                    where = f"resourceSpans[{r}].scopeSpans[{s}].spans[{index}]"
                    message = f"spans with invalid ids were rejected, the first at {where}: {fault}"
            scope.spans = kept
            items += len(kept)
    return Screened(to_protobuf.encode_traces(decoded) if rejected else data, items, rejected, message)


def span_fault(span: model.Span) -> str:
    """What makes a span invalid by the specification; "" when nothing does."""
    if len(span.trace_id) != 16:
        return f"a trace id of {len(span.trace_id)} bytes, not 16"
    if span.trace_id == _NO_TRACE:
        return "a trace id of zeros"
    if len(span.span_id) != 8:
        return f"a span id of {len(span.span_id)} bytes, not 8"
    if span.span_id == _NO_SPAN:
        return "a span id of zeros"
    if len(span.parent_span_id) not in (0, 8):
        return f"a parent span id of {len(span.parent_span_id)} bytes, not 8"
    return ""


def _metrics(decoded: model.MetricsData) -> list[model.Metric]:
    return [each for r in decoded.resource_metrics for s in r.scope_metrics for each in s.metrics]


def _points(metric: model.Metric) -> int:
    return len(metric.data.data_points) if metric.data is not None else 0
