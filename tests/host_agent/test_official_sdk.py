"""The official OpenTelemetry SDK exports to the agent, which keeps and stores exactly what it sent."""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from opentelemetry.exporter.otlp.proto.common._log_encoder import encode_logs
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter as GrpcLogs
from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter as GrpcMetrics
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcSpans
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter as HttpLogs
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter as HttpMetrics
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpSpans
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import SimpleLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from host_agent.agent import Agent
from host_agent.config import AgentConfig, ApiConfig, GrpcConfig, HttpConfig
from host_agent.intake import IntakeReader
from wasm_sdk.otlp import Signal

RESOURCE = Resource.create({"service.name": "shop", "service.version": "1.2"})
REQUESTS = {
    Signal.TRACES: ExportTraceServiceRequest,
    Signal.METRICS: ExportMetricsServiceRequest,
    Signal.LOGS: ExportLogsServiceRequest,
}


def recording(exporter: Any, encode: Callable[[Any], Any], sent: list[bytes]) -> Any:
    """The exporter, noting what it is given to send."""
    export = exporter.export

    def note(batch: Any, *args: Any, **kwargs: Any) -> Any:
        sent.append(encode(batch).SerializeToString(deterministic=True))
        return export(batch, *args, **kwargs)

    exporter.export = note
    return exporter


def trace(exporter: Any) -> None:
    provider = TracerProvider(resource=RESOURCE)
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("tests", "0.1", schema_url="https://opentelemetry.io/schemas/1.29.0")
    with tracer.start_as_current_span(
        "GET /cart", kind=SpanKind.SERVER, attributes={"http.route": "/cart"}
    ) as server:
        server.add_event("looked up", {"hits": 3})
        link = Link(server.get_span_context(), {"why": "retry"})
        with tracer.start_as_current_span("SELECT", kind=SpanKind.CLIENT, links=[link]) as client:
            client.set_attributes({"i": -5, "f": 0.5, "b": True, "list": ["ä", "b"], "ints": [1, 2]})
            client.record_exception(ValueError("no such table"))
            client.set_status(Status(StatusCode.ERROR, "no such table"))
    provider.shutdown()


def measure(exporter: Any) -> None:
    provider = MeterProvider([PeriodicExportingMetricReader(exporter, 60_000)], resource=RESOURCE)
    meter = provider.get_meter("tests")
    meter.create_counter("orders", "1", "placed").add(3, {"shop": "north"})
    meter.create_up_down_counter("queue").add(-2)
    meter.create_histogram("latency", "ms").record(17.5, {"route": "/"})
    meter.create_gauge("temperature").set(21.5)
    provider.shutdown()


def log(exporter: Any) -> None:
    provider = LoggerProvider(resource=RESOURCE)
    provider.add_log_record_processor(SimpleLogRecordProcessor(exporter))
    logger = logging.getLogger("shop")
    logger.propagate = False
    handler = LoggingHandler(logger_provider=provider)
    logger.addHandler(handler)
    logger.warning("stock of %s is low", "loom", extra={"sku": 7})
    logger.removeHandler(handler)
    provider.shutdown()


def over_http(agent: Agent, compression: Any) -> dict[Signal, Any]:
    return {
        Signal.TRACES: HttpSpans(f"{agent.http_url}/v1/traces", compression=compression),
        Signal.METRICS: HttpMetrics(f"{agent.http_url}/v1/metrics", compression=compression),
        Signal.LOGS: HttpLogs(f"{agent.http_url}/v1/logs", compression=compression),
    }


def over_grpc(agent: Agent, _: Any) -> dict[Signal, Any]:
    return {
        Signal.TRACES: GrpcSpans(agent.grpc_address, insecure=True),
        Signal.METRICS: GrpcMetrics(agent.grpc_address, insecure=True),
        Signal.LOGS: GrpcLogs(agent.grpc_address, insecure=True),
    }


@pytest.mark.filterwarnings("ignore:.*LoggingHandler.*:DeprecationWarning")
@pytest.mark.parametrize(
    ("exporters", "compression"),
    [(over_http, Compression.NoCompression), (over_http, Compression.Gzip), (over_grpc, None)],
)
async def test_traces_metrics_and_logs_arrive_whole(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, exporters: Any, compression: Any
) -> None:
    config = AgentConfig(
        http=HttpConfig(port=0), grpc=GrpcConfig(port=0), api=ApiConfig(port=0), data_dir=tmp_path
    )
    sent: dict[Signal, list[bytes]] = {signal: [] for signal in Signal}
    with caplog.at_level(logging.INFO):
        async with Agent(config) as agent, httpx.AsyncClient() as client:
            made = exporters(agent, compression)
            recorded = {
                Signal.TRACES: recording(made[Signal.TRACES], encode_spans, sent[Signal.TRACES]),
                Signal.METRICS: recording(made[Signal.METRICS], encode_metrics, sent[Signal.METRICS]),
                Signal.LOGS: recording(made[Signal.LOGS], encode_logs, sent[Signal.LOGS]),
            }
            for signal, use in ((Signal.TRACES, trace), (Signal.METRICS, measure), (Signal.LOGS, log)):
                await asyncio.to_thread(use, recorded[signal])
            stored = await read_back(client, agent, sent)
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []

    kept: dict[Signal, list[bytes]] = {signal: [] for signal in Signal}
    for record in IntakeReader(tmp_path / "intake" / "0").records():
        kept[record.signal].append(record.data())
    for signal, request in REQUESTS.items():
        assert [request.FromString(body) for body in kept[signal]] == [
            request.FromString(body) for body in sent[signal] if request.FromString(body).ByteSize()
        ]
        assert normal(stored[signal]) == normal(merged(request, sent[signal]))


async def read_back(client: httpx.AsyncClient, agent: Agent, sent: Any) -> dict[Signal, Any]:
    """What the query API returns, as Google's messages."""
    spans = (
        ExportTraceServiceRequest.FromString(sent[Signal.TRACES][0]).resource_spans[0].scope_spans[0].spans
    )
    paths = {
        Signal.TRACES: f"/api/v1/traces/{spans[0].trace_id.hex()}",
        Signal.METRICS: "/api/v1/metrics",
        Signal.LOGS: "/api/v1/logs",
    }
    found = {}
    for signal, path in paths.items():
        answer = await client.get(agent.api_url + path, headers={"accept": "application/x-protobuf"})
        assert answer.status_code == 200
        found[signal] = REQUESTS[signal].FromString(answer.content)
    return found


def merged(request: Any, bodies: list[bytes]) -> Any:
    whole = request()
    for body in bodies:
        whole.MergeFromString(body)
    return whole


def normal(message: Any) -> list[str]:
    """Every item with its scope and resource, in an order that does not depend on grouping."""
    items = []
    for _, resources in message.ListFields():
        for resource in resources:
            scopes = next(
                getattr(resource, f)
                for f in ("scope_spans", "scope_metrics", "scope_logs")
                if hasattr(resource, f)
            )
            for scope in scopes:
                members = next(
                    getattr(scope, f) for f in ("spans", "metrics", "log_records") if hasattr(scope, f)
                )
                items += [f"{resource.resource}|{scope.scope}|{scope.schema_url}|{item}" for item in members]
    return sorted(items)
