"""Paths of decoded messages (`wasm_sdk.otlp.model`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from wasm_sdk.otlp import model
from wasm_sdk.otlp.values import plain
from wasm_sdk.rules.evaluate import wrap
from wasm_sdk.rules.gotext import as_string
from wasm_sdk.rules.values import Message, Messages, RuleValue, SpanID, Time, TraceID

if TYPE_CHECKING:
    from collections.abc import Callable

    from wasm_sdk.rules.tree import Path

DataPoint = (
    model.NumberDataPoint
    | model.HistogramDataPoint
    | model.ExponentialHistogramDataPoint
    | model.SummaryDataPoint
)


@dataclass(slots=True)
class Item:
    """What one rule judges: the message itself, and those around it.

    `resource_schema_url` and `scope_schema_url` stand one level up on the wire. `event_index` counts from 0.
    """

    resource: model.Resource
    scope: model.InstrumentationScope
    span: model.Span | None = None
    spanevent: model.SpanEvent | None = None
    event_index: int = 0
    metric: model.Metric | None = None
    datapoint: DataPoint | None = None
    log: model.LogRecord | None = None
    resource_schema_url: str = ""
    scope_schema_url: str = ""


_KINDS = ("Unspecified", "Internal", "Server", "Client", "Producer", "Consumer")
_DEPRECATED_KINDS = tuple(f"SPAN_KIND_{kind.upper()}" for kind in _KINDS)
_TYPES = (
    type(None), model.Gauge, model.Sum, model.Histogram, model.ExponentialHistogram, model.Summary,
)  # fmt: skip
_HISTOGRAMS = (model.HistogramDataPoint, model.ExponentialHistogramDataPoint, model.SummaryDataPoint)


def _number(point: Any, kind: type[int] | type[float]) -> RuleValue:
    if not isinstance(point, model.NumberDataPoint):
        return None
    return point.value if type(point.value) is kind else kind(0)


def _exponential(point: Any, read: Callable[[Any], RuleValue]) -> RuleValue:
    return read(point) if isinstance(point, model.ExponentialHistogramDataPoint) else None


def _buckets(side: str, read: Callable[[model.Buckets], RuleValue]) -> Callable[[Any], RuleValue]:
    return lambda point: _exponential(point, lambda p: read(getattr(p, side)))


_BUCKETS: dict[str, Callable[[model.Buckets], RuleValue]] = {
    "": lambda _: Message(),
    ".offset": lambda buckets: buckets.offset,
    ".bucket_counts": lambda buckets: Messages(len(buckets.bucket_counts), listed=False),
}

# How a field is made into a value; fields that are values already are not named.
_MADE: dict[str, Callable[[Any], RuleValue]] = {
    "span.events": lambda span: Messages(len(span.events)),
    "span.links": lambda span: Messages(len(span.links)),
    "span.status": lambda _: Message(),
    "span.kind.string": lambda span: kind_name(span.kind),
    "span.kind.deprecated_string": lambda span: deprecated_kind_name(span.kind),
    "metric.type": lambda metric: _TYPES.index(type(metric.data)),
    "metric.aggregation_temporality": lambda metric: getattr(metric.data, "aggregation_temporality", None),
    "metric.is_monotonic": lambda metric: getattr(metric.data, "is_monotonic", None),
    "metric.data_points": lambda metric: (
        None if metric.data is None else Messages(len(metric.data.data_points))
    ),
    "datapoint.value_double": lambda point: _number(point, float),
    "datapoint.value_int": lambda point: _number(point, int),
    "datapoint.exemplars": lambda point: (
        None if isinstance(point, model.SummaryDataPoint) else Messages(len(point.exemplars))
    ),
    "datapoint.count": lambda point: wrap(point.count) if isinstance(point, _HISTOGRAMS) else None,
    "datapoint.sum": lambda point: (point.sum or 0.0) if isinstance(point, _HISTOGRAMS) else None,
    "datapoint.bucket_counts": lambda point: (
        Messages(len(point.bucket_counts), listed=False)
        if isinstance(point, model.HistogramDataPoint)
        else None
    ),
    "datapoint.explicit_bounds": lambda point: (
        Messages(len(point.explicit_bounds)) if isinstance(point, model.HistogramDataPoint) else None
    ),
    "datapoint.scale": lambda point: _exponential(point, lambda p: p.scale),
    "datapoint.zero_count": lambda point: _exponential(point, lambda p: wrap(p.zero_count)),
    "datapoint.quantile_values": lambda point: (
        Messages(len(point.quantile_values)) if isinstance(point, model.SummaryDataPoint) else None
    ),
    "log.body": lambda log: plain(log.body),
    "log.body.string": lambda log: as_string(plain(log.body)),
    **{
        f"datapoint.{side}{what}": _buckets(side, read)
        for side in ("positive", "negative")
        for what, read in _BUCKETS.items()
    },
}


def kind_name(kind: int) -> str:
    """A span kind as `kind.string` names it; "" for one of a later protocol."""
    return _KINDS[kind] if 0 <= kind < len(_KINDS) else ""


def deprecated_kind_name(kind: int) -> str:
    return _DEPRECATED_KINDS[kind] if 0 <= kind < len(_DEPRECATED_KINDS) else ""


def trace_id(data: bytes) -> TraceID:
    """An id as a value; an absent one is all zeros."""
    return TraceID(data or bytes(16))


def span_id(data: bytes) -> SpanID:
    return SpanID(data or bytes(8))


class Decoded:
    """The `Source` of `Item`s."""

    def entry(self, path: Path, key: str) -> Callable[[Item], RuleValue]:
        owner, field = path.context, path.fields[0]
        return lambda item: getattr(getattr(item, owner), field).get(key)

    def path(self, path: Path) -> Callable[[Item], RuleValue]:
        name = ".".join((path.context, *path.fields))
        if name == "spanevent.event_index":
            return lambda item: item.event_index
        if name in ("resource.schema_url", "scope.schema_url"):
            attribute = f"{path.context}_schema_url"
            return lambda item: getattr(item, attribute)
        owner = path.context
        made = _MADE.get(name)
        if made is not None:
            return lambda item: made(getattr(item, owner))
        field, *rest = path.fields
        if field in ("trace_id", "span_id", "parent_span_id"):
            make = trace_id if field == "trace_id" else span_id
            if rest:
                return lambda item: make(getattr(getattr(item, owner), field)).hex()
            return lambda item: make(getattr(getattr(item, owner), field))
        if field.endswith("time_unix_nano"):
            return lambda item: wrap(getattr(getattr(item, owner), field))
        if field == "time" or field.endswith("_time"):
            stamp = f"{field}_unix_nano"
            return lambda item: Time(wrap(getattr(getattr(item, owner), stamp)))
        if rest:
            return lambda item: getattr(getattr(getattr(item, owner), field), rest[0])
        return lambda item: getattr(getattr(item, owner), field)
