"""Views, aggregations and cardinality."""

import pytest
from opentelemetry.metrics import Observation

from wasm_sdk.otlp import model
from wasm_sdk.sdk.metrics import (
    DropAggregation,
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
    InMemoryMetricReader,
    InstrumentKind,
    LastValueAggregation,
    SumAggregation,
    View,
)


def attributes(metric: model.Metric) -> list[dict]:
    return [point.attributes.as_dict() for point in metric.data.data_points]


@pytest.mark.parametrize(
    ("criteria", "matched"),
    [
        ({"instrument_name": "*"}, {"size", "sizes", "other"}),
        ({"instrument_name": "size"}, {"size"}),
        ({"instrument_name": "SIZE"}, {"size"}),
        ({"instrument_name": "size?"}, {"sizes"}),
        ({"instrument_name": "size*"}, {"size", "sizes"}),
        ({"instrument_name": "size[s]"}, set()),
        ({"instrument_kind": InstrumentKind.HISTOGRAM}, {"size"}),
        ({"instrument_unit": "By"}, {"size"}),
        ({"meter_name": "tests"}, {"size", "sizes", "other"}),
        ({"meter_name": "other"}, set()),
        ({"meter_version": "1"}, set()),
        ({"meter_schema_url": ""}, {"size", "sizes", "other"}),
        ({"instrument_name": "size", "instrument_kind": InstrumentKind.COUNTER}, set()),
    ],
)
def test_an_instrument_must_meet_all_criteria(measure, criteria, matched):
    meter, collect = measure(views=[View(**criteria, aggregation=DropAggregation())])
    meter.create_histogram("size", "By").record(1)
    meter.create_counter("sizes").add(1)
    meter.create_counter("other").add(1)
    assert {"size", "sizes", "other"} - set(collect()) == matched


def test_a_view_renames_describes_and_reaggregates(measure):
    view = View("latency", name="latency.total", description="mine", aggregation=SumAggregation())
    meter, collect = measure(views=[view])
    histogram = meter.create_histogram("latency", "ms", "theirs")
    histogram.record(3)
    histogram.record(4)
    metric = collect()["latency.total"]
    assert (metric.description, metric.unit) == ("mine", "ms")
    assert isinstance(metric.data, model.Sum) and metric.data.data_points[0].value == 7


def test_attributes_are_kept_or_excluded_before_adding_up(measure):
    views = [View("kept", attribute_keys=["a"]), View("excluded", excluded_attribute_keys={"a"})]
    meter, collect = measure(views=views)
    for name in ("kept", "excluded"):
        counter = meter.create_counter(name)
        counter.add(1, {"a": 1, "b": 2})
        counter.add(1, {"a": 1, "b": 3})
    metrics = collect()
    assert attributes(metrics["kept"]) == [{"a": 1}] and metrics["kept"].data.data_points[0].value == 2
    assert attributes(metrics["excluded"]) == [{"b": 2}, {"b": 3}]


def test_observations_that_a_view_makes_equal_are_added_up(measure):
    meter, collect = measure(views=[View("c", attribute_keys=[])])
    meter.create_observable_counter(
        "c", [lambda options: [Observation(1, {"k": 1}), Observation(2, {"k": 2})]]
    )
    (point,) = collect()["c"].data.data_points
    assert point.value == 3


def test_several_views_make_several_metrics(measure, caplog):
    views = [View("c", name="c.by_a", attribute_keys=["a"]), View("c", name="c.by_b", attribute_keys=["b"])]
    meter, collect = measure(views=views)
    meter.create_counter("c").add(1, {"a": 1, "b": 2})
    metrics = collect()
    assert attributes(metrics["c.by_a"]) == [{"a": 1}] and attributes(metrics["c.by_b"]) == [{"b": 2}]
    assert not caplog.text
    measure(views=[View("d", attribute_keys=[]), View("d")])[0].create_counter("d")
    assert "several metrics named 'd'" in caplog.text


def test_dropping_everything_but_what_a_view_names(measure):
    meter, collect = measure(views=[View("c"), View("*", aggregation=DropAggregation())])
    meter.create_counter("c").add(1)
    dropped = meter.create_counter("d")
    dropped.add(1)
    assert set(collect()) == {"c"} and not dropped.enabled


def test_a_view_that_means_nothing_is_passed_over(measure, caplog):
    view = View("g", name="renamed", aggregation=ExplicitBucketHistogramAggregation())
    meter, collect = measure(views=[view])
    meter.create_observable_gauge("g", [lambda options: [Observation(1)]])
    assert isinstance(collect()["g"].data, model.Gauge)
    assert "the view is passed over" in caplog.text


def test_a_view_takes_precedence_over_advice(measure):
    views = [View("h", aggregation=ExplicitBucketHistogramAggregation((5.0,))), View("i", description="d")]
    meter, collect = measure(views=views)
    for name in "hi":
        meter.create_histogram(name, explicit_bucket_boundaries_advisory=[7]).record(1)
    metrics = collect()
    assert metrics["h"].data.data_points[0].explicit_bounds == [5]
    assert metrics["i"].data.data_points[0].explicit_bounds == [7]


def test_readers_choose_aggregations_by_kind(measure):
    reader = InMemoryMetricReader(
        aggregation={
            InstrumentKind.HISTOGRAM: ExponentialBucketHistogramAggregation(),
            InstrumentKind.UP_DOWN_COUNTER: LastValueAggregation(),
            InstrumentKind.COUNTER: DropAggregation(),
        }
    )
    meter, collect = measure(reader)
    meter.create_histogram("h").record(1)
    meter.create_up_down_counter("u").add(-3)
    meter.create_counter("c").add(1)
    metrics = collect()
    assert isinstance(metrics["h"].data, model.ExponentialHistogram) and isinstance(
        metrics["u"].data, model.Gauge
    )
    assert "c" not in metrics


def test_histograms_of_instruments_that_may_fall_have_no_sum(measure):
    views = [
        View("u", aggregation=ExplicitBucketHistogramAggregation((0.0,), record_min_max=False)),
        View("g", aggregation=ExponentialBucketHistogramAggregation(record_min_max=False)),
    ]
    meter, collect = measure(views=views)
    meter.create_up_down_counter("u").add(-3)
    meter.create_gauge("g").set(-3)
    for metric in collect().values():
        (point,) = metric.data.data_points
        assert (point.count, point.sum, point.min, point.max) == (1, None, None, None)


def test_beyond_the_cardinality_limit_measurements_go_into_one_series(measure):
    meter, collect = measure(InMemoryMetricReader(cardinality_limit=3))
    counter = meter.create_counter("c")
    for n in range(3):
        counter.add(1, {"k": n})
    assert len(collect()["c"].data.data_points) == 3, "the limit itself is no overflow"
    for n in range(10):
        counter.add(1, {"k": n})
    points = {tuple(p.attributes.as_dict().items()): p.value for p in collect()["c"].data.data_points}
    assert points == {(("k", 0),): 2, (("k", 1),): 2, (("k", 2),): 2, (("otel.metric.overflow", True),): 7}


def test_views_limit_cardinality_and_observations_keep_the_first(measure):
    meter, collect = measure(views=[View("g", cardinality_limit=2)])
    meter.create_observable_counter("g", [lambda options: [Observation(1, {"k": n}) for n in range(5)]])
    points = collect()["g"].data.data_points
    assert [(p.attributes.as_dict(), p.value) for p in points] == [
        ({"k": 0}, 1),
        ({"k": 1}, 1),
        ({"otel.metric.overflow": True}, 3),
    ]


def test_what_is_remembered_of_vanished_observations_is_bounded(measure):
    meter, collect = measure(InMemoryMetricReader(cardinality_limit=4))
    generations = iter(range(100))

    def observe(options):
        generation = next(generations)
        return [Observation(1, {"k": f"{generation}.{n}"}) for n in range(4)]

    meter.create_observable_counter("c", [observe])
    for _ in range(20):
        assert len(collect()["c"].data.data_points) == 4


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"name": "x"},
        {"name": "x", "instrument_name": "a*"},
        {"name": "x", "meter_name": "m"},
        {"instrument_name": "a", "cardinality_limit": 0},
    ],
)
def test_views_that_make_no_sense_are_refused(arguments):
    with pytest.raises(ValueError, match=r"criterion|wildcards|positive"):
        View(**arguments)


@pytest.mark.parametrize("boundaries", [(1, 1), (2, 1), (float("inf"),), (float("nan"),)])
def test_boundaries_must_rise(boundaries):
    with pytest.raises(ValueError, match="rise"):
        ExplicitBucketHistogramAggregation(boundaries)


def test_a_histogram_may_have_a_single_bucket(measure):
    meter, collect = measure(views=[View("h", aggregation=ExplicitBucketHistogramAggregation(()))])
    meter.create_histogram("h").record(5)
    (point,) = collect()["h"].data.data_points
    assert (point.bucket_counts, point.explicit_bounds, point.sum) == ([1], [], 5)
