"""The API as an ASGI application."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any, TypeVar

from duckdb import DuckDBPyConnection
from duckdb import Error as DuckDBError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute

from host_agent.api import parameters
from host_agent.api.errors import (
    error_response,
    on_bad_query,
    on_failure,
    on_http_error,
    on_timeout,
    on_too_large,
)
from host_agent.api.guard import Guard
from host_agent.api.live import live_endpoint
from host_agent.api.parameters import Parameters
from host_agent.live.feed import LiveFeed
from host_agent.query.engine import Engine
from host_agent.query.errors import BadQuery, QueryTimeout, TooLarge
from host_agent.query.records import find_metrics, find_records
from host_agent.query.services import ServiceSummary, find_services
from host_agent.query.traces import TraceSummary, find_traces, read_trace
from host_agent.store.partition import Snapshot
from host_agent.store.store import Store
from host_agent.tenant import Tenant
from wasm_sdk.otlp import Signal
from wasm_sdk.otlp.transcode import protobuf_to_json

T = TypeVar("T")
PROTOBUF = "application/x-protobuf"


async def _settled() -> None:
    return None


class Api:
    """The endpoints. See `create_api`."""

    def __init__(
        self,
        store: Store,
        engine: Engine,
        status: Callable[[], Mapping[str, Any]],
        settle: Callable[[], Awaitable[None]],
    ) -> None:
        self._store = store
        self._engine = engine
        self._status = status
        self._settle = settle

    async def _ask(
        self, tenant: Tenant, signal: Signal, question: Callable[[DuckDBPyConnection, Snapshot], T]
    ) -> T:
        await self._settle()
        try:
            return await self._run(tenant, signal, question)
        except DuckDBError:
            if not await self._store.check(tenant, signal):
                raise
            return await self._run(tenant, signal, question)

    async def _run(
        self, tenant: Tenant, signal: Signal, question: Callable[[DuckDBPyConnection, Snapshot], T]
    ) -> T:
        with self._store.snapshot(tenant, signal) as snapshot:
            return await self._engine.run(lambda cursor: question(cursor, snapshot))

    async def traces(self, request: Request) -> Response:
        given = Parameters(request.query_params, parameters.TRACE_PARAMETERS)
        query = parameters.trace_query(given)
        page = await self._ask(
            given.tenant(), Signal.TRACES, lambda cursor, snapshot: find_traces(cursor, snapshot, query)
        )
        body: dict[str, Any] = {"traces": [_trace_json(trace) for trace in page.traces]}
        if page.next_cursor is not None:
            body["next_cursor"] = str(page.next_cursor)
        return JSONResponse(body)

    async def trace(self, request: Request) -> Response:
        given = Parameters(request.query_params, ())
        trace_id = parameters.parse_trace_id(request.path_params["trace_id"])
        data = await self._ask(
            given.tenant(), Signal.TRACES, lambda cursor, snapshot: read_trace(cursor, snapshot, trace_id)
        )
        if data is None:
            return error_response(
                404,
                f"no span of trace {trace_id.hex()} is stored",
                hint="it may not have arrived yet, not have been sampled, or have passed its retention",
            )
        return await _otlp(request, Signal.TRACES, data)

    async def services(self, request: Request) -> Response:
        given = Parameters(request.query_params, parameters.RANGE)
        start, end = given.time_range()
        found = await self._ask(
            given.tenant(),
            Signal.TRACES,
            lambda cursor, snapshot: find_services(cursor, snapshot, start, end),
        )
        return JSONResponse({"services": [_service_json(service) for service in found]})

    async def logs(self, request: Request) -> Response:
        given = Parameters(request.query_params, parameters.LOG_PARAMETERS)
        query = parameters.log_query(given)
        data = await self._ask(
            given.tenant(), Signal.LOGS, lambda cursor, snapshot: find_records(cursor, snapshot, query)
        )
        return await _otlp(request, Signal.LOGS, data)

    async def metrics(self, request: Request) -> Response:
        given = Parameters(request.query_params, parameters.METRIC_PARAMETERS)
        query = parameters.metric_query(given)
        data = await self._ask(
            given.tenant(), Signal.METRICS, lambda cursor, snapshot: find_records(cursor, snapshot, query)
        )
        return await _otlp(request, Signal.METRICS, data)

    async def metric_names(self, request: Request) -> Response:
        given = Parameters(request.query_params, parameters.METRIC_PARAMETERS)
        query = parameters.metric_query(given)
        found = await self._ask(
            given.tenant(), Signal.METRICS, lambda cursor, snapshot: find_metrics(cursor, snapshot, query)
        )
        rows = [
            {
                "name": metric.name,
                "type": metric.type,
                "unit": metric.unit,
                "service": metric.service,
                "points": metric.points,
                "last_seen_unix_nano": str(metric.last_seen),
            }
            for metric in found
        ]
        return JSONResponse({"metrics": rows})

    async def status(self, request: Request) -> Response:
        Parameters(request.query_params, ())
        return JSONResponse(dict(self._status()))


def create_api(
    store: Store,
    engine: Engine,
    feed: LiveFeed,
    *,
    status: Callable[[], Mapping[str, Any]],
    settle: Callable[[], Awaitable[None]] = _settled,
    allowed_hosts: Iterable[str] = (),
    allowed_origins: Iterable[str] = (),
) -> Starlette:
    """The application.

    Args:
        status: What `/api/v1/status` answers.
        settle: Awaited before each query: lets the store catch up with what was acknowledged, within a bound.
        allowed_hosts: Names, besides localhost and IP addresses, that the API is reached by.
        allowed_origins: Origins whose pages may use it.
    """
    api = Api(store, engine, status, settle)
    paths = {
        "/api/v1/traces": api.traces,
        "/api/v1/traces/{trace_id}": api.trace,
        "/api/v1/services": api.services,
        "/api/v1/logs": api.logs,
        "/api/v1/metrics": api.metrics,
        "/api/v1/metrics/names": api.metric_names,
        "/api/v1/status": api.status,
    }

    async def index(_: Request) -> Response:
        return JSONResponse({"paths": [*paths, "/api/v1/live (WebSocket)", "/healthz"]})

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    return Starlette(
        routes=[
            *(Route(path, endpoint, methods=["GET"]) for path, endpoint in paths.items()),
            Route("/api/v1", index, methods=["GET"]),
            Route("/healthz", healthz, methods=["GET"]),
            WebSocketRoute("/api/v1/live", live_endpoint(feed)),
        ],
        middleware=[
            Middleware(Guard, hosts=allowed_hosts, origins=allowed_origins),
            Middleware(CORSMiddleware, allow_origins=list(allowed_origins)),
        ],
        exception_handlers={
            BadQuery: on_bad_query,
            QueryTimeout: on_timeout,
            TooLarge: on_too_large,
            HTTPException: on_http_error,
            Exception: on_failure,
        },
    )


async def _otlp(request: Request, signal: Signal, data: bytes) -> Response:
    """OTLP as the client prefers it: JSON unless it accepts protobuf only."""
    if PROTOBUF in request.headers.get("accept", ""):
        return Response(data, media_type=PROTOBUF)
    text = await asyncio.to_thread(protobuf_to_json, signal, data)
    return Response(text, media_type="application/json")


def _trace_json(trace: TraceSummary) -> dict[str, Any]:
    return {
        "trace_id": trace.trace_id.hex(),
        "root_name": "" if trace.root_is_missing else trace.root_name,
        "root_service": trace.root_service,
        "services": list(trace.services),
        "start_unix_nano": str(trace.start),
        "duration_ns": trace.duration,
        "span_count": trace.span_count,
        "error_count": trace.error_count,
        "last_activity_unix_nano": str(trace.last_activity),
    }


def _service_json(service: ServiceSummary) -> dict[str, Any]:
    return {
        "name": service.name,
        "span_count": service.span_count,
        "error_count": service.error_count,
        "last_seen_unix_nano": str(service.last_seen),
        "median_duration_ns": service.median_duration,
        "p99_duration_ns": service.p99_duration,
    }
