"""Queries on a million stored spans while ten thousand a second come in.

The spans go through the store's own writer; the same questions are asked of a DuckDB table with the same
rows. Every answer is an API response, from the parsed parameters to the JSON.
"""

import asyncio
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import httpx
import numpy as np

from benchmarks.result import Result
from host_agent.api.http import create_api
from host_agent.intake.encoding import Encoding
from host_agent.intake.log import Fsync, IntakeLog
from host_agent.intake.position import Position
from host_agent.intake.record import Record
from host_agent.live.feed import LiveFeed
from host_agent.query.engine import Engine
from host_agent.store.store import Store
from host_agent.store.writer import StoreWriter
from host_agent.tenant import DEFAULT_TENANT
from wasm_sdk.otlp import (
    KeyValues,
    Resource,
    ResourceSpans,
    ScopeSpans,
    Signal,
    Span,
    Status,
    TracesData,
    encode,
)

SPANS = 1_000_000
PER_TRACE = 10
TRACES = 100
"""Of a request."""
SERVICES = 20
ASKED = 25
"""Times that each question is asked."""
INGEST_INTERVAL = 0.1  # seconds between requests of a thousand spans
MARK = 1_000_000_000_000_000_000
DIGITS = 9


class Requests:
    """Requests of a thousand spans with ten attributes each: one template, whose ids, times and one attribute
    of many values are overwritten with random ones."""

    def __init__(self) -> None:
        self._random = np.random.default_rng(7)
        spans = [self._span(number) for number in range(TRACES * PER_TRACE)]
        groups = [
            ResourceSpans(
                Resource(
                    KeyValues.of(
                        {
                            "service.name": f"service-{n}",
                            "service.version": "1.4.2",
                            "host.name": f"host-{n % 4}",
                        }
                    )
                ),
                [ScopeSpans(spans=spans[n::SERVICES])],
            )
            for n in range(SERVICES)
        ]
        data = encode(Signal.TRACES, TracesData(groups))
        self._template = np.frombuffer(data, np.uint8)
        find = [data.index(span.span_id) for span in spans]
        self._trace = self._places(
            data, [span.trace_id + b"\x12\x08" + span.span_id for span in spans], 16, 0
        )
        self._span_id = np.array(find)[:, None] + np.arange(8)
        self._parent = self._places(data, [b'"\x08' + span.span_id[::-1] for span in spans], 8, 2)
        self._start = self._places(data, [_le(span.start_time_unix_nano) for span in spans], 8, 0)
        self._end = self._places(data, [_le(span.end_time_unix_nano) for span in spans], 8, 0)
        self._order = self._places(
            data, [str(span.attributes["order.id"]).encode() for span in spans], DIGITS, 0
        )
        self._of_trace = np.arange(len(spans)) // PER_TRACE

    def _span(self, number: int) -> Span:
        span_id = self._random.bytes(8)
        route = f"/api/v1/thing/{number % 60}"
        return Span(
            trace_id=self._random.bytes(16),
            span_id=span_id,
            parent_span_id=span_id[::-1],
            name=f"GET {route}",
            kind=2,
            start_time_unix_nano=MARK + 2 * number,
            end_time_unix_nano=MARK + 2 * number + 1,
            attributes=KeyValues.of(
                {
                    "http.request.method": "GET",
                    "http.response.status_code": (200, 200, 200, 404, 500)[number % 5],
                    "http.route": route,
                    "url.path": f"{route}/{number}",
                    "order.id": str(10**DIGITS + number)[1:].replace("0", "9", 1),
                    "thread.id": number % 50,
                    "server.address": f"10.0.0.{number % 50}",
                    "db.system": "postgresql",
                    "cache.hit": number % 3 == 0,
                    "load": number / 7,
                }
            ),
            status=Status(code=2) if number % 100 == 1 else Status.absent(),
        )

    @staticmethod
    def _places(data: bytes, patterns: list[bytes], size: int, skip: int) -> np.ndarray[Any, Any]:
        return np.array([data.index(pattern) + skip for pattern in patterns])[:, None] + np.arange(size)

    def make(self, start: int, spread: int) -> tuple[bytes, bytes, str]:
        """A request whose traces start within `spread` nanoseconds after `start`; a trace id and an order of
        it."""
        data = self._template.copy()
        count = TRACES * PER_TRACE
        draw = self._random
        traces = draw.integers(1, 256, (TRACES, 16), np.uint8)
        ids = draw.integers(1, 256, (count, 8), np.uint8)
        roots = ids[::PER_TRACE][self._of_trace]
        begin = start + draw.integers(0, spread, TRACES)[self._of_trace] + draw.integers(0, 10**8, count)
        duration = draw.lognormal(15, 1.5, count).astype(np.int64)
        orders = draw.integers(48, 58, (count, DIGITS), np.uint8)
        data[self._trace] = traces[self._of_trace]
        data[self._span_id] = ids
        data[self._parent] = roots
        data[self._parent[::PER_TRACE]] = 0
        data[self._start] = begin.astype("<u8").view(np.uint8).reshape(count, 8)
        data[self._end] = (begin + duration).astype("<u8").view(np.uint8).reshape(count, 8)
        data[self._order] = orders
        return data.tobytes(), traces[0].tobytes(), orders[0].tobytes().decode()


def _le(number: int) -> bytes:
    return number.to_bytes(8, "little")


async def _fill(store: Store, requests: Requests, now: int) -> list[tuple[bytes, str]]:
    """A million spans of the last hour; some trace ids and orders of them."""
    known: list[tuple[bytes, str]] = []
    count = SPANS // (TRACES * PER_TRACE)
    hour = 3600 * 10**9
    for number in range(count):
        start = now - hour + number * hour // count
        body, trace_id, order = requests.make(start, hour // count)
        known.append((trace_id, order))
        position = Position(1, number)
        for _ in store.convert(
            Record(
                DEFAULT_TENANT,
                Signal.TRACES,
                body,
                1000,
                received_unix_nano=start + 10**10,
                position=position,
            )
        ):
            pass
        if store.gathered_bytes > store.limits.flush_bytes or number == count - 1:
            assert await store.finish_flush(store.begin_flush(Position(1, number + 1)))
    await store.maintain(now)
    return known


Known = list[tuple[bytes, str]]


def _pick(known: Known, n: int) -> tuple[bytes, str]:
    return known[-1 - 37 * n % len(known)]


QUESTIONS: dict[str, Callable[[Known, int], tuple[str, dict[str, str]]]] = {
    "recent_traces_ms": lambda known, n: ("traces", {}),
    "by_service_ms": lambda known, n: ("traces", {"service": f"service-{n % SERVICES}"}),
    "errors_ms": lambda known, n: ("traces", {"error": "true"}),
    "attribute_ms": lambda known, n: (
        "traces",
        {"attribute": f"order.id={known[-1 - 7 * n % len(known)][1]}"},
    ),
    "attribute_common_ms": lambda known, n: ("traces", {"attribute": "http.response.status_code=500"}),
    "duration_ms": lambda known, n: ("traces", {"min_duration": f"{200 + n}ms"}),
    "time_range_ms": lambda known, n: ("traces", {"since": "15m", "service": f"service-{n % SERVICES}"}),
    "one_trace_ms": lambda known, n: (f"traces/{_pick(known, n)[0].hex()}", {}),
    "services_ms": lambda known, n: ("services", {}),
}

_LIST = "SELECT trace_id, max(end_unix_nano) AS latest FROM spans {} GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 50"
PEER: dict[str, str] = {
    "recent_traces_ms": _LIST.format(""),
    "by_service_ms": _LIST.format("WHERE service = $service"),
    "errors_ms": _LIST.format("WHERE status = 2"),
    "attribute_ms": _LIST.format("WHERE attributes['order.id'] = $order"),
    "duration_ms": "SELECT trace_id, max(end_unix_nano) AS latest FROM spans GROUP BY 1 "
    "HAVING latest - min(start_unix_nano) > 200000000 ORDER BY 2 DESC, 1 LIMIT 50",
    "one_trace_ms": "SELECT item, resource, scope FROM spans WHERE trace_id = $trace",
}


PEER_SUMMARY = """
    SELECT trace_id, arg_min(name, start_unix_nano) FILTER (octet_length(parent_span_id) = 0),
        list(DISTINCT service), min(start_unix_nano), max(end_unix_nano), count(*), count(*) FILTER (status =
        2)
    FROM spans WHERE trace_id IN (SELECT unnest($traces)) GROUP BY 1"""


def _peer(root: Path, folder: Path, known: list[tuple[bytes, str]]) -> dict[str, float]:
    """Medians of a DuckDB database file with the rows in the order of their arrival and attributes as a map;
    the list queries without what the list shows of each trace."""
    database = duckdb.connect(str(folder / "peer.duckdb"), config={"threads": 2, "memory_limit": "2GB"})
    database.execute("SET enable_progress_bar = false")
    files = f"read_parquet('{root}/**/*.parquet')"
    columns = [row[0] for row in database.execute(f"DESCRIBE SELECT * FROM {files}").fetchall()]
    attributes = [name for name in columns if name.startswith("attributes.")]
    keys = ", ".join(f"'{name.removeprefix('attributes.')}'" for name in attributes)
    values = ", ".join(f'"{name}"' for name in attributes)
    database.execute(
        "CREATE TABLE spans AS SELECT trace_id, span_id, parent_span_id, name, service, status, "
        f"start_unix_nano, end_unix_nano, item, resource, scope, map([{keys}], [{values}]) AS attributes "
        f"FROM {files} ORDER BY received_unix_nano"
    )
    medians: dict[str, float] = {}
    for name, sql in PEER.items():
        times = []
        for n in range(ASKED):
            trace, order = _pick(known, n)
            given = {"service": f"service-{n % SERVICES}", "trace": trace, "order": order}
            used = {key: value for key, value in given.items() if f"${key}" in sql}
            began = time.perf_counter()
            found = database.execute(sql, used).fetchall()
            if "latest" in sql:
                database.execute(PEER_SUMMARY, {"traces": [row[0] for row in found]}).fetchall()
            times.append((time.perf_counter() - began) * 1000)
        medians[name] = statistics.median(times)
    database.close()
    return medians


async def _ingest(log: IntakeLog, requests: Requests) -> None:
    """A thousand spans ten times a second."""
    while True:
        body, _, _ = requests.make(time.time_ns(), 10**8)
        await log.append(DEFAULT_TENANT, Signal.TRACES, Encoding.IDENTITY, body, TRACES * PER_TRACE)
        await asyncio.sleep(INGEST_INTERVAL)


async def _measure(folder: Path) -> list[Result]:
    requests = Requests()
    root = folder / "store"
    store = Store(root)
    store.load()
    began = time.perf_counter()
    known = await _fill(store, requests, time.time_ns())
    results = [Result("store_spans_per_s", SPANS / (time.perf_counter() - began), "spans/s")]
    size = sum(segment.size for segment in store.segments)
    results.append(Result("store_bytes_per_span", size / SPANS, "bytes"))
    peer = await asyncio.to_thread(_peer, root, folder, known)

    log = IntakeLog(folder / "intake", fsync=Fsync.NEVER)
    reader = log.reader()
    writer = StoreWriter(store, reader.follow, log.follower("store"))
    engine = Engine(root)

    async def settle() -> None:
        await writer.settle(log.end, 0.05)

    api = create_api(store, engine, LiveFeed(reader.follow), status=dict, settle=settle)
    tasks = [asyncio.create_task(each) for each in (writer.run(), _ingest(log, requests))]
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=api), base_url="http://localhost"
    ) as client:
        for name, question in QUESTIONS.items():
            times = await _ask(client, partial(question, known))
            median = statistics.median(times)
            if name in peer:
                results.append(Result(name, median, "ms", "DuckDB table", peer[name]))
            else:
                results.append(Result(name, median, "ms"))
            results.append(
                Result(name.replace("_ms", "_p99_ms"), sorted(times)[int(0.99 * len(times))], "ms")
            )
    following, sending = tasks
    sending.cancel()
    assert await writer.settle(log.end, 10), "the store fell behind"
    following.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    engine.close()
    reader.close()
    await log.close()
    return results


async def _ask(
    client: httpx.AsyncClient, question: Callable[[int], tuple[str, dict[str, str]]]
) -> list[float]:
    times = []
    for n in range(ASKED):
        path, parameters = question(n)
        began = time.perf_counter()
        answer = await client.get(f"/api/v1/{path}", params=parameters)
        times.append((time.perf_counter() - began) * 1000)
        body = answer.json()
        assert answer.status_code == 200, answer.text
        assert body.get("traces") or body.get("resourceSpans") or body.get("services"), (path, parameters)
    return times


def run() -> list[Result]:
    """See the module's description."""
    with tempfile.TemporaryDirectory(prefix="spanweave-query-") as folder:
        return asyncio.run(_measure(Path(folder)))
