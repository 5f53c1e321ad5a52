"""Telemetry to store, and a store to keep it in."""

import random
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import pytest

from host_agent.intake.position import Position
from host_agent.intake.record import Record
from host_agent.query.engine import Engine
from host_agent.store.store import Store, StoreLimits
from host_agent.tenant import DEFAULT_TENANT, Tenant
from wasm_sdk.otlp import (
    Gauge,
    InstrumentationScope,
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
    Status,
    TracesData,
    encode,
)

T = TypeVar("T")
SECOND = 1_000_000_000
NOON = 1_790_000_000 * SECOND
"""When the telemetry of these tests happens, Unix nanoseconds."""


class Telemetry:
    """Builds export requests; ids are random but the same in every run."""

    noon = NOON
    second = SECOND

    def __init__(self) -> None:
        self.random = random.Random(7)

    def span(
        self,
        name: str = "GET /cart",
        *,
        trace_id: bytes | None = None,
        parent: Span | None = None,
        at: float = 0.0,
        seconds: float = 0.010,
        error: bool = False,
        attributes: Mapping[str, Any] | None = None,
        **fields: Any,
    ) -> Span:
        """A span that starts so many seconds after noon."""
        start = NOON + round(at * SECOND)
        return Span(
            trace_id=trace_id or (parent.trace_id if parent else self.random.randbytes(16)),
            span_id=self.random.randbytes(8),
            parent_span_id=parent.span_id if parent else b"",
            name=name,
            kind=2,
            start_time_unix_nano=start,
            end_time_unix_nano=start + round(seconds * SECOND),
            attributes=KeyValues.of(attributes or {}),
            status=Status(code=2) if error else Status.absent(),
            **fields,
        )

    def traces(self, *spans: Span, service: str = "shop", resource: Mapping[str, Any] | None = None) -> bytes:
        scope = ScopeSpans(
            InstrumentationScope(name="tests", version="1"), list(spans), "https://scope.example"
        )
        return encode(Signal.TRACES, TracesData([ResourceSpans(_resource(service, resource), [scope])]))

    def logs(self, *records: LogRecord, service: str = "shop") -> bytes:
        scope = ScopeLogs(InstrumentationScope(name="tests"), list(records))
        return encode(Signal.LOGS, LogsData([ResourceLogs(_resource(service, None), [scope])]))

    def log(self, body: Any, *, at: float = 0.0, severity: int = 9, **fields: Any) -> LogRecord:
        return LogRecord(
            time_unix_nano=NOON + round(at * SECOND), severity_number=severity, body=body, **fields
        )

    def metrics(self, *metrics: Metric, service: str = "shop") -> bytes:
        scope = ScopeMetrics(InstrumentationScope(name="tests"), list(metrics))
        return encode(Signal.METRICS, MetricsData([ResourceMetrics(_resource(service, None), [scope])]))

    def gauge(
        self, name: str, value: float, *, at: float = 0.0, attributes: Mapping[str, Any] | None = None
    ) -> Metric:
        point = NumberDataPoint(
            KeyValues.of(attributes or {}), time_unix_nano=NOON + round(at * SECOND), value=float(value)
        )
        return Metric(name=name, unit="1", data=Gauge([point]))


def _resource(service: str, more: Mapping[str, Any] | None) -> Resource:
    return Resource(attributes=KeyValues.of({"service.name": service, **(more or {})}))


class Kept:
    """A store without a log: requests go in one after the other, as if the log gave them."""

    def __init__(self, root: Path, limits: StoreLimits | None = None) -> None:
        self.root = root
        self.store = Store(root, limits)
        self.store.load()
        self.engine = Engine(root)
        self._offset = 0

    def put(
        self,
        body: bytes,
        signal: Signal = Signal.TRACES,
        tenant: Tenant = DEFAULT_TENANT,
        received: int = NOON + 60 * SECOND,
    ) -> None:
        self._offset += 64
        position = Position(1, self._offset)
        record = Record(tenant, signal, body, 1, received_unix_nano=received, position=position)
        for _ in self.store.convert(record):
            pass

    async def flush(self) -> None:
        assert await self.store.finish_flush(self.store.begin_flush(Position(1, self._offset + 64)))

    async def ask(
        self,
        question: Callable[..., T],
        *arguments: Any,
        signal: Signal = Signal.TRACES,
        tenant: Tenant = DEFAULT_TENANT,
    ) -> T:
        with self.store.snapshot(tenant, signal) as snapshot:
            return await self.engine.run(lambda cursor: question(cursor, snapshot, *arguments))


@pytest.fixture
def telemetry() -> Telemetry:
    return Telemetry()


@pytest.fixture
async def kept(tmp_path: Path) -> AsyncIterator[Kept]:
    kept = Kept(tmp_path / "store")
    yield kept
    kept.engine.close()
