"""Buckets of a base-2 exponential histogram that adjust their resolution to the data.

At scale s, bucket i holds values in (b**i, b**(i+1)] with b = 2**(2**-s). Source: OpenTelemetry
specification, metrics data model, "ExponentialHistogram"; metrics SDK, "Base2 Exponential Bucket Histogram
Aggregation".
"""

import math
import sys

from wasm_sdk.otlp.model import Buckets

MAX_SCALE = 20
MIN_SCALE = -10

_LOG2_E = 1 / math.log(2)


def bucket_index(value: float, scale: int) -> int:
    """The bucket of a positive finite `value`; subnormal values count as the smallest normal one."""
    fraction, exponent = math.frexp(max(value, sys.float_info.min))
    if fraction == 0.5:
        # An exact power of two is the upper bound of its bucket, which logarithms may miss by a hair.
        power = exponent - 1
        return (power << scale) - 1 if scale >= 0 else (power - 1) >> -scale
    if scale <= 0:
        return (exponent - 1) >> -scale
    return math.ceil(math.log(fraction) * _LOG2_E * (1 << scale)) + (exponent << scale) - 1


class ExponentialBuckets:
    """Counts of positive and of negative values (by their magnitude) and of zeros, at one common scale.

    Args:
        max_size: Buckets of each sign at most.
        max_scale: The finest scale; it is also the first.
    """

    __slots__ = ("_max_size", "_negative", "_positive", "scale", "zeros")

    def __init__(self, max_size: int, max_scale: int) -> None:
        self._max_size = max_size
        self._positive: dict[int, int] = {}
        self._negative: dict[int, int] = {}
        self.scale = max_scale
        self.zeros = 0

    def add(self, value: float) -> None:
        """Count a finite value, lowering the scale as far as that takes."""
        if value == 0:
            self.zeros += 1
            return
        counts = self._positive if value > 0 else self._negative
        index = bucket_index(abs(value), self.scale)
        if index not in counts and counts:
            change = self._excess(min(index, min(counts)), max(index, max(counts)))
            if change:
                self._lower(change)
                counts = self._positive if value > 0 else self._negative
                index = bucket_index(abs(value), self.scale)
        counts[index] = counts.get(index, 0) + 1

    def _excess(self, low: int, high: int) -> int:
        """By how much the scale must fall for the buckets from `low` to `high` to fit."""
        change = 0
        while high - low >= self._max_size and self.scale - change > MIN_SCALE:
            low >>= 1
            high >>= 1
            change += 1
        return change

    def _lower(self, change: int) -> None:
        self.scale -= change
        self._positive = _merged(self._positive, change)
        self._negative = _merged(self._negative, change)

    @property
    def positive(self) -> Buckets:
        return _dense(self._positive)

    @property
    def negative(self) -> Buckets:
        return _dense(self._negative)


def _merged(counts: dict[int, int], change: int) -> dict[int, int]:
    merged: dict[int, int] = {}
    for index, count in counts.items():
        merged[index >> change] = merged.get(index >> change, 0) + count
    return merged


def _dense(counts: dict[int, int]) -> Buckets:
    if not counts:
        return Buckets()
    low, high = min(counts), max(counts)
    return Buckets(low, [counts.get(index, 0) for index in range(low, high + 1)])
