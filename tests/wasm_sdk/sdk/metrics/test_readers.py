"""Periodic export on the event loop, and the OTLP exporter."""

import asyncio
import threading

import pytest
from opentelemetry import metrics as api
from opentelemetry.metrics import Observation
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from wasm_sdk.otlp import model
from wasm_sdk.sdk.metrics import (
    CUMULATIVE,
    DELTA,
    ExponentialBucketHistogramAggregation,
    InMemoryMetricExporter,
    InstrumentKind,
    MeterProvider,
    OTLPMetricExporter,
    PeriodicExportingMetricReader,
)
from wasm_sdk.sdk.metrics.export import aggregation_from_environ, temporality_from_environ
from wasm_sdk.sdk.metrics.kinds import preferred_temporality
from wasm_sdk.sdk.resource import Resource


def provide(exporter, interval: float = 10, **arguments) -> MeterProvider:
    reader = PeriodicExportingMetricReader(exporter, interval, **arguments)
    return MeterProvider([reader], Resource({}), shutdown_on_exit=False)


class Telling(InMemoryMetricExporter):
    """Says when something was exported."""

    def __init__(self) -> None:
        super().__init__()
        self.arrived = asyncio.Event()

    async def export(self, metrics: model.MetricsData) -> bool:
        self.arrived.set()
        return await super().export(metrics)

    async def arrival(self) -> None:
        await asyncio.wait_for(self.arrived.wait(), 5)
        self.arrived.clear()


async def test_metrics_are_exported_again_and_again():
    exporter = Telling()
    provider = provide(exporter)
    counter = provider.get_meter("m").create_counter("c")
    counter.add(1)
    await exporter.arrival()
    counter.add(1)
    await exporter.arrival()
    assert await provider.shutdown()
    totals = [
        e.resource_metrics[0].scope_metrics[0].metrics[0].data.data_points[0].value for e in exporter.exports
    ]
    assert totals[0] == 1 and totals[-1] == 2


def test_a_provider_made_before_the_loop_starts_with_the_first_measurement_in_it():
    exporter = Telling()
    provider = provide(exporter)
    counter = provider.get_meter("m").create_counter("c")
    counter.add(1)

    async def main() -> None:
        counter.add(1)
        await exporter.arrival()

    asyncio.run(main())
    exporter.exports.clear()
    exporter.arrived = asyncio.Event()
    asyncio.run(main())  # another loop takes over
    assert exporter.exports
    assert provider.shutdown()


async def test_nothing_measured_is_nothing_exported():
    exporter = InMemoryMetricExporter()
    provider = provide(exporter)
    provider.get_meter("m").create_counter("c")
    assert await provider.force_flush() and exporter.exports == []


async def test_exports_do_not_overlap():
    class Slow(InMemoryMetricExporter):
        busy = most = 0

        async def export(self, metrics):
            self.busy += 1
            self.most = max(self.most, self.busy)
            await asyncio.sleep(0.03)
            self.busy -= 1
            return await super().export(metrics)

    exporter = Slow()
    provider = provide(exporter, 5)
    provider.get_meter("m").create_counter("c").add(1)
    await asyncio.sleep(0.05)
    assert await provider.force_flush() and exporter.most == 1
    assert await provider.shutdown()


async def test_a_failing_exporter_is_tried_again(caplog):
    class Broken(InMemoryMetricExporter):
        async def export(self, metrics):
            if caplog.text:
                await asyncio.sleep(5)
            raise OSError("collector gone")

    provider = provide(Broken(), 60_000, export_timeout_millis=50)
    provider.get_meter("m").create_counter("c").add(1)
    assert not await provider.force_flush()
    assert not await provider.force_flush()
    assert "collector gone" in caplog.text and "longer than 0.05 s" in caplog.text


async def test_a_flush_keeps_to_its_time():
    class Stuck(InMemoryMetricExporter):
        async def export(self, metrics):
            await asyncio.sleep(1)
            return True

    provider = provide(Stuck(), 60_000)
    provider.get_meter("m").create_counter("c").add(1)
    assert not await provider.force_flush(20)


def test_programs_without_a_loop_flush_and_threads_too():
    exporter = InMemoryMetricExporter()
    provider = provide(exporter)
    counter = provider.get_meter("m").create_counter("c")
    counter.add(1)
    assert provider.force_flush()

    async def main() -> None:
        counter.add(1)
        thread = threading.Thread(target=lambda: outcome.append(bool(provider.force_flush())))
        thread.start()
        await asyncio.to_thread(thread.join)

    outcome: list[bool] = []
    asyncio.run(main())
    assert outcome == [True]
    assert provider.shutdown() and len(exporter.exports) >= 3


async def test_metrics_reach_the_collector_as_the_protocol_has_them(collector):
    exporter = OTLPMetricExporter(
        collector.settings("metrics"),
        dict.fromkeys(InstrumentKind, DELTA),
        {InstrumentKind.HISTOGRAM: ExponentialBucketHistogramAggregation()},
    )
    provider = provide(exporter, 60_000)
    meter = provider.get_meter("m", "1")
    meter.create_counter("c", "1", "what").add(2.5, {"k": ["a"]})
    meter.create_histogram("h").record(3)
    meter.create_observable_gauge("g", [lambda options: [Observation(-4)]])
    assert await provider.shutdown()
    assert collector.requests[0].path == "/v1/metrics"
    request = ExportMetricsServiceRequest.FromString(collector.requests[0].body)
    counter, histogram, gauge = request.resource_metrics[0].scope_metrics[0].metrics
    assert (counter.name, counter.unit, counter.description) == ("c", "1", "what")
    assert counter.sum.is_monotonic and counter.sum.aggregation_temporality == 1
    assert counter.sum.data_points[0].as_double == 2.5
    assert histogram.exponential_histogram.data_points[0].scale == 20
    assert gauge.gauge.data_points[0].as_int == -4


def test_the_api_finds_the_provider_through_its_proxies():
    provider = provide(InMemoryMetricExporter())
    assert isinstance(provider, api.MeterProvider)
    assert isinstance(provider.get_meter("m"), api.Meter)


@pytest.mark.parametrize("variable", ["OTEL_METRIC_EXPORT_INTERVAL", "OTEL_METRIC_EXPORT_TIMEOUT"])
def test_times_come_from_the_environment(monkeypatch, variable):
    monkeypatch.setenv(variable, "0")
    with pytest.raises(ValueError, match="positive"):
        PeriodicExportingMetricReader(InMemoryMetricExporter())


K = InstrumentKind


def test_temporality_preferences(caplog):
    assert {preferred_temporality("cumulative", kind) for kind in K} == {CUMULATIVE}
    delta = {kind for kind in K if preferred_temporality("delta", kind) is DELTA}
    assert delta == set(K) - {K.UP_DOWN_COUNTER, K.OBSERVABLE_UP_DOWN_COUNTER}
    low = {kind for kind in K if preferred_temporality("lowmemory", kind) is DELTA}
    assert low == delta - {K.OBSERVABLE_COUNTER}
    variable = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"
    assert temporality_from_environ({variable: "Delta"})[K.COUNTER] is DELTA
    assert temporality_from_environ({variable: "none"}) == {}
    assert "cumulative, delta or lowmemory, not 'none'" in caplog.text


def test_histogram_preference(caplog):
    variable = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION"
    chosen = aggregation_from_environ({variable: "base2_exponential_bucket_histogram"})
    assert chosen == {K.HISTOGRAM: ExponentialBucketHistogramAggregation()}
    assert aggregation_from_environ({}) == {}
    assert aggregation_from_environ({variable: "summary"}) == {}
    assert "explicit_bucket_histogram is used" in caplog.text
