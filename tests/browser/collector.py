"""A receiver that keeps what pages send, read by the official protobuf classes, and misbehaves when told.

It stands where the agent stands: it serves the browser package at /sdk/ and takes OTLP/HTTP at /v1/.
"""

import base64
import gzip
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from google.protobuf import json_format
from google.protobuf.message import Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord
from opentelemetry.proto.metrics.v1.metrics_pb2 import NumberDataPoint
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.types import Message as ASGIMessage

T = TypeVar("T")

DIST = Path(__file__).parent.parent.parent / "web" / "dist"
REQUESTS: dict[str, type[Message]] = {
    "traces": ExportTraceServiceRequest,
    "logs": ExportLogsServiceRequest,
    "metrics": ExportMetricsServiceRequest,
}
IDS = ("traceId", "spanId", "parentSpanId")


@dataclass
class Arrival:
    """One request: how it came and what it held."""

    signal: str
    content_type: str
    encoding: str
    body: Message


@dataclass
class Collector:
    """What arrived, and how to answer.

    Attributes:
        status: Sent instead of 200 when set; nothing is kept then.
        origins: Allowed origins; None allows every one.
    """

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    origins: set[str] | None = None
    arrivals: list[Arrival] = field(default_factory=list)

    def app(self) -> ASGIApp:
        routes = [
            Route("/v1/{signal}", self.receive, methods=["POST", "OPTIONS"]),
            Route("/page", lambda _: HTMLResponse('<script src="/sdk/spanweave.js" defer></script>')),
            Mount("/sdk", WithOrigin(StaticFiles(directory=DIST))),
        ]
        return Starlette(routes=routes)

    async def receive(self, request: Request) -> Response:
        origin = request.headers.get("origin", "")
        allowed = self.origins is None or origin in self.origins
        cors = (
            {"access-control-allow-origin": origin, "access-control-expose-headers": "retry-after"}
            if allowed
            else {}
        )
        if request.method == "OPTIONS":
            return Response(
                status_code=204,
                headers={
                    **cors,
                    "access-control-allow-headers": "content-type, content-encoding",
                    "access-control-max-age": "600",
                },
            )
        body = await request.body()
        if self.status != 200:
            return Response(status_code=self.status, headers={**cors, **self.headers})
        if allowed:
            self.arrivals.append(read(request, body))
        return Response(b"{}", headers={**cors, "content-type": "application/json"})

    def spans(self) -> list[Span]:
        """Every span, as often as it came."""
        return [
            span
            for arrival in list(self.arrivals)
            if isinstance(arrival.body, ExportTraceServiceRequest)
            for resource in arrival.body.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def logs(self) -> list[LogRecord]:
        """Every log record, as often as it came."""
        return [
            record
            for arrival in list(self.arrivals)
            if isinstance(arrival.body, ExportLogsServiceRequest)
            for resource in arrival.body.resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]

    def points(self, metric_name: str) -> list[NumberDataPoint]:
        """Every data point of the sum with this name."""
        return [
            point
            for arrival in list(self.arrivals)
            if isinstance(arrival.body, ExportMetricsServiceRequest)
            for resource in arrival.body.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
            if metric.name == metric_name
            for point in metric.sum.data_points
        ]

    def span(self, name: str, **attributes: object) -> Span:
        """The first span whose name is, or starts with, this one and that has these attributes; waits."""
        wanted = {key.replace("__", "."): value for key, value in attributes.items()}

        def matches(span: Span) -> bool:
            have = attributes_of(span)
            return (span.name == name or span.name.startswith(f"{name} ")) and wanted.items() <= have.items()

        return self.await_one(self.spans, matches, name)

    def event(self, name: str, **attributes: object) -> LogRecord:
        """The first event with this name and these attributes; waits for it."""
        wanted = {key.replace("__", "."): value for key, value in attributes.items()}

        def matches(record: LogRecord) -> bool:
            return record.event_name == name and wanted.items() <= attributes_of(record).items()

        return self.await_one(self.logs, matches, name)

    @staticmethod
    def await_one(
        source: Callable[[], list[T]], matches: Callable[[T], bool], what: str, seconds: float = 15
    ) -> T:
        give_up = time.monotonic() + seconds
        while time.monotonic() < give_up:
            for item in source():
                if matches(item):
                    return item
            time.sleep(0.02)
        raise AssertionError(
            f"no {what} arrived within {seconds} s; there were {[getattr(i, 'name', i) for i in source()]}"
        )


class WithOrigin:
    """Lets pages of every origin load the package, as the agent does."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_origin(message: ASGIMessage) -> None:
            if message["type"] == "http.response.start":
                message["headers"].append((b"access-control-allow-origin", b"*"))
            await send(message)

        await self.app(scope, receive, send_with_origin)


def read(request: Request, body: bytes) -> Arrival:
    """The request in official classes, whichever encoding it came in."""
    encoding = request.headers.get("content-encoding", "")
    content_type = request.headers.get("content-type", "").partition(";")[0]
    if encoding == "gzip":
        body = gzip.decompress(body)
    message = REQUESTS[request.path_params["signal"]]()
    if content_type == "application/x-protobuf":
        message.ParseFromString(body)
    else:
        json_format.Parse(hex_to_base64(body.decode()), message)
    return Arrival(request.path_params["signal"], content_type, encoding, message)


def hex_to_base64(text: str) -> str:
    """OTLP/JSON writes ids in hexadecimal, protobuf's own JSON mapping in base64."""

    def convert(value: object) -> object:
        if isinstance(value, list):
            return [convert(item) for item in value]
        if isinstance(value, dict):
            return {
                key: base64.b64encode(bytes.fromhex(item)).decode()
                if key in IDS and isinstance(item, str)
                else convert(item)
                for key, item in value.items()
            }
        return value

    return json.dumps(convert(json.loads(text)))


def attributes_of(item: Span | LogRecord | NumberDataPoint) -> dict[str, object]:
    """Attributes as plain values."""
    return {pair.key: plain(pair.value) for pair in item.attributes}


def plain(value: AnyValue) -> object:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [plain(item) for item in value.array_value.values]
    return getattr(value, kind) if kind else None
