"""Sets everything up with one call, from its arguments and the `OTEL_*` variables.

Source: OpenTelemetry specification, "Environment Variable Specification".
"""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from opentelemetry import _logs, metrics, propagate, trace
from opentelemetry.propagators.composite import CompositePropagator
from opentelemetry.propagators.textmap import TextMapPropagator

from wasm_sdk.export.completion import Completion
from wasm_sdk.export.otlp_http import OTLPHTTPExporter, Transport
from wasm_sdk.export.settings import ExporterSettings, signal_endpoint
from wasm_sdk.export.stream import OTLPStream
from wasm_sdk.otlp.signal import Signal
from wasm_sdk.propagation.baggage import BaggagePropagator
from wasm_sdk.propagation.tracecontext import TraceContextPropagator
from wasm_sdk.sdk import environ as variables
from wasm_sdk.sdk.completions import together
from wasm_sdk.sdk.logs import BatchLogRecordProcessor, LoggerProvider, OTLPLogRecordExporter
from wasm_sdk.sdk.metrics import MeterProvider, OTLPMetricExporter, PeriodicExportingMetricReader
from wasm_sdk.sdk.resource import Resource
from wasm_sdk.sdk.trace import BatchSpanProcessor, OTLPSpanExporter, TracerProvider

_log = logging.getLogger(__name__)

LEVELS = {"trace": 5, "debug": 10, "info": 20, "warn": 30, "error": 40, "fatal": 50}


@dataclass(frozen=True, slots=True)
class SDK:
    """The three providers, which are also the API's global ones."""

    tracer_provider: TracerProvider
    meter_provider: MeterProvider
    logger_provider: LoggerProvider

    def force_flush(self, timeout_millis: int = 30000) -> Completion:
        """Export what all three hold. Await the result in a coroutine, read it as a truth value elsewhere."""
        return together(
            [
                lambda: self.tracer_provider.force_flush(timeout_millis),
                lambda: self.meter_provider.force_flush(timeout_millis),
                lambda: self.logger_provider.force_flush(timeout_millis),
            ]
        )

    def shutdown(self) -> Completion:
        """Flush and shut all three down."""
        return together(
            [self.tracer_provider.shutdown, self.meter_provider.shutdown, self.logger_provider.shutdown]
        )


def configure(
    service_name: str | None = None,
    *,
    endpoint: str | None = None,
    resource_attributes: Mapping[str, Any] | None = None,
    set_global: bool = True,
) -> SDK:
    """Make the providers, and unless told otherwise make them the API's global ones together with the
    propagators.

    Args:
        service_name: `service.name`; default: `OTEL_SERVICE_NAME`.
        endpoint: The collector's base URL; default: `OTEL_EXPORTER_OTLP_ENDPOINT`, else
            http://localhost:4318.
        resource_attributes: More attributes of the resource; they take precedence over the environment's.
        set_global: Whether the API's global providers and propagators are set.
    """
    if level := variables.text("OTEL_LOG_LEVEL").lower():
        _set_log_level(level)
    named = {"service.name": service_name} if service_name else {}
    resource = Resource.create({**(resource_attributes or {}), **named})
    sdk = SDK(
        TracerProvider(resource=resource), _meter_provider(resource, endpoint), LoggerProvider(resource)
    )
    if transport := _transport(Signal.TRACES, endpoint):
        exporter = OTLPSpanExporter(transport=transport)
        sdk.tracer_provider.add_span_processor(BatchSpanProcessor.from_environ(exporter))
    if transport := _transport(Signal.LOGS, endpoint):
        records = OTLPLogRecordExporter(transport=transport)
        sdk.logger_provider.add_log_record_processor(BatchLogRecordProcessor.from_environ(records))
    if set_global:
        trace.set_tracer_provider(sdk.tracer_provider)
        metrics.set_meter_provider(sdk.meter_provider)
        _logs.set_logger_provider(sdk.logger_provider)
        propagate.set_global_textmap(propagators_from_environ())
    return sdk


def _meter_provider(resource: Resource, endpoint: str | None) -> MeterProvider:
    transport = _transport(Signal.METRICS, endpoint)
    if transport is None:
        return MeterProvider(resource=resource)
    return MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter(transport=transport))], resource)


def _transport(signal: Signal, endpoint: str | None) -> Transport | None:
    """What `OTEL_<SIGNAL>_EXPORTER` asks for: `otlp` (the default), `console` or `none`."""
    name = f"OTEL_{signal.upper()}_EXPORTER"
    chosen = variables.text(name, "otlp").lower()
    if chosen == "none":
        return None
    if chosen == "console":
        return OTLPStream(signal)
    if chosen != "otlp":
        _log.warning("%s=%r is not supported (otlp, console, none); otlp is used", name, chosen)
    settings = ExporterSettings.from_environ(signal)
    if endpoint is not None:
        settings = replace(settings, endpoint=signal_endpoint(endpoint, signal))
    return OTLPHTTPExporter(signal, settings)


def propagators_from_environ(environ: Mapping[str, str] | None = None) -> TextMapPropagator:
    """The propagators that `OTEL_PROPAGATORS` names: `tracecontext`, `baggage`, `none`, or installed ones.

    Others are looked up among the `opentelemetry_propagator` entry points; one that is not installed is
    logged and left out.
    """
    chosen: list[TextMapPropagator] = []
    for name in variables.names("OTEL_PROPAGATORS", "tracecontext,baggage", environ):
        if name == "none":
            return CompositePropagator([])
        if name == "tracecontext":
            chosen.append(TraceContextPropagator())
        elif name == "baggage":
            chosen.append(BaggagePropagator())
        elif (installed := _installed_propagator(name)) is not None:
            chosen.append(installed)
        else:
            _log.warning("OTEL_PROPAGATORS: no propagator %r is installed; it is left out", name)
    return CompositePropagator(chosen)


def _installed_propagator(name: str) -> TextMapPropagator | None:
    from importlib.metadata import entry_points

    for point in entry_points(group="opentelemetry_propagator", name=name):
        propagator: TextMapPropagator = point.load()()
        return propagator
    return None


def _set_log_level(level: str) -> None:
    if level in LEVELS:
        logging.getLogger("wasm_sdk").setLevel(LEVELS[level])
    else:
        _log.warning("OTEL_LOG_LEVEL=%r is not one of %s", level, ", ".join(LEVELS))
