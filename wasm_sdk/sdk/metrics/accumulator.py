"""What one time series adds its measurements up in, and the OTLP data point that comes of it.

Additions like `self.value += value` are not interrupted by other threads: CPython switches threads at calls
and at loops only.
"""

from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Sequence
from math import isfinite
from threading import Lock

from wasm_sdk.otlp import model
from wasm_sdk.otlp.values import KeyValues
from wasm_sdk.sdk.metrics.exponential import ExponentialBuckets

Number = int | float
DataPoint = model.NumberDataPoint | model.HistogramDataPoint | model.ExponentialHistogramDataPoint


class Accumulator(ABC):
    """The state of one time series. `start`: Unix nanoseconds of the first moment that it covers."""

    __slots__ = ("start",)

    def __init__(self, start: int) -> None:
        self.start = start

    @abstractmethod
    def add(self, value: Number) -> None:
        """Take a measurement in."""

    @abstractmethod
    def point(
        self, start: int, time: int, attributes: KeyValues, exemplars: list[model.Exemplar]
    ) -> DataPoint:
        """The data point of the time from `start` to `time`, in Unix nanoseconds."""


class SumAccumulator(Accumulator):
    """Sums integers exactly and everything else as floating-point numbers."""

    __slots__ = ("value",)

    def __init__(self, start: int) -> None:
        super().__init__(start)
        self.value: Number = 0

    def add(self, value: Number) -> None:
        self.value += value

    def point(
        self, start: int, time: int, attributes: KeyValues, exemplars: list[model.Exemplar]
    ) -> model.NumberDataPoint:
        return model.NumberDataPoint(attributes, start, time, self.value, exemplars)


class LastValueAccumulator(SumAccumulator):
    """Keeps the last measurement."""

    __slots__ = ()

    def add(self, value: Number) -> None:
        self.value = value

    def point(
        self, start: int, time: int, attributes: KeyValues, exemplars: list[model.Exemplar]
    ) -> model.NumberDataPoint:
        return model.NumberDataPoint(attributes, start, time, self.value, exemplars)


class HistogramAccumulator(Accumulator):
    """Count, sum, minimum and maximum; measurements that are no finite numbers are left out.

    Args:
        start: See `Accumulator`.
        record_min_max: Whether minimum and maximum are reported.
        record_sum: Whether the sum is; it means nothing where measurements may be negative.
    """

    __slots__ = ("_max", "_min", "_record_min_max", "_record_sum", "_sum", "count")

    def __init__(self, start: int, record_min_max: bool, record_sum: bool) -> None:
        super().__init__(start)
        self._record_min_max = record_min_max
        self._record_sum = record_sum
        self.count = 0
        self._sum: Number = 0
        self._min = float("inf")
        self._max = float("-inf")

    def add(self, value: Number) -> None:
        if not isfinite(value):
            return
        self.count += 1
        self._sum += value
        if value < self._min:
            self._min = value
        if value > self._max:
            self._max = value
        self._count_in_bucket(value)

    @abstractmethod
    def _count_in_bucket(self, value: Number) -> None: ...

    @property
    def sum(self) -> float | None:
        """The sum, if it is to be reported."""
        return float(self._sum) if self._record_sum else None

    @property
    def min(self) -> float | None:
        """The smallest measurement, if it is to be reported."""
        return float(self._min) if self._record_min_max and self.count else None

    @property
    def max(self) -> float | None:
        """The largest measurement, if it is to be reported."""
        return float(self._max) if self._record_min_max and self.count else None


class ExplicitBucketAccumulator(HistogramAccumulator):
    """Buckets between given boundaries, each including its upper one."""

    __slots__ = ("_boundaries", "_counts")

    def __init__(
        self, start: int, boundaries: Sequence[float], record_min_max: bool, record_sum: bool
    ) -> None:
        super().__init__(start, record_min_max, record_sum)
        self._boundaries = boundaries
        self._counts = [0] * (len(boundaries) + 1)

    def _count_in_bucket(self, value: Number) -> None:
        self._counts[bisect_left(self._boundaries, value)] += 1

    def point(
        self, start: int, time: int, attributes: KeyValues, exemplars: list[model.Exemplar]
    ) -> model.HistogramDataPoint:
        return model.HistogramDataPoint(
            attributes,
            start,
            time,
            self.count,
            bucket_counts=list(self._counts),
            explicit_bounds=list(self._boundaries),
            exemplars=exemplars,
            sum=self.sum,
            min=self.min,
            max=self.max,
        )


class ExponentialBucketAccumulator(HistogramAccumulator):
    """Buckets that follow the data."""

    __slots__ = ("_buckets", "_lock")

    def __init__(
        self, start: int, max_size: int, max_scale: int, record_min_max: bool, record_sum: bool
    ) -> None:
        super().__init__(start, record_min_max, record_sum)
        self._buckets = ExponentialBuckets(max_size, max_scale)
        self._lock = Lock()

    def _count_in_bucket(self, value: Number) -> None:
        with self._lock:  # changing the scale takes more than one step, unlike everything else here
            self._buckets.add(value)

    def point(
        self, start: int, time: int, attributes: KeyValues, exemplars: list[model.Exemplar]
    ) -> model.ExponentialHistogramDataPoint:
        buckets = self._buckets
        return model.ExponentialHistogramDataPoint(
            attributes,
            start,
            time,
            self.count,
            scale=buckets.scale,
            zero_count=buckets.zeros,
            positive=buckets.positive,
            negative=buckets.negative,
            exemplars=exemplars,
            sum=self.sum,
            min=self.min,
            max=self.max,
        )
