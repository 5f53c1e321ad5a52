"""Aggregations: how the measurements of an instrument are added up.

Source: OpenTelemetry specification, metrics SDK, "Aggregation".
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import isfinite

from wasm_sdk.otlp import model
from wasm_sdk.sdk.metrics.accumulator import (
    Accumulator,
    DataPoint,
    ExplicitBucketAccumulator,
    ExponentialBucketAccumulator,
    LastValueAccumulator,
    SumAccumulator,
)
from wasm_sdk.sdk.metrics.exemplar import (
    AlignedHistogramBucketExemplarReservoir,
    ExemplarReservoir,
    SimpleFixedSizeExemplarReservoir,
)
from wasm_sdk.sdk.metrics.exponential import MAX_SCALE, MIN_SCALE
from wasm_sdk.sdk.metrics.kinds import InstrumentKind, Temporality

DEFAULT_BOUNDARIES = (
    0.0, 5.0, 10.0, 25.0, 50.0, 75.0, 100.0, 250.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 7500.0, 10000.0,
)  # fmt: skip

MetricContent = model.Gauge | model.Sum | model.Histogram | model.ExponentialHistogram


class Aggregation(ABC):
    """A way to add up; immutable, so that views and readers may share it."""

    def fits(self, kind: InstrumentKind) -> bool:
        """Whether it means anything for instruments of this kind."""
        return True

    @abstractmethod
    def accumulator(self, kind: InstrumentKind, start: int) -> Accumulator:
        """The empty state of a time series that starts at `start`, in Unix nanoseconds."""

    @abstractmethod
    def content(
        self, points: list[DataPoint], kind: InstrumentKind, temporality: Temporality
    ) -> MetricContent:
        """The OTLP metric content that holds `points`, which come from this aggregation."""

    def reservoir(self) -> ExemplarReservoir:
        """What keeps exemplars of a time series unless a view says otherwise."""
        return SimpleFixedSizeExemplarReservoir()


class DropAggregation(Aggregation):
    """Ignores all measurements."""

    def accumulator(self, kind: InstrumentKind, start: int) -> Accumulator:
        raise TypeError("a dropped instrument has no time series")

    def content(
        self, points: list[DataPoint], kind: InstrumentKind, temporality: Temporality
    ) -> MetricContent:
        raise TypeError("a dropped instrument has no metric")


class SumAggregation(Aggregation):
    """The sum of the measurements."""

    def accumulator(self, kind: InstrumentKind, start: int) -> Accumulator:
        return SumAccumulator(start)

    def content(
        self, points: list[DataPoint], kind: InstrumentKind, temporality: Temporality
    ) -> MetricContent:
        return model.Sum(points, temporality, kind.monotonic)  # type: ignore[arg-type]  # see `Aggregation.content`


class LastValueAggregation(Aggregation):
    """The last measurement."""

    def accumulator(self, kind: InstrumentKind, start: int) -> Accumulator:
        return LastValueAccumulator(start)

    def content(
        self, points: list[DataPoint], kind: InstrumentKind, temporality: Temporality
    ) -> MetricContent:
        return model.Gauge(points)  # type: ignore[arg-type]


@dataclass(frozen=True, slots=True)
class ExplicitBucketHistogramAggregation(Aggregation):
    """A histogram between given boundaries.

    Raises:
        ValueError: `boundaries` do not rise, or are not finite.
    """

    boundaries: Sequence[float] = DEFAULT_BOUNDARIES
    record_min_max: bool = True

    def __post_init__(self) -> None:
        bounds = self.boundaries
        if any(low >= high for low, high in pairwise(bounds)) or not all(map(isfinite, bounds)):
            raise ValueError(f"boundaries must be finite and rise, unlike {list(bounds)!r}")

    def fits(self, kind: InstrumentKind) -> bool:
        return not kind.observable

    def accumulator(self, kind: InstrumentKind, start: int) -> Accumulator:
        return ExplicitBucketAccumulator(start, self.boundaries, self.record_min_max, kind.monotonic)

    def content(
        self, points: list[DataPoint], kind: InstrumentKind, temporality: Temporality
    ) -> MetricContent:
        return model.Histogram(points, temporality)  # type: ignore[arg-type]

    def reservoir(self) -> ExemplarReservoir:
        if self.boundaries:
            return AlignedHistogramBucketExemplarReservoir(self.boundaries)
        return SimpleFixedSizeExemplarReservoir()


@dataclass(frozen=True, slots=True)
class ExponentialBucketHistogramAggregation(Aggregation):
    """A histogram whose buckets follow the data.

    Raises:
        ValueError: `max_size` is less than 2, or `max_scale` not within -10 and 20.
    """

    max_size: int = 160
    max_scale: int = MAX_SCALE
    record_min_max: bool = True

    def __post_init__(self) -> None:
        if self.max_size < 2 or not MIN_SCALE <= self.max_scale <= MAX_SCALE:
            raise ValueError(
                f"max_size must be at least 2 and max_scale within {MIN_SCALE} and {MAX_SCALE}, unlike "
                f"{self.max_size} and {self.max_scale}"
            )

    def fits(self, kind: InstrumentKind) -> bool:
        return not kind.observable

    def accumulator(self, kind: InstrumentKind, start: int) -> Accumulator:
        return ExponentialBucketAccumulator(
            start, self.max_size, self.max_scale, self.record_min_max, kind.monotonic
        )

    def content(
        self, points: list[DataPoint], kind: InstrumentKind, temporality: Temporality
    ) -> MetricContent:
        return model.ExponentialHistogram(points, temporality)  # type: ignore[arg-type]

    def reservoir(self) -> ExemplarReservoir:
        return SimpleFixedSizeExemplarReservoir(min(20, self.max_size))


def default_aggregation(kind: InstrumentKind, boundaries: Sequence[float] | None) -> Aggregation:
    """The specification's choice for a kind; `boundaries` are the instrument's own advice."""
    if kind is InstrumentKind.HISTOGRAM:
        return ExplicitBucketHistogramAggregation(
            DEFAULT_BOUNDARIES if boundaries is None else tuple(boundaries)
        )
    if kind in (InstrumentKind.GAUGE, InstrumentKind.OBSERVABLE_GAUGE):
        return LastValueAggregation()
    return SumAggregation()
