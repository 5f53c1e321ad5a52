"""One call, the environment, and everything stands."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context
from opentelemetry.trace import Tracer

from wasm_sdk.export.stream import OTLPStream
from wasm_sdk.otlp.signal import Signal
from wasm_sdk.propagation.baggage import BaggagePropagator
from wasm_sdk.propagation.tracecontext import TraceContextPropagator
from wasm_sdk.sdk.configure import configure, propagators_from_environ

CHECKOUT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    for name in ("OTEL_SERVICE_NAME", "OTEL_RESOURCE_ATTRIBUTES", "OTEL_EXPORTER_OTLP_ENDPOINT"):
        monkeypatch.delenv(name, raising=False)


async def test_all_three_signals_reach_the_collector(collector):
    sdk = configure(
        "shop", endpoint=collector.url, resource_attributes={"service.version": "2"}, set_global=False
    )
    sdk.tracer_provider.get_tracer("t").start_span("s", Context()).end()
    sdk.meter_provider.get_meter("m").create_counter("c").add(1)
    sdk.logger_provider.get_logger("l").emit(body="b")
    assert await sdk.force_flush()
    assert sorted(request.path for request in collector.requests) == ["/v1/logs", "/v1/metrics", "/v1/traces"]
    assert dict(sdk.tracer_provider.resource.attributes)["service.name"] == "shop"
    assert sdk.meter_provider.resource.attributes["service.version"] == "2"
    assert await sdk.shutdown()


def test_the_console_gets_lines_of_json(monkeypatch, capsys):
    for signal in ("TRACES", "METRICS", "LOGS"):
        monkeypatch.setenv(f"OTEL_{signal}_EXPORTER", "console")
    sdk = configure("shop", set_global=False)
    sdk.tracer_provider.get_tracer("t").start_span("s", Context()).end()
    sdk.meter_provider.get_meter("m").create_counter("c").add(1)
    sdk.logger_provider.get_logger("l").emit(body="b")
    assert sdk.shutdown()
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {key for line in lines for key in line} == {"resourceSpans", "resourceMetrics", "resourceLogs"}


async def test_a_stream_may_be_a_file(tmp_path):
    with (tmp_path / "traces.jsonl").open("w") as file:
        assert (await OTLPStream(Signal.TRACES, file).send(b"")).accepted
    assert (tmp_path / "traces.jsonl").read_text() == "{}\n"


async def test_signals_can_be_switched_off(monkeypatch, collector, caplog):
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    monkeypatch.setenv("OTEL_METRICS_EXPORTER", "prometheus")
    monkeypatch.setenv("OTEL_LOGS_EXPORTER", "none")
    sdk = configure(endpoint=collector.url, set_global=False)
    sdk.tracer_provider.get_tracer("t").start_span("s", Context()).end()
    sdk.logger_provider.get_logger("l").emit(body="b")
    assert await sdk.shutdown() and not collector.requests
    assert "OTEL_METRICS_EXPORTER='prometheus'" in caplog.text


@pytest.mark.parametrize(
    ("names", "classes"),
    [
        ("", [TraceContextPropagator, BaggagePropagator]),
        ("tracecontext", [TraceContextPropagator]),
        ("baggage, TraceContext", [BaggagePropagator, TraceContextPropagator]),
        ("tracecontext,none", []),
        ("b3,tracecontext", [TraceContextPropagator]),
    ],
)
def test_the_environment_chooses_propagators(names, classes, caplog):
    composite = propagators_from_environ({"OTEL_PROPAGATORS": names})
    assert [type(each) for each in composite._propagators] == classes
    assert ("'b3' is installed" in caplog.text) is ("b3" in names)


def test_installed_propagators_are_found(monkeypatch):
    from importlib.metadata import EntryPoint

    point = EntryPoint(
        "mine", "opentelemetry.baggage.propagation:W3CBaggagePropagator", "opentelemetry_propagator"
    )
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **selected: [point])
    composite = propagators_from_environ({"OTEL_PROPAGATORS": "mine"})
    assert isinstance(composite._propagators[0], W3CBaggagePropagator)


def test_log_level(monkeypatch, caplog):
    monkeypatch.setenv("OTEL_LOG_LEVEL", "loud")
    configure(set_global=False)
    assert "OTEL_LOG_LEVEL='loud'" in caplog.text


PROGRAM = """
import logging
from opentelemetry import _logs, metrics, propagate, trace
early_tracer, early_meter = trace.get_tracer("early"), metrics.get_meter("early")
early_counter = early_meter.create_counter("c")
from wasm_sdk.sdk.configure import configure
from wasm_sdk.sdk.logs import LoggingHandler
sdk = configure()
logging.getLogger().addHandler(LoggingHandler())
with early_tracer.start_as_current_span("span"):
    early_counter.add(2)
    logging.getLogger("app").warning("inside")
    carrier = {}
    propagate.inject(carrier)
assert carrier["traceparent"].endswith("-03"), carrier
assert logging.getLogger("wasm_sdk").level == logging.ERROR
"""


def test_the_apis_globals_are_set_and_everything_leaves_at_exit(collector):
    environ = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_SERVICE_NAME": "program",
        "OTEL_LOG_LEVEL": "error",
        "PATH": "",
    }
    subprocess.run([sys.executable, "-c", PROGRAM], check=True, cwd=CHECKOUT, timeout=30, env=environ)
    assert sorted(request.path for request in collector.requests) == ["/v1/logs", "/v1/metrics", "/v1/traces"]
    assert all(b"program" in request.body for request in collector.requests)
    assert isinstance(configure(set_global=False).tracer_provider.get_tracer("t"), Tracer)
