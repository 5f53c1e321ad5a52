"""The metrics SDK behind `opentelemetry.metrics`."""

from wasm_sdk.sdk.metrics.aggregation import (
    Aggregation,
    DropAggregation,
    ExplicitBucketHistogramAggregation,
    ExponentialBucketHistogramAggregation,
    LastValueAggregation,
    SumAggregation,
)
from wasm_sdk.sdk.metrics.exemplar import (
    AlignedHistogramBucketExemplarReservoir,
    ExemplarReservoir,
    SimpleFixedSizeExemplarReservoir,
    always_off,
    always_on,
    trace_based,
)
from wasm_sdk.sdk.metrics.export import InMemoryMetricExporter, MetricExporter, OTLPMetricExporter
from wasm_sdk.sdk.metrics.kinds import CUMULATIVE, DELTA, InstrumentKind
from wasm_sdk.sdk.metrics.meter import Meter
from wasm_sdk.sdk.metrics.provider import MeterProvider
from wasm_sdk.sdk.metrics.reader import InMemoryMetricReader, MetricReader, PeriodicExportingMetricReader
from wasm_sdk.sdk.metrics.view import View

__all__ = [
    "CUMULATIVE",
    "DELTA",
    "Aggregation",
    "AlignedHistogramBucketExemplarReservoir",
    "DropAggregation",
    "ExemplarReservoir",
    "ExplicitBucketHistogramAggregation",
    "ExponentialBucketHistogramAggregation",
    "InMemoryMetricExporter",
    "InMemoryMetricReader",
    "InstrumentKind",
    "LastValueAggregation",
    "Meter",
    "MeterProvider",
    "MetricExporter",
    "MetricReader",
    "OTLPMetricExporter",
    "PeriodicExportingMetricReader",
    "SimpleFixedSizeExemplarReservoir",
    "SumAggregation",
    "View",
    "always_off",
    "always_on",
    "trace_based",
]
