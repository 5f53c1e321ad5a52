"""Instruments: what is measured is what is collected."""

import threading
import time

import pytest
from opentelemetry import metrics as api
from opentelemetry.metrics import Observation

from wasm_sdk.sdk.metrics import (
    CUMULATIVE,
    DELTA,
    InMemoryMetricReader,
    InstrumentKind,
    MeterProvider,
)
from wasm_sdk.sdk.resource import Resource

ALL_DELTA = dict.fromkeys(InstrumentKind, DELTA)


def values(metric) -> dict:
    return {tuple(point.attributes.as_dict().items()): point.value for point in metric.data.data_points}


def test_counters_add_up(measure):
    meter, collect = measure()
    counter = meter.create_counter("requests", "{request}", "All requests")
    assert isinstance(counter, api.Counter) and counter.enabled
    for route in "aab":
        counter.add(1, {"route": route})
    counter.add(0.5)
    metric = collect()["requests"]
    assert (metric.unit, metric.description) == ("{request}", "All requests")
    assert metric.data.is_monotonic and metric.data.aggregation_temporality == CUMULATIVE
    assert values(metric) == {(("route", "a"),): 2, (("route", "b"),): 1, (): 0.5}


@pytest.mark.parametrize("value", [-1, float("nan")])
def test_what_must_not_be_negative_is_refused_and_logged(measure, caplog, value):
    meter, collect = measure()
    meter.create_counter("c").add(value)
    meter.create_histogram("h").record(value)
    assert collect() == {} and caplog.text.count("cannot take") == 2


def test_up_down_counters_go_both_ways(measure):
    meter, collect = measure()
    counter = meter.create_up_down_counter("queue")
    counter.add(5)
    counter.add(-7)
    metric = collect()["queue"]
    assert not metric.data.is_monotonic and values(metric) == {(): -2}


def test_gauges_keep_the_last_value(measure):
    meter, collect = measure()
    gauge = meter.create_gauge("temperature")
    for value in (20, 21.5):
        gauge.set(value, {"room": 1})
    assert values(collect()["temperature"]) == {(("room", 1),): 21.5}


def test_histograms_count_into_buckets_that_include_their_upper_bound(measure):
    meter, collect = measure()
    histogram = meter.create_histogram("size", explicit_bucket_boundaries_advisory=[1, 2, 4])
    for value in (0, 1, 1.5, 2, 3, 4, 4.1, float("inf")):
        histogram.record(value)
    (point,) = collect()["size"].data.data_points
    assert point.bucket_counts == [2, 2, 2, 1] and point.explicit_bounds == [1, 2, 4]
    assert (point.count, point.sum, point.min, point.max) == (7, pytest.approx(15.6), 0, 4.1)


def test_histograms_have_the_standard_boundaries_by_default(measure, caplog):
    meter, collect = measure()
    meter.create_histogram("a").record(6)
    meter.create_histogram("b", explicit_bucket_boundaries_advisory=[2, 1]).record(6)
    for metric in collect().values():
        assert metric.data.data_points[0].explicit_bounds[:4] == [0, 5, 10, 25]
    assert "do not rise" in caplog.text


def test_observable_instruments_report_what_their_callbacks_say(measure):
    meter, collect = measure()

    def observe(options):
        yield Observation(3, {"cpu": 0})
        yield Observation(4, {"cpu": 1})

    def generator():
        options = yield
        while True:
            assert options.timeout_millis == 10_000
            options = yield [Observation(1.5)]

    meter.create_observable_counter("time", [observe])
    meter.create_observable_up_down_counter("queue", [observe])
    meter.create_observable_gauge("load", [generator()])
    metrics = collect()
    assert metrics["time"].data.is_monotonic and not metrics["queue"].data.is_monotonic
    assert values(metrics["time"]) == values(metrics["queue"]) == {(("cpu", 0),): 3, (("cpu", 1),): 4}
    assert values(metrics["load"]) == {(): 1.5} == values(collect()["load"])


def test_a_callback_that_fails_costs_only_its_own_observations(measure, caplog):
    def broken(options):
        yield Observation(1)
        raise OSError("no such sensor")

    meter, collect = measure()
    meter.create_observable_gauge("broken", [broken, lambda options: [Observation(2, {"other": True})]])
    meter.create_observable_gauge("fine", [lambda options: [Observation(3)]])
    metrics = collect()
    assert values(metrics["broken"]) == {(("other", True),): 2} and values(metrics["fine"]) == {(): 3}
    assert "no such sensor" in caplog.text


def test_an_attribute_set_that_is_no_longer_observed_is_no_longer_reported(measure):
    meter, collect = measure()
    observed = [Observation(1, {"disk": "a"}), Observation(5, {"disk": "b"})]
    meter.create_observable_gauge("free", [lambda options: observed])
    assert len(collect()["free"].data.data_points) == 2
    del observed[0]
    assert values(collect()["free"]) == {(("disk", "b"),): 5}
    observed.clear()
    assert collect() == {}


def test_cumulative_points_repeat_their_start(measure):
    meter, collect = measure()
    before = time.time_ns()
    counter = meter.create_counter("c")
    counter.add(1, {"k": 1})
    first = collect()["c"].data.data_points[0]
    counter.add(2, {"k": 1})
    counter.add(1, {"k": 2})
    second, late = collect()["c"].data.data_points
    assert before <= first.start_time_unix_nano <= first.time_unix_nano <= second.time_unix_nano
    assert second.start_time_unix_nano == first.start_time_unix_nano < late.start_time_unix_nano
    assert (first.value, second.value) == (1, 3)
    assert collect()["c"].data.data_points[1].value == 1, "what did not change is reported again"


def test_delta_points_cover_the_time_since_the_last_collection(measure):
    meter, collect = measure(InMemoryMetricReader(ALL_DELTA))
    counter = meter.create_counter("c")
    histogram = meter.create_histogram("h")
    counter.add(1)
    histogram.record(1)
    first = collect()
    assert first["c"].data.aggregation_temporality == DELTA
    counter.add(5)
    second = collect()
    assert set(second) == {"c"}, "nothing new, nothing to tell"
    old, new = first["c"].data.data_points[0], second["c"].data.data_points[0]
    assert (old.value, new.value) == (1, 5)
    assert new.start_time_unix_nano == old.time_unix_nano
    assert collect() == {}


def test_observable_counters_become_deltas(measure):
    meter, collect = measure(InMemoryMetricReader(ALL_DELTA))
    total = [Observation(10, {"k": 1})]
    meter.create_observable_counter("c", [lambda options: total])
    assert values(collect()["c"]) == {(("k", 1),): 10}
    total[:] = [Observation(17, {"k": 1}), Observation(1, {"k": 2})]
    assert values(collect()["c"]) == {(("k", 1),): 7, (("k", 2),): 1}
    total[:] = [Observation(17, {"k": 1})]
    assert values(collect()["c"]) == {(("k", 1),): 0}
    total[:] = [Observation(17, {"k": 1}), Observation(4, {"k": 2})]
    assert values(collect()["c"]) == {(("k", 1),): 0, (("k", 2),): 3}, "a gap loses no count and doubles none"


def test_a_late_observation_starts_at_the_collection_before_it(measure):
    meter, collect = measure()
    observed = [Observation(1, {"k": 1})]
    meter.create_observable_counter("c", [lambda options: observed])
    first = collect()["c"].data.data_points[0]
    observed.append(Observation(1, {"k": 2}))
    same, late = collect()["c"].data.data_points
    assert same.start_time_unix_nano == first.start_time_unix_nano
    assert late.start_time_unix_nano == first.time_unix_nano


def test_readers_do_not_disturb_each_other():
    calls = []

    def observe(options):
        calls.append(1)
        yield Observation(len(calls))

    delta, cumulative = InMemoryMetricReader(ALL_DELTA), InMemoryMetricReader()
    provider = MeterProvider([delta, cumulative], Resource({}), shutdown_on_exit=False)
    counter = provider.get_meter("m").create_counter("c")
    provider.get_meter("m").create_observable_gauge("g", [observe])

    def read(reader):
        metrics = reader.collect().resource_metrics[0].scope_metrics[0].metrics
        return [metric.data.data_points[0].value for metric in metrics]

    counter.add(1)
    assert read(delta) == [1, 1] and read(cumulative) == [1, 2]
    counter.add(2)
    assert read(delta) == [2, 3] and read(cumulative) == [3, 4]


def test_equal_instruments_are_one(measure, caplog):
    meter, collect = measure()
    assert meter.create_counter("c", "s") is meter.create_counter("c", "s")
    meter.create_observable_gauge("g", [lambda options: [Observation(1, {"k": 1})]])
    meter.create_observable_gauge("g", [lambda options: [Observation(2, {"k": 2})]])
    assert len(collect()["g"].data.data_points) == 2
    assert not caplog.text


def test_instruments_that_share_only_the_name_all_work_with_a_warning(measure, caplog):
    meter, _ = measure()
    reader = InMemoryMetricReader()
    meter = MeterProvider([reader], Resource({}), shutdown_on_exit=False).get_meter("m")
    meter.create_counter("Requests").add(1)
    meter.create_counter("Requests", "By").add(2)
    meter.create_histogram("requests").record(3)
    meter.create_counter("requests").add(4)
    metrics = reader.collect().resource_metrics[0].scope_metrics[0].metrics
    assert [metric.name for metric in metrics] == ["Requests"] * 3, "the first spelling counts"
    assert metrics[0].data.data_points[0].value == 5
    assert (
        "unit ('', 'By')" in caplog.text
        and "kind (" in caplog.text
        and "spelling ('requests')" in caplog.text
    )


def test_the_first_advice_stays(measure, caplog):
    meter, collect = measure()
    meter.create_histogram("h", explicit_bucket_boundaries_advisory=[1])
    meter.create_histogram("h", explicit_bucket_boundaries_advisory=[2]).record(1)
    assert collect()["h"].data.data_points[0].explicit_bounds == [1]
    assert "advised boundaries [1], which stay" in caplog.text


def test_meters_are_namespaces_of_their_own():
    reader = InMemoryMetricReader()
    provider = MeterProvider([reader], Resource({"r": 1}, "https://r"), shutdown_on_exit=False)
    for name in ("a", "b"):
        provider.get_meter(name, "1", "https://s", {"k": name}).create_counter("c").add(1)
    (resource,) = reader.collect().resource_metrics
    assert (resource.resource.attributes.as_dict(), resource.schema_url) == ({"r": 1}, "https://r")
    scopes = [
        (s.scope.name, s.scope.version, s.schema_url, s.scope.attributes["k"]) for s in resource.scope_metrics
    ]
    assert scopes == [("a", "1", "https://s", "a"), ("b", "1", "https://s", "b")]


@pytest.mark.parametrize("name", ["", "1st", "naïve", "with space", "x" * 256, "a=b"])
def test_a_name_against_the_syntax_is_logged_and_works(measure, caplog, name):
    meter, collect = measure()
    meter.create_counter(name).add(1)
    assert collect()[name].data.data_points[0].value == 1
    assert "does not follow the syntax" in caplog.text


@pytest.mark.parametrize("name", ["a", "http.server/request-duration_2", "x" * 255])
def test_names_that_follow_the_syntax(measure, caplog, name):
    measure()[0].create_counter(name, None, None)
    assert not caplog.text


def test_attributes_may_hold_lists(measure):
    meter, collect = measure()
    counter = meter.create_counter("c")
    counter.add(1, {"tags": ["a", "b"]})
    counter.add(1, {"tags": ["a", "b"]})
    (point,) = collect()["c"].data.data_points
    assert point.value == 2 and point.attributes["tags"] == ["a", "b"]


def test_attributes_are_not_cut(measure):
    meter, collect = measure()
    meter.create_counter("c").add(1, {str(n): "x" * 500 for n in range(200)})
    attributes = collect()["c"].data.data_points[0].attributes
    assert len(attributes) == 200 and len(attributes["0"]) == 500


def test_threads_lose_nothing(measure):
    meter, collect = measure()
    counter, histogram = meter.create_counter("c"), meter.create_histogram("h")

    def work() -> None:
        for n in range(2000):
            counter.add(1, {"k": n % 50})
            histogram.record(n)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    metrics = collect()
    assert sum(values(metrics["c"]).values()) == 8000
    (point,) = metrics["h"].data.data_points
    assert point.count == sum(point.bucket_counts) == 8000


def test_no_op_meters(monkeypatch):
    reader = InMemoryMetricReader()
    provider = MeterProvider(
        [reader], Resource({}), shutdown_on_exit=False, enabled=lambda scope: scope.name != "off"
    )
    assert isinstance(provider.get_meter("off"), api.NoOpMeter)
    provider.get_meter("").create_counter("works without a name").add(1)
    assert provider.shutdown() and provider.shutdown()
    assert isinstance(provider.get_meter("late"), api.NoOpMeter)
    with pytest.raises(RuntimeError, match="shutdown"):
        reader.collect()
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    assert isinstance(MeterProvider([], Resource({})).get_meter("m"), api.NoOpMeter)


def test_a_reader_belongs_to_one_provider():
    reader = InMemoryMetricReader()
    with pytest.raises(RuntimeError, match="joining"):
        reader.collect()
    MeterProvider([reader], Resource({}), shutdown_on_exit=False)
    with pytest.raises(ValueError, match="another provider"):
        MeterProvider([reader], Resource({}), shutdown_on_exit=False)
