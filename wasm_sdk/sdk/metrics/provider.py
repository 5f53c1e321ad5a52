"""The meter provider. Source: OpenTelemetry specification, metrics SDK, "MeterProvider"."""

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from opentelemetry import metrics as api

from wasm_sdk.export.completion import Completion
from wasm_sdk.otlp import model
from wasm_sdk.otlp.values import KeyValues
from wasm_sdk.sdk import clock
from wasm_sdk.sdk import environ as variables
from wasm_sdk.sdk.completions import flush_at_exit, together
from wasm_sdk.sdk.metrics.aggregation import Aggregation, DropAggregation, default_aggregation
from wasm_sdk.sdk.metrics.exemplar import EXEMPLAR_FILTERS, ExemplarFilter, trace_based
from wasm_sdk.sdk.metrics.instrument import Identity, Observable
from wasm_sdk.sdk.metrics.meter import Advice, Instrument, Meter
from wasm_sdk.sdk.metrics.pulse import Pulse
from wasm_sdk.sdk.metrics.reader import MetricReader
from wasm_sdk.sdk.metrics.stream import Stream
from wasm_sdk.sdk.metrics.view import View
from wasm_sdk.sdk.resource import Resource
from wasm_sdk.sdk.scope import InstrumentationScope, Scopes

_log = logging.getLogger(__name__)


class MeterProvider(api.MeterProvider):
    """Makes meters and owns their configuration; `opentelemetry.metrics.set_meter_provider` takes it.

    Args:
        metric_readers: Each collects everything by itself.
        resource: Default: `Resource.create()`.
        exemplar_filter: Default: `OTEL_METRICS_EXEMPLAR_FILTER`, else `trace_based`.
        shutdown_on_exit: Flush when the program ends or the page goes (from where it may come back).
        views: Applied independently: an instrument that matches several comes out as several streams.
        enabled: Which scopes get meters that measure (the specification's MeterConfigurator); default: all.
    """

    def __init__(
        self,
        metric_readers: Sequence[MetricReader] = (),
        resource: Resource | None = None,
        exemplar_filter: ExemplarFilter | None = None,
        shutdown_on_exit: bool = True,
        views: Sequence[View] = (),
        *,
        enabled: Callable[[InstrumentationScope], bool] | None = None,
    ) -> None:
        self.resource = resource or Resource.create()
        self._filter = exemplar_filter or exemplar_filter_from_environ()
        self._views = tuple(views)
        self._enabled = enabled
        self._disabled = variables.boolean("OTEL_SDK_DISABLED")
        self._scopes = Scopes()
        self._meters: dict[InstrumentationScope, Meter] = {}
        self._pulse = Pulse()
        self._readers = tuple(metric_readers)
        self._instruments: list[tuple[Instrument, dict[MetricReader, tuple[Stream, ...]]]] = []
        self._closed = False
        for reader in self._readers:
            reader.attach(partial(self._collect, reader))
            if type(reader).arm is not MetricReader.arm:
                self._pulse.add(reader.arm)
        if shutdown_on_exit:
            flush_at_exit(self.force_flush)

    def get_meter(
        self,
        name: str,
        version: str | None = None,
        schema_url: str | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> api.Meter:
        """The meter of an instrumentation scope, the same one each time; a no-op after shutdown."""
        if not name:
            _log.warning("get_meter was called without a name: metrics will not tell who made them")
        scope = self._scopes.get(name or "", version, schema_url, attributes)
        if self._closed or self._disabled or (self._enabled is not None and not self._enabled(scope)):
            return api.NoOpMeter(name, version, schema_url)
        meter = self._meters.get(scope)
        if meter is None:
            meter = self._meters[scope] = Meter(scope, self._pulse, self._register)
        return meter

    def force_flush(self, timeout_millis: int = 30000) -> Completion:
        """Collect and export. Await the result in a coroutine, read it as a truth value elsewhere."""
        deadline = time.monotonic() + timeout_millis / 1000

        def flush(reader: MetricReader) -> Completion | bool | None:
            return reader.force_flush(max(0, int((deadline - time.monotonic()) * 1000)))

        return together([partial(flush, reader) for reader in self._readers])

    def shutdown(self) -> Completion:
        """Flush and shut the readers down, once; later measurements go nowhere."""
        if self._closed:
            return Completion(True)
        self._closed = True
        return together([reader.shutdown for reader in self._readers])

    def _register(self, instrument: Instrument, advice: Advice) -> None:
        """Make the instrument's streams: for each reader one, or one for each view that matches."""
        created = clock.now()
        by_reader = {
            reader: tuple(self._streams(reader, instrument.identity, advice, created))
            for reader in self._readers
        }
        instrument.streams = tuple(stream for streams in by_reader.values() for stream in streams)
        self._instruments.append((instrument, by_reader))

    def _streams(
        self, reader: MetricReader, identity: Identity, advice: Advice, created: int
    ) -> list[Stream]:
        standard = reader.aggregation(identity.kind) or default_aggregation(identity.kind, advice)
        matching = [view for view in self._views if view.matches(identity)]
        streams: list[Stream] = []
        fitting = False
        for view in matching:
            aggregation = view.aggregation or standard
            if not aggregation.fits(identity.kind):
                _log.warning(
                    "A view asks for %s of %s %r, which means nothing: the view is passed over",
                    type(aggregation).__name__,
                    identity.kind.value,
                    identity.name,
                )
                continue
            fitting = True
            if not isinstance(aggregation, DropAggregation):
                streams.append(self._stream(reader, identity, aggregation, view, created))
        if not fitting and not isinstance(standard, DropAggregation):
            streams.append(self._stream(reader, identity, standard, None, created))
        names = [stream.name for stream in streams]
        if len(set(names)) < len(names):
            _log.warning("Views make several metrics named %r of one instrument: give them names", names[0])
        return streams

    def _stream(
        self,
        reader: MetricReader,
        identity: Identity,
        aggregation: Aggregation,
        view: View | None,
        created: int,
    ) -> Stream:
        return Stream(
            identity.kind,
            (view and view.name) or identity.name,
            (view and view.description) or identity.description,
            identity.unit,
            aggregation,
            reader.temporality(identity.kind),
            view.keeps if view and view.filters else None,
            (view and view.cardinality_limit) or reader.cardinality_limit,
            self._filter,
            view.exemplar_reservoir if view else None,
            created,
        )

    def _collect(self, reader: MetricReader, timeout_millis: float) -> model.MetricsData:
        """All metrics for one reader, which is the only one that its streams know."""
        by_scope: dict[InstrumentationScope, list[model.Metric]] = {}
        for instrument, by_reader in list(self._instruments):
            metrics = by_scope.setdefault(instrument.identity.scope, [])
            streams = by_reader[reader]
            if isinstance(instrument, Observable):
                observed = instrument.observe(timeout_millis) if streams else []
                now = clock.now()
                collected = [stream.observe(observed, now) for stream in streams]
            else:
                now = clock.now()
                collected = [stream.collect(now) for stream in streams]
            metrics += [metric for metric in collected if metric is not None]
        scopes = [
            model.ScopeMetrics(
                model.InstrumentationScope(scope.name, scope.version, KeyValues.of(scope.attributes)),
                metrics,
                scope.schema_url,
            )
            for scope, metrics in by_scope.items()
            if metrics
        ]
        if not scopes:
            return model.MetricsData()
        resource = model.Resource(KeyValues.of(self.resource.attributes))
        return model.MetricsData([model.ResourceMetrics(resource, scopes, self.resource.schema_url)])


def exemplar_filter_from_environ(environ: Mapping[str, str] | None = None) -> ExemplarFilter:
    """What `OTEL_METRICS_EXEMPLAR_FILTER` says."""
    name = variables.text("OTEL_METRICS_EXEMPLAR_FILTER", "trace_based", environ).lower()
    if name not in EXEMPLAR_FILTERS:
        _log.warning("OTEL_METRICS_EXEMPLAR_FILTER=%r is not supported; trace_based is used", name)
    return EXEMPLAR_FILTERS.get(name, trace_based)
