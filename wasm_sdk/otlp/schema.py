"""The field tables of opentelemetry.proto: what the codecs for protobuf and JSON both go by.

One row a field: its number, its name in the model, how it is encoded, and for messages and enumerations of
what. Rows stand in the order of the field numbers, which is the order that protobuf writes.
"""

from enum import IntEnum
from typing import Any

from wasm_sdk.otlp import model as m
from wasm_sdk.otlp.signal import Signal

# How a field is encoded. The first group has wire type 2 (length-delimited), the order serves the decoder.
ATTRIBUTES, MESSAGES, MESSAGE, STRING, ID, ANY, STRINGS, ONE_OF = range(8)
FIXED64, ENUM, UINT32, FIXED32, BOOL, DOUBLE, SINT32 = range(10, 17)
OPTIONAL_DOUBLE, NUMBER_DOUBLE, NUMBER_INT = range(20, 23)
PACKED_FIXED64, PACKED_DOUBLE, PACKED_UINT64 = range(30, 33)

VARINT, I64, LEN, I32 = 0, 1, 2, 5
WIRE_TYPE = {
    **dict.fromkeys((ATTRIBUTES, MESSAGES, MESSAGE, STRING, ID, ANY, STRINGS, ONE_OF), LEN),
    **dict.fromkeys((PACKED_FIXED64, PACKED_DOUBLE, PACKED_UINT64), LEN),
    **dict.fromkeys((ENUM, UINT32, BOOL, SINT32), VARINT),
    **dict.fromkeys((FIXED64, DOUBLE, OPTIONAL_DOUBLE, NUMBER_DOUBLE, NUMBER_INT), I64),
    FIXED32: I32,
}
# A repeated scalar may also come one element at a time.
UNPACKED_WIRE_TYPE = {PACKED_FIXED64: I64, PACKED_DOUBLE: I64, PACKED_UINT64: VARINT}


class Field:
    """One row. `attribute` is the model's name (for a oneof, that of the whole oneof); `json_name` is
    lowerCamelCase.
    """

    __slots__ = ("attribute", "enum", "json_name", "kind", "message", "name", "number", "prefix", "tag")

    def __init__(
        self,
        number: int,
        name: str,
        kind: int,
        message: "Schema | None" = None,
        enum: "Enum | None" = None,
        attribute: str = "",
    ) -> None:
        self.number = number
        self.name = name
        self.kind = kind
        self.message = message
        self.enum = enum
        self.attribute = attribute or name
        first, *rest = name.split("_")
        self.json_name = first + "".join(part.capitalize() for part in rest)
        self.tag = number << 3 | WIRE_TYPE[kind]
        self.prefix = bytes((self.tag,)) if self.tag < 128 else bytes((self.tag & 127 | 128, self.tag >> 7))


class Schema:
    """A message: its class and its fields, found by tag (decoder) and by JSON name, both spellings."""

    __slots__ = ("by_json_name", "by_tag", "cls", "fields", "name", "names_by_number")

    def __init__(self, cls: type[Any], *fields: Field) -> None:
        self.cls = cls
        self.name = cls.__name__
        self.fields = fields
        self.names_by_number = {field.number: field.name for field in fields}
        self.by_tag = {field.tag: field for field in fields}
        for field in fields:
            if field.kind in UNPACKED_WIRE_TYPE:
                self.by_tag[field.number << 3 | UNPACKED_WIRE_TYPE[field.kind]] = field
        self.by_json_name = {field.json_name: field for field in fields} | {f.name: f for f in fields}


class Enum:
    """An enumeration and the name that the protocol gives each value ("SPAN_KIND_SERVER")."""

    __slots__ = ("by_name", "cls")

    def __init__(self, cls: type[IntEnum], prefix: str) -> None:
        self.cls = cls
        self.by_name = {prefix + member.name: member.value for member in cls}


_KIND = Enum(m.SpanKind, "SPAN_KIND_")
_STATUS_CODE = Enum(m.StatusCode, "STATUS_CODE_")
_TEMPORALITY = Enum(m.AggregationTemporality, "AGGREGATION_TEMPORALITY_")
_SEVERITY = Enum(m.SeverityNumber, "SEVERITY_NUMBER_")

_ENTITY_REF = Schema(
    m.EntityRef,
    Field(1, "schema_url", STRING),
    Field(2, "type", STRING),
    Field(3, "id_keys", STRINGS),
    Field(4, "description_keys", STRINGS),
)
_RESOURCE = Schema(
    m.Resource,
    Field(1, "attributes", ATTRIBUTES),
    Field(2, "dropped_attributes_count", UINT32),
    Field(3, "entity_refs", MESSAGES, _ENTITY_REF),
)
_SCOPE = Schema(
    m.InstrumentationScope,
    Field(1, "name", STRING),
    Field(2, "version", STRING),
    Field(3, "attributes", ATTRIBUTES),
    Field(4, "dropped_attributes_count", UINT32),
)

_EVENT = Schema(
    m.SpanEvent,
    Field(1, "time_unix_nano", FIXED64),
    Field(2, "name", STRING),
    Field(3, "attributes", ATTRIBUTES),
    Field(4, "dropped_attributes_count", UINT32),
)
_LINK = Schema(
    m.SpanLink,
    Field(1, "trace_id", ID),
    Field(2, "span_id", ID),
    Field(3, "trace_state", STRING),
    Field(4, "attributes", ATTRIBUTES),
    Field(5, "dropped_attributes_count", UINT32),
    Field(6, "flags", FIXED32),
)
_STATUS = Schema(m.Status, Field(2, "message", STRING), Field(3, "code", ENUM, enum=_STATUS_CODE))
SPAN = Schema(
    m.Span,
    Field(1, "trace_id", ID),
    Field(2, "span_id", ID),
    Field(3, "trace_state", STRING),
    Field(4, "parent_span_id", ID),
    Field(5, "name", STRING),
    Field(6, "kind", ENUM, enum=_KIND),
    Field(7, "start_time_unix_nano", FIXED64),
    Field(8, "end_time_unix_nano", FIXED64),
    Field(9, "attributes", ATTRIBUTES),
    Field(10, "dropped_attributes_count", UINT32),
    Field(11, "events", MESSAGES, _EVENT),
    Field(12, "dropped_events_count", UINT32),
    Field(13, "links", MESSAGES, _LINK),
    Field(14, "dropped_links_count", UINT32),
    Field(15, "status", MESSAGE, _STATUS),
    Field(16, "flags", FIXED32),
)

_EXEMPLAR = Schema(
    m.Exemplar,
    Field(2, "time_unix_nano", FIXED64),
    Field(3, "as_double", NUMBER_DOUBLE, attribute="value"),
    Field(4, "span_id", ID),
    Field(5, "trace_id", ID),
    Field(6, "as_int", NUMBER_INT, attribute="value"),
    Field(7, "filtered_attributes", ATTRIBUTES),
)
_NUMBER_POINT = Schema(
    m.NumberDataPoint,
    Field(2, "start_time_unix_nano", FIXED64),
    Field(3, "time_unix_nano", FIXED64),
    Field(4, "as_double", NUMBER_DOUBLE, attribute="value"),
    Field(5, "exemplars", MESSAGES, _EXEMPLAR),
    Field(6, "as_int", NUMBER_INT, attribute="value"),
    Field(7, "attributes", ATTRIBUTES),
    Field(8, "flags", UINT32),
)
_HISTOGRAM_POINT = Schema(
    m.HistogramDataPoint,
    Field(2, "start_time_unix_nano", FIXED64),
    Field(3, "time_unix_nano", FIXED64),
    Field(4, "count", FIXED64),
    Field(5, "sum", OPTIONAL_DOUBLE),
    Field(6, "bucket_counts", PACKED_FIXED64),
    Field(7, "explicit_bounds", PACKED_DOUBLE),
    Field(8, "exemplars", MESSAGES, _EXEMPLAR),
    Field(9, "attributes", ATTRIBUTES),
    Field(10, "flags", UINT32),
    Field(11, "min", OPTIONAL_DOUBLE),
    Field(12, "max", OPTIONAL_DOUBLE),
)
_BUCKETS = Schema(m.Buckets, Field(1, "offset", SINT32), Field(2, "bucket_counts", PACKED_UINT64))
_EXPONENTIAL_POINT = Schema(
    m.ExponentialHistogramDataPoint,
    Field(1, "attributes", ATTRIBUTES),
    Field(2, "start_time_unix_nano", FIXED64),
    Field(3, "time_unix_nano", FIXED64),
    Field(4, "count", FIXED64),
    Field(5, "sum", OPTIONAL_DOUBLE),
    Field(6, "scale", SINT32),
    Field(7, "zero_count", FIXED64),
    Field(8, "positive", MESSAGE, _BUCKETS),
    Field(9, "negative", MESSAGE, _BUCKETS),
    Field(10, "flags", UINT32),
    Field(11, "exemplars", MESSAGES, _EXEMPLAR),
    Field(12, "min", OPTIONAL_DOUBLE),
    Field(13, "max", OPTIONAL_DOUBLE),
    Field(14, "zero_threshold", DOUBLE),
)
_QUANTILE = Schema(m.ValueAtQuantile, Field(1, "quantile", DOUBLE), Field(2, "value", DOUBLE))
_SUMMARY_POINT = Schema(
    m.SummaryDataPoint,
    Field(2, "start_time_unix_nano", FIXED64),
    Field(3, "time_unix_nano", FIXED64),
    Field(4, "count", FIXED64),
    Field(5, "sum", DOUBLE),
    Field(6, "quantile_values", MESSAGES, _QUANTILE),
    Field(7, "attributes", ATTRIBUTES),
    Field(8, "flags", UINT32),
)
_GAUGE = Schema(m.Gauge, Field(1, "data_points", MESSAGES, _NUMBER_POINT))
_SUM = Schema(
    m.Sum,
    Field(1, "data_points", MESSAGES, _NUMBER_POINT),
    Field(2, "aggregation_temporality", ENUM, enum=_TEMPORALITY),
    Field(3, "is_monotonic", BOOL),
)
_HISTOGRAM = Schema(
    m.Histogram,
    Field(1, "data_points", MESSAGES, _HISTOGRAM_POINT),
    Field(2, "aggregation_temporality", ENUM, enum=_TEMPORALITY),
)
_EXPONENTIAL = Schema(
    m.ExponentialHistogram,
    Field(1, "data_points", MESSAGES, _EXPONENTIAL_POINT),
    Field(2, "aggregation_temporality", ENUM, enum=_TEMPORALITY),
)
_SUMMARY = Schema(m.Summary, Field(1, "data_points", MESSAGES, _SUMMARY_POINT))
_METRIC = Schema(
    m.Metric,
    Field(1, "name", STRING),
    Field(2, "description", STRING),
    Field(3, "unit", STRING),
    Field(5, "gauge", ONE_OF, _GAUGE, attribute="data"),
    Field(7, "sum", ONE_OF, _SUM, attribute="data"),
    Field(9, "histogram", ONE_OF, _HISTOGRAM, attribute="data"),
    Field(10, "exponential_histogram", ONE_OF, _EXPONENTIAL, attribute="data"),
    Field(11, "summary", ONE_OF, _SUMMARY, attribute="data"),
    Field(12, "metadata", ATTRIBUTES),
)

_LOG_RECORD = Schema(
    m.LogRecord,
    Field(1, "time_unix_nano", FIXED64),
    Field(2, "severity_number", ENUM, enum=_SEVERITY),
    Field(3, "severity_text", STRING),
    Field(5, "body", ANY),
    Field(6, "attributes", ATTRIBUTES),
    Field(7, "dropped_attributes_count", UINT32),
    Field(8, "flags", FIXED32),
    Field(9, "trace_id", ID),
    Field(10, "span_id", ID),
    Field(11, "observed_time_unix_nano", FIXED64),
    Field(12, "event_name", STRING),
)


def _envelope(resources: type, scopes: type, data: type, name: str, items: str, item: Schema) -> Schema:
    """Data > Resource... > Scope... > items: the same three levels for every signal."""
    scope = Schema(
        scopes,
        Field(1, "scope", MESSAGE, _SCOPE),
        Field(2, items, MESSAGES, item),
        Field(3, "schema_url", STRING),
    )
    resource = Schema(
        resources,
        Field(1, "resource", MESSAGE, _RESOURCE),
        Field(2, f"scope_{name}", MESSAGES, scope),
        Field(3, "schema_url", STRING),
    )
    return Schema(data, Field(1, f"resource_{name}", MESSAGES, resource))


TRACES = _envelope(m.ResourceSpans, m.ScopeSpans, m.TracesData, "spans", "spans", SPAN)
METRICS = _envelope(m.ResourceMetrics, m.ScopeMetrics, m.MetricsData, "metrics", "metrics", _METRIC)
LOGS = _envelope(m.ResourceLogs, m.ScopeLogs, m.LogsData, "logs", "log_records", _LOG_RECORD)

SCHEMAS = {Signal.TRACES: TRACES, Signal.METRICS: METRICS, Signal.LOGS: LOGS}
