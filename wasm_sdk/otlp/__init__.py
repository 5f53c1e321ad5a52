"""The OTLP codec: model, protobuf and JSON both ways, and the wire format for what stays bytes.

Names are loaded when first asked for: a page that only encodes spans does not pay for the model of metrics.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from wasm_sdk.otlp.errors import MalformedOTLP
    from wasm_sdk.otlp.from_json import (
        decode_json,
        decode_json_lines,
        decode_logs_json,
        decode_metrics_json,
        decode_traces_json,
    )
    from wasm_sdk.otlp.from_protobuf import decode, decode_logs, decode_metrics, decode_span, decode_traces
    from wasm_sdk.otlp.model import (
        AggregationTemporality,
        Buckets,
        EntityRef,
        Exemplar,
        ExponentialHistogram,
        ExponentialHistogramDataPoint,
        Gauge,
        Histogram,
        HistogramDataPoint,
        InstrumentationScope,
        LogRecord,
        LogsData,
        Metric,
        MetricsData,
        NumberDataPoint,
        Resource,
        ResourceLogs,
        ResourceMetrics,
        ResourceSpans,
        ScopeLogs,
        ScopeMetrics,
        ScopeSpans,
        SeverityNumber,
        Span,
        SpanEvent,
        SpanKind,
        SpanLink,
        Status,
        StatusCode,
        Sum,
        Summary,
        SummaryDataPoint,
        TracesData,
        ValueAtQuantile,
    )
    from wasm_sdk.otlp.signal import Signal
    from wasm_sdk.otlp.to_json import encode_json, encode_logs_json, encode_metrics_json, encode_traces_json
    from wasm_sdk.otlp.to_protobuf import encode, encode_logs, encode_metrics, encode_span, encode_traces
    from wasm_sdk.otlp.values import AnyValue, EncodedValue, KeyValue, KeyValues, plain

_HOME = {
    "from_json": (
        "decode_json",
        "decode_json_lines",
        "decode_logs_json",
        "decode_metrics_json",
        "decode_traces_json",
    ),
    "to_json": ("encode_json", "encode_logs_json", "encode_metrics_json", "encode_traces_json"),
    "from_protobuf": ("decode", "decode_logs", "decode_metrics", "decode_span", "decode_traces"),
    "to_protobuf": ("encode", "encode_logs", "encode_metrics", "encode_span", "encode_traces"),
    "errors": ("MalformedOTLP",),
    "signal": ("Signal",),
    "values": ("AnyValue", "EncodedValue", "KeyValue", "KeyValues", "plain"),
}
_HOMES = {name: home for home, names in _HOME.items() for name in names}

__all__ = [
    "AggregationTemporality",
    "AnyValue",
    "Buckets",
    "EncodedValue",
    "EntityRef",
    "Exemplar",
    "ExponentialHistogram",
    "ExponentialHistogramDataPoint",
    "Gauge",
    "Histogram",
    "HistogramDataPoint",
    "InstrumentationScope",
    "KeyValue",
    "KeyValues",
    "LogRecord",
    "LogsData",
    "MalformedOTLP",
    "Metric",
    "MetricsData",
    "NumberDataPoint",
    "Resource",
    "ResourceLogs",
    "ResourceMetrics",
    "ResourceSpans",
    "ScopeLogs",
    "ScopeMetrics",
    "ScopeSpans",
    "SeverityNumber",
    "Signal",
    "Span",
    "SpanEvent",
    "SpanKind",
    "SpanLink",
    "Status",
    "StatusCode",
    "Sum",
    "Summary",
    "SummaryDataPoint",
    "TracesData",
    "ValueAtQuantile",
    "decode",
    "decode_json",
    "decode_json_lines",
    "decode_logs",
    "decode_logs_json",
    "decode_metrics",
    "decode_metrics_json",
    "decode_span",
    "decode_traces",
    "decode_traces_json",
    "encode",
    "encode_json",
    "encode_logs",
    "encode_logs_json",
    "encode_metrics",
    "encode_metrics_json",
    "encode_span",
    "encode_traces",
    "encode_traces_json",
    "plain",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES.get(name, 'model')}"), name)
    globals()[name] = value
    return value
