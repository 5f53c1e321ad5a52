"""A metric stream: one instrument as one reader sees it through one view.

Source: OpenTelemetry specification, metrics SDK, "Start timestamps", "Cardinality limits", "MetricReader".
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from opentelemetry.context import Context

from wasm_sdk.otlp import model
from wasm_sdk.otlp.values import KeyValues
from wasm_sdk.sdk import clock
from wasm_sdk.sdk.attributes import clean_attributes
from wasm_sdk.sdk.metrics.accumulator import Accumulator, DataPoint, Number
from wasm_sdk.sdk.metrics.aggregation import Aggregation
from wasm_sdk.sdk.metrics.exemplar import ExemplarFilter, ExemplarReservoir, always_off
from wasm_sdk.sdk.metrics.kinds import DELTA, InstrumentKind, Temporality

OVERFLOW = {"otel.metric.overflow": True}
_OVERFLOW_KEY = frozenset(OVERFLOW.items())

Key = frozenset[tuple[str, Any]]


class Observed(NamedTuple):
    """One observation of a callback."""

    value: Number
    attributes: Mapping[str, Any]
    context: Context | None


class Series:
    """One time series: its attributes, its sums, and its exemplars."""

    __slots__ = ("accumulator", "attributes", "reservoir")

    def __init__(
        self, attributes: Mapping[str, Any], accumulator: Accumulator, reservoir: ExemplarReservoir | None
    ) -> None:
        self.attributes = attributes
        self.accumulator = accumulator
        self.reservoir = reservoir


class Stream:
    """Collects the measurements of one instrument for one reader.

    Args:
        kind: Of the instrument.
        name: Of the metric.
        description: Of the metric.
        unit: Of the metric.
        aggregation: How measurements are added up.
        temporality: What the reader wants.
        keeps: Tells which attribute keys stay; `None`: all.
        limit: Time series at most; further ones are added up in the one marked `otel.metric.overflow`.
        eligible: Which measurements may become exemplars.
        reservoir: Makes what keeps them, for each time series.
        created: Unix nanoseconds of the instrument's creation.
    """

    def __init__(
        self,
        kind: InstrumentKind,
        name: str,
        description: str,
        unit: str,
        aggregation: Aggregation,
        temporality: Temporality,
        keeps: Callable[[str], bool] | None,
        limit: int,
        eligible: ExemplarFilter,
        reservoir: Callable[[], ExemplarReservoir] | None,
        created: int,
    ) -> None:
        self.kind = kind
        self.name = name
        self.description = description
        self.unit = unit
        self.aggregation = aggregation
        self.temporality = temporality
        self._keeps = keeps
        self._limit = limit
        self._eligible = None if eligible is always_off else eligible
        self._reservoir = reservoir or aggregation.reservoir
        self._created = created
        self._collected = created
        self._series: dict[Key, Series] = {}
        self._reported: dict[Key, Number] = {}
        self._starts: dict[Key, int] = {}

    def record(self, value: Number, attributes: Mapping[str, Any] | None, context: Context | None) -> None:
        """A measurement of a synchronous instrument."""
        given = attributes or {}
        series = self._find(given)
        series.accumulator.add(value)
        if series.reservoir is not None and self._eligible is not None and self._eligible(context):
            series.reservoir.offer(value, clock.now(), given, context)

    def _find(self, attributes: Mapping[str, Any]) -> Series:
        """The series of these attributes, made when they come first."""
        if self._keeps is not None:
            attributes = {key: value for key, value in attributes.items() if self._keeps(key)}
        key = _key(attributes)
        series = self._series.get(key)
        if series is None:
            if len(self._series) - (_OVERFLOW_KEY in self._series) >= self._limit:
                attributes, key = OVERFLOW, _OVERFLOW_KEY
                if series := self._series.get(key):
                    return series
            # setdefault: of two threads that come with the same attributes at once, both get the first one's.
            series = self._series.setdefault(
                key,
                Series(
                    clean_attributes(attributes)[0],
                    self.aggregation.accumulator(self.kind, clock.now()),
                    self._reservoir() if self._eligible is not None else None,
                ),
            )
        return series

    def collect(self, now: int) -> model.Metric | None:
        """The metric of a synchronous instrument at `now`, in Unix nanoseconds; `None` when there is nothing
        to tell.
        """
        delta = self.temporality is DELTA
        collected = self._series
        if delta:
            self._series = {}
        points = [
            _point(series, self._collected if delta else series.accumulator.start, now)
            for series in list(collected.values())
        ]
        self._collected = now
        return self._metric(points)

    def observe(self, observations: Iterable[Observed], now: int) -> model.Metric | None:
        """The metric of an observable instrument out of what its callbacks observed just now."""
        latest = {_key(each.attributes): each for each in observations}
        self._series = {}
        for each in latest.values():
            series = self._find(each.attributes)
            series.accumulator.add(each.value)
            if series.reservoir is not None and self._eligible is not None and self._eligible(each.context):
                series.reservoir.offer(each.value, now, each.attributes, each.context)
        points: list[DataPoint] = []
        delta = self.temporality is DELTA and self.kind is not InstrumentKind.OBSERVABLE_GAUGE
        for key, series in self._series.items():
            start = self._collected if delta else self._starts.setdefault(key, self._collected)
            point = _point(series, start, now)
            if delta and isinstance(point, model.NumberDataPoint) and point.value is not None:
                total = point.value
                point.value = total - self._reported.get(key, 0)
                self._reported[key] = total
            points.append(point)
        self._collected = now
        for known in (self._reported, self._starts):
            if len(known) > 2 * self._limit:
                for key in known.keys() - self._series.keys():
                    del known[key]
        return self._metric(points)

    def _metric(self, points: list[DataPoint]) -> model.Metric | None:
        if not points:
            return None
        content = self.aggregation.content(points, self.kind, self.temporality)
        return model.Metric(self.name, self.description, self.unit, content)


def _point(series: Series, start: int, now: int) -> DataPoint:
    kept = series.reservoir.collect() if series.reservoir is not None else []
    exemplars = [measurement.exemplar(series.attributes) for measurement in kept]
    return series.accumulator.point(start, now, KeyValues.of(series.attributes), exemplars)


def _key(attributes: Mapping[str, Any]) -> Key:
    try:
        return frozenset(attributes.items())
    except TypeError:  # a list or a mapping among the values
        return frozenset((key, repr(value)) for key, value in attributes.items())
