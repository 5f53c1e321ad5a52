"""Exponential histograms, against their definition and opentelemetry-sdk's."""

import math
import sys
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.sdk.metrics import MeterProvider as OfficialProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader as OfficialReader
from opentelemetry.sdk.metrics.view import ExponentialBucketHistogramAggregation as OfficialAggregation
from opentelemetry.sdk.metrics.view import View as OfficialView

from wasm_sdk.sdk.metrics import (
    CUMULATIVE,
    DELTA,
    ExponentialBucketHistogramAggregation,
    InMemoryMetricReader,
    InstrumentKind,
    View,
)
from wasm_sdk.sdk.metrics.exponential import MAX_SCALE, MIN_SCALE, ExponentialBuckets, bucket_index

NORMAL = st.floats(sys.float_info.min, sys.float_info.max)


@given(NORMAL, st.integers(MIN_SCALE, 6))
def test_a_value_lies_above_its_lower_bound_and_not_above_its_upper(value, scale):
    index = bucket_index(value, scale)
    if scale > 0:
        # value <= 2**((index + 1) / 2**scale), without rounding
        power = Fraction(value) ** (1 << scale)
        assert Fraction(2) ** index < power <= Fraction(2) ** (index + 1)
    else:
        width = 1 << -scale
        assert Fraction(2) ** (index * width) < Fraction(value) <= Fraction(2) ** ((index + 1) * width)


@given(st.integers(-1022, 1023), st.integers(MIN_SCALE, MAX_SCALE))
def test_powers_of_two_are_upper_bounds(exponent, scale):
    value = math.ldexp(1, exponent)
    expected = (exponent << scale) - 1 if scale >= 0 else -(-exponent // (1 << -scale)) - 1
    assert bucket_index(value, scale) == expected


def test_subnormal_values_count_as_the_smallest_normal_one():
    assert bucket_index(5e-324, 3) == bucket_index(sys.float_info.min, 3)


@pytest.mark.parametrize("max_size", [2, 4, 160])
@given(values=st.lists(NORMAL | st.floats(-1e6, 1e6), max_size=60))
def test_counts_are_complete_and_no_more_buckets_than_allowed(max_size, values):
    buckets = ExponentialBuckets(max_size, MAX_SCALE)
    for value in values:
        buckets.add(value)
    positive, negative = buckets.positive.bucket_counts, buckets.negative.bucket_counts
    assert sum(positive) == sum(value > 0 for value in values)
    assert sum(negative) == sum(value < 0 for value in values)
    assert buckets.zeros == sum(value == 0 for value in values)
    if buckets.scale > MIN_SCALE:
        assert len(positive) <= max_size and len(negative) <= max_size
    if len(values) <= 1:
        assert buckets.scale == MAX_SCALE


@pytest.mark.parametrize(
    "values",
    [
        [1.0], [1, 2, 4, 8], [0.1 * n for n in range(1, 400)], [0, 0, 3], [1e-300, 1e300], [7.5] * 5,
        [1.5**n for n in range(60)], [1, 1.000001, 1.000002],
    ],
)  # fmt: skip
@pytest.mark.parametrize("max_size", [4, 20, 160])
def test_opentelemetry_sdk_makes_the_same_of_it(measure, values, max_size):
    view = View("h", aggregation=ExponentialBucketHistogramAggregation(max_size))
    meter, collect = measure(views=[view])
    reader = OfficialReader()
    official = OfficialProvider(
        [reader], views=[OfficialView(instrument_name="h", aggregation=OfficialAggregation(max_size))]
    )
    ours, theirs = meter.create_histogram("h"), official.get_meter("m").create_histogram("h")
    for value in values:
        ours.record(value)
        theirs.record(value)
    (mine,) = collect()["h"].data.data_points
    (other,) = reader.get_metrics_data().resource_metrics[0].scope_metrics[0].metrics[0].data.data_points
    official.shutdown()
    assert (mine.scale, mine.zero_count, mine.count) == (other.scale, other.zero_count, other.count)
    assert (mine.sum, mine.min, mine.max) == (pytest.approx(other.sum), other.min, other.max)
    counts = [count for count in other.positive.bucket_counts if count]
    assert [count for count in mine.positive.bucket_counts if count] == counts
    if counts:
        first = next(place for place, count in enumerate(other.positive.bucket_counts) if count)
        assert mine.positive.offset == other.positive.offset + first


@pytest.mark.parametrize(("temporality", "expected"), [(CUMULATIVE, 3), (DELTA, 1)])
def test_delta_starts_at_the_finest_scale_again(measure, temporality, expected):
    reader = InMemoryMetricReader(
        {InstrumentKind.HISTOGRAM: temporality},
        {InstrumentKind.HISTOGRAM: ExponentialBucketHistogramAggregation(4)},
    )
    meter, collect = measure(reader)
    histogram = meter.create_histogram("h")
    histogram.record(1)
    histogram.record(1000)
    assert collect()["h"].data.data_points[0].scale < 0
    histogram.record(5)
    (point,) = collect()["h"].data.data_points
    assert point.count == expected
    assert (point.scale == MAX_SCALE) is (temporality == DELTA)


@pytest.mark.parametrize(("max_size", "max_scale"), [(1, 20), (160, 21), (160, -11)])
def test_impossible_parameters_are_refused(max_size, max_scale):
    with pytest.raises(ValueError, match="max_size"):
        ExponentialBucketHistogramAggregation(max_size, max_scale)
