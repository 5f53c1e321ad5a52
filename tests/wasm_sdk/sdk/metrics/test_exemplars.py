"""Exemplars: filters, reservoirs, and what they carry."""

import time

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.metrics import Observation
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from wasm_sdk.sdk.metrics import (
    DELTA,
    ExemplarReservoir,
    ExponentialBucketHistogramAggregation,
    InMemoryMetricReader,
    InstrumentKind,
    SimpleFixedSizeExemplarReservoir,
    View,
    always_off,
    always_on,
    trace_based,
)
from wasm_sdk.sdk.metrics.exemplar import Measurement
from wasm_sdk.sdk.metrics.provider import exemplar_filter_from_environ


def within(sampled: bool = True) -> Context:
    span = NonRecordingSpan(SpanContext(0xA, 0xB, False, TraceFlags(sampled)))
    return trace.set_span_in_context(span, Context())


def exemplars(metric) -> list:
    return [exemplar for point in metric.data.data_points for exemplar in point.exemplars]


def test_a_measurement_in_a_sampled_span_becomes_an_exemplar(measure):
    meter, collect = measure(views=[View("c", attribute_keys=["kept"])])
    before = time.time_ns()
    counter = meter.create_counter("c")
    counter.add(5, {"kept": 1, "gone": "x"}, within())
    counter.add(6, {"kept": 1}, within(sampled=False))
    counter.add(7, {"kept": 1})
    (exemplar,) = exemplars(collect()["c"])
    assert exemplar.value == 5 and exemplar.filtered_attributes.as_dict() == {"gone": "x"}
    assert (exemplar.trace_id, exemplar.span_id) == ((0xA).to_bytes(16, "big"), (0xB).to_bytes(8, "big"))
    assert before <= exemplar.time_unix_nano <= time.time_ns()
    assert exemplars(collect()["c"]) == [], "collected once"


def test_the_current_span_counts_where_no_context_is_given(measure):
    meter, collect = measure()
    with trace.use_span(trace.get_current_span(within())):
        meter.create_counter("c").add(1)
    assert exemplars(collect()["c"])[0].span_id == (0xB).to_bytes(8, "big")


def test_exemplars_without_a_span(measure):
    meter, collect = measure(exemplar_filter=always_on)
    meter.create_counter("c").add(1)
    meter.create_observable_gauge("g", [lambda options: [Observation(2, {"k": 1})]])
    metrics = collect()
    assert exemplars(metrics["c"])[0].trace_id == b""
    assert exemplars(metrics["g"])[0].value == 2


def test_exemplars_can_be_switched_off(measure):
    meter, collect = measure(exemplar_filter=always_off)
    meter.create_counter("c").add(1, None, within())
    assert exemplars(collect()["c"]) == []


def test_explicit_histograms_keep_the_last_of_each_bucket(measure):
    meter, collect = measure()
    histogram = meter.create_histogram("h", explicit_bucket_boundaries_advisory=[10, 20])
    for value in (25, 1, 2, 11, 12, 26):
        histogram.record(value, None, within())
    assert [exemplar.value for exemplar in exemplars(collect()["h"])] == [2, 12, 26]


def test_exponential_histograms_keep_twenty_at_most(measure):
    views = [
        View("many", aggregation=ExponentialBucketHistogramAggregation()),
        View("few", aggregation=ExponentialBucketHistogramAggregation(4)),
    ]
    meter, collect = measure(views=views)
    for name in ("many", "few"):
        for n in range(100):
            meter.create_histogram(name).record(n, None, within())
    metrics = collect()
    assert (len(exemplars(metrics["many"])), len(exemplars(metrics["few"]))) == (20, 4)


def test_each_of_the_offered_is_kept_with_the_same_probability():
    kept = [0] * 10
    reservoir = SimpleFixedSizeExemplarReservoir(2)
    for _ in range(4000):
        for n in range(10):
            reservoir.offer(n, 0, {}, None)
        for measurement in reservoir.collect():
            kept[measurement.value] += 1
    assert sum(kept) == 8000
    assert all(share == pytest.approx(800, rel=0.2) for share in kept)


class Largest(ExemplarReservoir):
    def __init__(self) -> None:
        self.largest: Measurement | None = None

    def offer(self, value, time, attributes, context):
        if self.largest is None or value > self.largest.value:
            self.largest = Measurement(value, attributes, time, trace.INVALID_SPAN_CONTEXT)

    def collect(self):
        kept, self.largest = self.largest, None
        return [kept] if kept else []


def test_a_view_brings_its_own_reservoir(measure):
    reader = InMemoryMetricReader({InstrumentKind.COUNTER: DELTA})
    meter, collect = measure(reader, views=[View("c", exemplar_reservoir=Largest)], exemplar_filter=always_on)
    counter = meter.create_counter("c")
    for route, value in (("a", 1), ("a", 9), ("b", 3), ("a", 2)):
        counter.add(value, {"route": route})
    assert sorted(exemplar.value for exemplar in exemplars(collect()["c"])) == [3, 9], "one for each series"


def test_the_environment_chooses_the_filter(caplog):
    assert exemplar_filter_from_environ({}) is trace_based
    assert exemplar_filter_from_environ({"OTEL_METRICS_EXEMPLAR_FILTER": "Always_On"}) is always_on
    assert exemplar_filter_from_environ({"OTEL_METRICS_EXEMPLAR_FILTER": "always_off"}) is always_off
    assert exemplar_filter_from_environ({"OTEL_METRICS_EXEMPLAR_FILTER": "some"}) is trace_based
    assert "OTEL_METRICS_EXEMPLAR_FILTER='some'" in caplog.text
