"""The messages of opentelemetry.proto (1.x: trace, metrics, logs, common, resource) as slotted dataclasses.

Names and shapes are the protocol's, in snake_case. Ids are `bytes` (16 for a trace, 8 for a span, empty
when unset); times are unsigned nanoseconds since the Unix epoch; enumerations are plain `int` (open, as in
proto3: compare with the IntEnums below). Every message keeps the fields of later protocol versions in
`unknown`, as encoded, and they are written back behind the known ones.
"""

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Self

from wasm_sdk.otlp.values import AnyValue, KeyValues


class SpanKind(IntEnum):
    UNSPECIFIED = 0
    INTERNAL = 1
    SERVER = 2
    CLIENT = 3
    PRODUCER = 4
    CONSUMER = 5


class StatusCode(IntEnum):
    UNSET = 0
    OK = 1
    ERROR = 2


class AggregationTemporality(IntEnum):
    UNSPECIFIED = 0
    DELTA = 1
    CUMULATIVE = 2


class SeverityNumber(IntEnum):
    UNSPECIFIED = 0
    TRACE = 1
    TRACE2 = 2
    TRACE3 = 3
    TRACE4 = 4
    DEBUG = 5
    DEBUG2 = 6
    DEBUG3 = 7
    DEBUG4 = 8
    INFO = 9
    INFO2 = 10
    INFO3 = 11
    INFO4 = 12
    WARN = 13
    WARN2 = 14
    WARN3 = 15
    WARN4 = 16
    ERROR = 17
    ERROR2 = 18
    ERROR3 = 19
    ERROR4 = 20
    FATAL = 21
    FATAL2 = 22
    FATAL3 = 23
    FATAL4 = 24


@dataclass(slots=True)
class Message:
    """What all messages share. `unknown`: fields that this version does not know, as encoded."""

    unknown: bytes = field(default=b"", kw_only=True)


@dataclass(slots=True)
class Embedded(Message):
    """A message that stands alone in its parent's field, where unset and empty differ on the wire.

    `present=False` with no content leaves the field out; comparisons ignore it.
    """

    present: bool = field(default=True, kw_only=True, compare=False, repr=False)

    @classmethod
    def absent(cls) -> Self:
        return cls(present=False)


# ---- resource and scope


@dataclass(slots=True)
class EntityRef(Message):
    schema_url: str = ""
    type: str = ""
    id_keys: list[str] = field(default_factory=list)
    description_keys: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Resource(Embedded):
    attributes: KeyValues = field(default_factory=KeyValues)
    dropped_attributes_count: int = 0
    entity_refs: list[EntityRef] = field(default_factory=list)


@dataclass(slots=True)
class InstrumentationScope(Embedded):
    name: str = ""
    version: str = ""
    attributes: KeyValues = field(default_factory=KeyValues)
    dropped_attributes_count: int = 0


# ---- traces


@dataclass(slots=True)
class SpanEvent(Message):
    time_unix_nano: int = 0
    name: str = ""
    attributes: KeyValues = field(default_factory=KeyValues)
    dropped_attributes_count: int = 0


@dataclass(slots=True)
class SpanLink(Message):
    trace_id: bytes = b""
    span_id: bytes = b""
    trace_state: str = ""
    attributes: KeyValues = field(default_factory=KeyValues)
    dropped_attributes_count: int = 0
    flags: int = 0


@dataclass(slots=True)
class Status(Embedded):
    message: str = ""
    code: int = 0


@dataclass(slots=True)
class Span(Message):
    trace_id: bytes = b""
    span_id: bytes = b""
    trace_state: str = ""
    parent_span_id: bytes = b""
    name: str = ""
    kind: int = 0
    start_time_unix_nano: int = 0
    end_time_unix_nano: int = 0
    attributes: KeyValues = field(default_factory=KeyValues)
    dropped_attributes_count: int = 0
    events: list[SpanEvent] = field(default_factory=list)
    dropped_events_count: int = 0
    links: list[SpanLink] = field(default_factory=list)
    dropped_links_count: int = 0
    status: Status = field(default_factory=Status.absent)
    flags: int = 0


@dataclass(slots=True)
class ScopeSpans(Message):
    scope: InstrumentationScope = field(default_factory=InstrumentationScope.absent)
    spans: list[Span] = field(default_factory=list)
    schema_url: str = ""


@dataclass(slots=True)
class ResourceSpans(Message):
    resource: Resource = field(default_factory=Resource.absent)
    scope_spans: list[ScopeSpans] = field(default_factory=list)
    schema_url: str = ""


@dataclass(slots=True)
class TracesData(Message):
    """Also ExportTraceServiceRequest, which has the same fields."""

    resource_spans: list[ResourceSpans] = field(default_factory=list)


# ---- metrics


@dataclass(slots=True)
class Exemplar(Message):
    """`value`: `float` is as_double, `int` is as_int, `None` unset."""

    filtered_attributes: KeyValues = field(default_factory=KeyValues)
    time_unix_nano: int = 0
    value: int | float | None = None
    span_id: bytes = b""
    trace_id: bytes = b""


@dataclass(slots=True)
class NumberDataPoint(Message):
    """`value`: `float` is as_double, `int` is as_int, `None` unset."""

    attributes: KeyValues = field(default_factory=KeyValues)
    start_time_unix_nano: int = 0
    time_unix_nano: int = 0
    value: int | float | None = None
    exemplars: list[Exemplar] = field(default_factory=list)
    flags: int = 0


@dataclass(slots=True)
class HistogramDataPoint(Message):
    attributes: KeyValues = field(default_factory=KeyValues)
    start_time_unix_nano: int = 0
    time_unix_nano: int = 0
    count: int = 0
    sum: float | None = None
    bucket_counts: list[int] = field(default_factory=list)
    explicit_bounds: list[float] = field(default_factory=list)
    exemplars: list[Exemplar] = field(default_factory=list)
    flags: int = 0
    min: float | None = None
    max: float | None = None


@dataclass(slots=True)
class Buckets(Embedded):
    """ExponentialHistogramDataPoint.Buckets."""

    offset: int = 0
    bucket_counts: list[int] = field(default_factory=list)


@dataclass(slots=True)
class ExponentialHistogramDataPoint(Message):
    attributes: KeyValues = field(default_factory=KeyValues)
    start_time_unix_nano: int = 0
    time_unix_nano: int = 0
    count: int = 0
    sum: float | None = None
    scale: int = 0
    zero_count: int = 0
    positive: Buckets = field(default_factory=Buckets.absent)
    negative: Buckets = field(default_factory=Buckets.absent)
    flags: int = 0
    exemplars: list[Exemplar] = field(default_factory=list)
    min: float | None = None
    max: float | None = None
    zero_threshold: float = 0.0


@dataclass(slots=True)
class ValueAtQuantile(Message):
    quantile: float = 0.0
    value: float = 0.0


@dataclass(slots=True)
class SummaryDataPoint(Message):
    attributes: KeyValues = field(default_factory=KeyValues)
    start_time_unix_nano: int = 0
    time_unix_nano: int = 0
    count: int = 0
    sum: float = 0.0
    quantile_values: list[ValueAtQuantile] = field(default_factory=list)
    flags: int = 0


@dataclass(slots=True)
class Gauge(Message):
    data_points: list[NumberDataPoint] = field(default_factory=list)


@dataclass(slots=True)
class Sum(Message):
    data_points: list[NumberDataPoint] = field(default_factory=list)
    aggregation_temporality: int = 0
    is_monotonic: bool = False


@dataclass(slots=True)
class Histogram(Message):
    data_points: list[HistogramDataPoint] = field(default_factory=list)
    aggregation_temporality: int = 0


@dataclass(slots=True)
class ExponentialHistogram(Message):
    data_points: list[ExponentialHistogramDataPoint] = field(default_factory=list)
    aggregation_temporality: int = 0


@dataclass(slots=True)
class Summary(Message):
    data_points: list[SummaryDataPoint] = field(default_factory=list)


@dataclass(slots=True)
class Metric(Message):
    """`data` is the protocol's oneof: its class tells which."""

    name: str = ""
    description: str = ""
    unit: str = ""
    data: Gauge | Sum | Histogram | ExponentialHistogram | Summary | None = None
    metadata: KeyValues = field(default_factory=KeyValues)


@dataclass(slots=True)
class ScopeMetrics(Message):
    scope: InstrumentationScope = field(default_factory=InstrumentationScope.absent)
    metrics: list[Metric] = field(default_factory=list)
    schema_url: str = ""


@dataclass(slots=True)
class ResourceMetrics(Message):
    resource: Resource = field(default_factory=Resource.absent)
    scope_metrics: list[ScopeMetrics] = field(default_factory=list)
    schema_url: str = ""


@dataclass(slots=True)
class MetricsData(Message):
    """Also ExportMetricsServiceRequest, which has the same fields."""

    resource_metrics: list[ResourceMetrics] = field(default_factory=list)


# ---- logs


@dataclass(slots=True)
class LogRecord(Message):
    time_unix_nano: int = 0
    observed_time_unix_nano: int = 0
    severity_number: int = 0
    severity_text: str = ""
    body: AnyValue = None
    attributes: KeyValues = field(default_factory=KeyValues)
    dropped_attributes_count: int = 0
    flags: int = 0
    trace_id: bytes = b""
    span_id: bytes = b""
    event_name: str = ""


@dataclass(slots=True)
class ScopeLogs(Message):
    scope: InstrumentationScope = field(default_factory=InstrumentationScope.absent)
    log_records: list[LogRecord] = field(default_factory=list)
    schema_url: str = ""


@dataclass(slots=True)
class ResourceLogs(Message):
    resource: Resource = field(default_factory=Resource.absent)
    scope_logs: list[ScopeLogs] = field(default_factory=list)
    schema_url: str = ""


@dataclass(slots=True)
class LogsData(Message):
    """Also ExportLogsServiceRequest, which has the same fields."""

    resource_logs: list[ResourceLogs] = field(default_factory=list)
