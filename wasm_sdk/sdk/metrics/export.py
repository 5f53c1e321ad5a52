"""Metric exporters. Source: OpenTelemetry specification, metrics SDK, "MetricExporter"; "Metrics Exporter -
OTLP".
"""

import logging
from collections.abc import Mapping
from typing import Protocol

from wasm_sdk.export.otlp_http import OTLPHTTPExporter, Transport
from wasm_sdk.export.settings import ExporterSettings
from wasm_sdk.otlp.model import MetricsData
from wasm_sdk.otlp.signal import Signal
from wasm_sdk.otlp.to_protobuf import encode_metrics
from wasm_sdk.sdk import environ as variables
from wasm_sdk.sdk.metrics.aggregation import Aggregation, ExponentialBucketHistogramAggregation
from wasm_sdk.sdk.metrics.kinds import InstrumentKind, Temporality, preferred_temporality

_log = logging.getLogger(__name__)

_PREFERENCE = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE"
_HISTOGRAM = "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION"


class MetricExporter(Protocol):
    """Delivers collected metrics. A reader never calls `export` again before it has returned."""

    preferred_temporality: Mapping[InstrumentKind, Temporality]
    """Of readers that export here; what is missing is cumulative."""
    preferred_aggregation: Mapping[InstrumentKind, Aggregation]
    """Of readers that export here; what is missing is the specification's default."""

    async def export(self, metrics: MetricsData) -> bool:
        """True when the metrics were delivered."""
        ...


class OTLPMetricExporter:
    """Encodes metrics as OTLP and posts them to a collector.

    Args:
        settings: Where and how; default: `OTEL_EXPORTER_OTLP_*`.
        preferred_temporality: Default: what the preference variable says, else cumulative.
        preferred_aggregation: Default: what the histogram variable says, else explicit buckets.
        transport: What takes the encoded requests; default: OTLP/HTTP by `settings`.
    """

    def __init__(
        self,
        settings: ExporterSettings | None = None,
        preferred_temporality: Mapping[InstrumentKind, Temporality] | None = None,
        preferred_aggregation: Mapping[InstrumentKind, Aggregation] | None = None,
        *,
        transport: Transport | None = None,
    ) -> None:
        self._transport = transport or OTLPHTTPExporter(Signal.METRICS, settings)
        self.preferred_temporality = (
            temporality_from_environ() if preferred_temporality is None else preferred_temporality
        )
        self.preferred_aggregation = (
            aggregation_from_environ() if preferred_aggregation is None else preferred_aggregation
        )

    async def export(self, metrics: MetricsData) -> bool:
        return (await self._transport.send(encode_metrics(metrics))).accepted


class InMemoryMetricExporter:
    """Keeps what it is given, for tests."""

    def __init__(
        self,
        preferred_temporality: Mapping[InstrumentKind, Temporality] | None = None,
        preferred_aggregation: Mapping[InstrumentKind, Aggregation] | None = None,
    ) -> None:
        self.preferred_temporality = preferred_temporality or {}
        self.preferred_aggregation = preferred_aggregation or {}
        self.exports: list[MetricsData] = []

    async def export(self, metrics: MetricsData) -> bool:
        self.exports.append(metrics)
        return True


def temporality_from_environ(environ: Mapping[str, str] | None = None) -> dict[InstrumentKind, Temporality]:
    """What `OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE` says for each kind."""
    preference = variables.text(_PREFERENCE, "cumulative", environ).lower()
    try:
        return {kind: preferred_temporality(preference, kind) for kind in InstrumentKind}
    except ValueError as error:
        _log.warning("%s: %s; cumulative is used", _PREFERENCE, error)
        return {}


def aggregation_from_environ(environ: Mapping[str, str] | None = None) -> dict[InstrumentKind, Aggregation]:
    """What `OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION` says of histograms."""
    name = variables.text(_HISTOGRAM, "explicit_bucket_histogram", environ).lower()
    if name == "base2_exponential_bucket_histogram":
        return {InstrumentKind.HISTOGRAM: ExponentialBucketHistogramAggregation()}
    if name != "explicit_bucket_histogram":
        _log.warning("%s=%r is not supported; explicit_bucket_histogram is used", _HISTOGRAM, name)
    return {}
