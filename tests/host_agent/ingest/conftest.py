"""A door: both listeners before an intake log, on free ports, without the rest of the agent."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from host_agent.ingest.accept import Acceptor
from host_agent.ingest.assets import Assets
from host_agent.ingest.connection import GuardedConnection
from host_agent.ingest.cors import LOOPBACK_ORIGINS, OriginPolicy
from host_agent.ingest.grpc import GrpcListener
from host_agent.ingest.http import IngestApp
from host_agent.intake import IntakeLog, IntakeReader, Record
from host_agent.listener import HttpListener, bind
from host_agent.tenant import SingleTenant
from wasm_sdk.otlp import (
    Gauge,
    KeyValues,
    LogRecord,
    LogsData,
    Metric,
    MetricsData,
    NumberDataPoint,
    Resource,
    ResourceLogs,
    ResourceMetrics,
    ResourceSpans,
    ScopeLogs,
    ScopeMetrics,
    ScopeSpans,
    Signal,
    Span,
    TracesData,
    encode,
)


@dataclass
class Door:
    """What a test speaks to, and the log behind it."""

    url: str
    grpc: str
    log: IntakeLog
    acceptor: Acceptor
    client: httpx.AsyncClient

    def records(self) -> list[Record]:
        return list(IntakeReader(self.log.directory).records())

    async def post(self, signal: str, body: bytes, content_type: str, **headers: str) -> httpx.Response:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(
            f"{self.url}/v1/{signal}", content=body, headers={"content-type": content_type, **named}
        )

    async def raw(self, *parts: bytes) -> bytes:
        """Send bytes on a connection of their own; what comes back until the agent closes it."""
        host, port = self.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            for part in parts:
                writer.write(part)
                await writer.drain()
            async with asyncio.timeout(20):
                return await reader.read()
        finally:
            writer.close()


OpenDoor = Callable[..., Awaitable[Door]]


@pytest.fixture
async def open_door(tmp_path: Path) -> AsyncIterator[OpenDoor]:
    """Opens a door with the given limits; it is closed when the test ends."""
    async with AsyncExitStack() as parts:

        async def build(
            *,
            max_body: int = 1 << 20,
            max_compressed: int = 1 << 19,
            in_flight: int = 8 << 20,
            patience: float = 20.0,
            header_timeout: float = 20.0,
            connections: int = 100,
            origins: tuple[str, ...] = LOOPBACK_ORIGINS,
            assets: Path = Path("/nowhere"),
            slots: int = 4,
            **log_options: Any,
        ) -> Door:
            log = IntakeLog(tmp_path / "log", **log_options)
            parts.push_async_callback(log.close)
            acceptor = Acceptor(log, max_body_bytes=max_body, max_in_flight_bytes=in_flight)
            app = IngestApp(
                acceptor,
                SingleTenant(),
                OriginPolicy(origins),
                Assets(assets),
                max_compressed_bytes=max_compressed,
                request_timeout=patience,
            )
            connection = type(
                "Connection",
                (GuardedConnection,),
                {"header_timeout": header_timeout, "max_connections": connections},
            )
            http = HttpListener(app, bind("127.0.0.1", 0, "http"), connection=connection)
            await http.start()
            parts.push_async_callback(http.stop)
            grpc = GrpcListener(acceptor, SingleTenant(), slots=slots, request_timeout=patience)
            parts.push_async_callback(grpc.stop)
            await grpc.start("127.0.0.1", 0)
            client = await parts.enter_async_context(httpx.AsyncClient(timeout=20))
            return Door(http.url, grpc.address, log, acceptor, client)

        yield build


@pytest.fixture
async def door(open_door: OpenDoor) -> Door:
    return await open_door()


def traces(*spans: Span) -> TracesData:
    resource = Resource(attributes=KeyValues.of({"service.name": "shop"}))
    return TracesData([ResourceSpans(resource=resource, scope_spans=[ScopeSpans(spans=list(spans))])])


def span(name: str = "GET /", trace_id: bytes = b"t" * 16, span_id: bytes = b"s" * 8) -> Span:
    return Span(trace_id=trace_id, span_id=span_id, name=name, start_time_unix_nano=1, end_time_unix_nano=2)


@pytest.fixture
def requests() -> dict[Signal, Any]:
    """One request of each signal, with two items."""
    points = [NumberDataPoint(time_unix_nano=1, value=value) for value in (1, 2.5)]
    metric = Metric(name="temperature", data=Gauge(data_points=points))
    logs = [LogRecord(time_unix_nano=1, body=text) for text in ("one", "two")]
    return {
        Signal.TRACES: traces(span("one"), span("two", span_id=b"u" * 8)),
        Signal.METRICS: MetricsData([ResourceMetrics(scope_metrics=[ScopeMetrics(metrics=[metric])])]),
        Signal.LOGS: LogsData([ResourceLogs(scope_logs=[ScopeLogs(log_records=logs)])]),
    }


@pytest.fixture
def bodies(requests: dict[Signal, Any]) -> dict[Signal, bytes]:
    """The same in protobuf."""
    return {signal: encode(signal, data) for signal, data in requests.items()}


@pytest.fixture
def bad_and_good() -> bytes:
    """A request of three spans, of which one has no valid id."""
    return encode(Signal.TRACES, traces(span("one"), span("bad", trace_id=bytes(16)), span("two")))
