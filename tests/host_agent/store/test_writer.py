"""From the intake log into segments, through crashes."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest

from host_agent.intake.encoding import Encoding
from host_agent.intake.log import Fsync, IntakeLog
from host_agent.intake.position import ORIGIN, Checkpoint
from host_agent.store.status import store_status
from host_agent.store.store import Store, StoreLimits
from host_agent.store.writer import StoreWriter
from host_agent.tenant import DEFAULT_TENANT, Tenant
from wasm_sdk.otlp import Signal

QUIET = StoreLimits(flush_interval=3600)


class Pipeline:
    """A log and the writer that follows it."""

    def __init__(self, folder: Path, limits: StoreLimits) -> None:
        self.log = IntakeLog(folder / "intake", fsync=Fsync.NEVER)
        self.store = Store(folder / "store", limits)
        self.store.load()
        self.checkpoint = self.log.follower("store")
        self.reader = self.log.reader()
        self.writer = StoreWriter(self.store, self.reader.follow, self.checkpoint)

    async def accept(
        self,
        body: bytes,
        signal: Signal = Signal.TRACES,
        tenant: Tenant = DEFAULT_TENANT,
        settle: bool = True,
    ) -> None:
        await self.log.append(tenant, signal, Encoding.IDENTITY, body, 1)
        if settle:
            assert await self.writer.settle(self.log.end, 5)

    def rows(self, signal: Signal = Signal.TRACES, tenant: Tenant = DEFAULT_TENANT) -> int:
        with self.store.snapshot(tenant, signal) as snapshot:
            return sum(segment.rows for segment in snapshot.segments) + sum(
                len(chunk) for chunk in snapshot.fresh
            )


@asynccontextmanager
async def running(folder: Path, limits: StoreLimits = QUIET) -> AsyncIterator[Pipeline]:
    pipeline = Pipeline(folder, limits)
    task = asyncio.create_task(pipeline.writer.run())
    try:
        yield pipeline
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        pipeline.reader.close()
        await pipeline.log.close()


@asynccontextmanager
async def killed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pipeline]:
    """A pipeline that ends without its last words: no checkpoint is saved, nothing more is flushed."""
    async with running(folder) as pipeline:
        with monkeypatch.context() as patch:
            patch.setattr(Checkpoint, "save", lambda *_, **__: None)
            yield pipeline

            async def dead() -> None:
                pass

            pipeline.writer.flush = dead  # type: ignore[method-assign]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - of several objects
            await asyncio.sleep(0.01)


async def test_rows_are_found_before_they_are_flushed_and_after(tmp_path: Path, telemetry: Any) -> None:
    async with running(tmp_path) as pipeline:
        await pipeline.accept(telemetry.traces(telemetry.span()))
        assert (pipeline.rows(), pipeline.store.segments) == (1, [])
        await pipeline.writer.flush()
        assert (pipeline.rows(), len(pipeline.store.segments)) == (1, 1)
        status = store_status(pipeline.store, pipeline.writer)
        assert (status["rows"], status["stored_rows"], status["unflushed_rows"]) == (1, 1, 0)
        assert status["position"] == status["flushed_position"] == str(pipeline.log.end)


async def test_stopping_flushes(tmp_path: Path, telemetry: Any) -> None:
    async with running(tmp_path) as pipeline:
        await pipeline.accept(telemetry.traces(telemetry.span()))
        end = pipeline.log.end
    async with running(tmp_path) as pipeline:
        assert (pipeline.rows(), pipeline.writer.store.counts.rows) == (1, 0)
        assert pipeline.checkpoint.load() == end


async def test_flushes_by_itself_after_a_while_and_when_there_is_much(tmp_path: Path, telemetry: Any) -> None:
    async with running(tmp_path / "timed", StoreLimits(flush_interval=0.02)) as pipeline:
        await pipeline.accept(telemetry.traces(telemetry.span()))
        await until(lambda: len(pipeline.store.segments) == 1)
    async with running(tmp_path / "sized", StoreLimits(flush_interval=3600, flush_bytes=1000)) as pipeline:
        for _ in range(40):
            await pipeline.accept(telemetry.traces(telemetry.span("x" * 100)))
        await until(lambda: len(pipeline.store.segments) > 1)
        assert pipeline.store.unflushed_bytes < 3000
        assert pipeline.rows() == 40


@pytest.mark.parametrize("flushed", [True, False])
async def test_a_crash_loses_nothing_and_stores_nothing_twice(
    tmp_path: Path, telemetry: Any, flushed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With `flushed` the agent dies after the rename of the segments and before the checkpoint."""
    span, record = telemetry.span(), telemetry.log("no time", at=-telemetry.noon / telemetry.second)
    async with killed(tmp_path, monkeypatch) as pipeline:
        await pipeline.accept(telemetry.traces(span))
        await pipeline.accept(telemetry.logs(record), Signal.LOGS)
        await pipeline.accept(telemetry.logs(record), Signal.LOGS)
        await pipeline.accept(telemetry.metrics(telemetry.gauge("load", 1)), Signal.METRICS)
        if flushed:
            await pipeline.writer.flush()
    async with running(tmp_path) as pipeline:
        assert pipeline.checkpoint.load() == ORIGIN
        await pipeline.accept(telemetry.traces(telemetry.span()))
        assert pipeline.rows() == 2
        assert pipeline.rows(Signal.LOGS) == 2, "without a time, equal records are different events"
        assert pipeline.rows(Signal.METRICS) == 1
    assert duckdb.sql(f"SELECT count(*) FROM '{tmp_path}/store/**/signal=traces/*.parquet'").fetchall() == [
        (2,)
    ]


async def test_a_failed_write_keeps_the_rows_and_is_tried_again(
    tmp_path: Path, telemetry: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(tmp_path) as pipeline:
        await pipeline.accept(telemetry.traces(telemetry.span()))
        with monkeypatch.context() as patch:

            def full(*_: Any) -> None:
                raise OSError(28, "No space left on device")

            patch.setattr("host_agent.store.store.write_segment", full)
            await pipeline.writer.flush()
        assert (pipeline.rows(), pipeline.checkpoint.load()) == (1, ORIGIN)
        assert "No space left" in store_status(pipeline.store, pipeline.writer)["last_error"]
        await pipeline.writer.flush()
        assert (pipeline.rows(), len(pipeline.store.segments)) == (1, 1)
        assert pipeline.checkpoint.load() == pipeline.log.end


async def test_when_the_disk_fails_memory_stays_bounded(
    tmp_path: Path, telemetry: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log keeps what the store has no room for."""
    monkeypatch.setattr("host_agent.store.writer.RETRY", 0.01)
    async with running(tmp_path, StoreLimits(flush_interval=3600, flush_bytes=1000)) as pipeline:
        with monkeypatch.context() as patch:

            def full(*_: Any) -> None:
                raise OSError(28, "No space left on device")

            patch.setattr("host_agent.store.store.write_segment", full)
            for _ in range(40):
                await pipeline.accept(telemetry.traces(telemetry.span("x" * 100)), settle=False)
            await until(lambda: pipeline.store.counts.failed_flushes > 3)
            assert pipeline.store.unflushed_bytes < 3000
            assert pipeline.writer.position < pipeline.log.end
        assert await pipeline.writer.settle(pipeline.log.end, 5)
        assert pipeline.rows() == 40


async def test_what_cannot_be_read_is_counted_and_passed_over(tmp_path: Path, telemetry: Any) -> None:
    async with running(tmp_path) as pipeline:
        await pipeline.accept(b"\xff\xff\xff")
        await pipeline.log.append(DEFAULT_TENANT, Signal.TRACES, Encoding.GZIP, b"no gzip", 1)
        await pipeline.accept(telemetry.traces(telemetry.span()))
        assert (pipeline.rows(), pipeline.store.counts.malformed) == (1, 2)


async def test_tenants_and_signals_lie_in_folders_of_their_own(tmp_path: Path, telemetry: Any) -> None:
    async with running(tmp_path) as pipeline:
        await pipeline.accept(telemetry.traces(telemetry.span()), tenant=Tenant("acme"))
        await pipeline.accept(telemetry.logs(telemetry.log("hello")), Signal.LOGS)
    files = list(tmp_path.rglob("*.parquet"))  # noqa: ASYNC240 - nothing else runs
    found = sorted(str(path.relative_to(tmp_path / "store").parent) for path in files)
    assert found == ["tenant=acme/signal=traces", "tenant=default/signal=logs"]


async def test_others_run_while_a_large_request_is_converted(tmp_path: Path, telemetry: Any) -> None:
    body = telemetry.traces(*(telemetry.span(attributes={"n": n}) for n in range(5000)))
    turns = 0
    async with running(tmp_path) as pipeline:
        await pipeline.accept(body, settle=False)
        while pipeline.writer.position < pipeline.log.end:
            await asyncio.sleep(0)
            turns += 1
        assert pipeline.rows() == 5000
    assert turns > 5


async def test_a_segment_that_cannot_be_merged_stops_nothing_else(tmp_path: Path, telemetry: Any) -> None:
    async with running(tmp_path, StoreLimits(flush_interval=3600, retention=3600)) as pipeline:
        for _ in range(4):
            await pipeline.accept(telemetry.traces(telemetry.span()))
            await pipeline.writer.flush()
        pipeline.store.segments[1].path.write_bytes(b"damaged")
        await pipeline.store.maintain(pipeline.store.segments[0].received + 7200 * 10**9)
        assert "cannot be read" in str(pipeline.store.last_error)
        assert pipeline.store.counts.dropped_segments == 3, "the damaged one is kept, set aside"


async def test_settle_gives_up_after_its_time(tmp_path: Path, telemetry: Any) -> None:
    pipeline = Pipeline(tmp_path, QUIET)
    await pipeline.accept(telemetry.traces(telemetry.span()), settle=False)
    assert not await pipeline.writer.settle(pipeline.log.end, 0.01)
    pipeline.writer.position = dataclasses.replace(pipeline.log.end, offset=0)
    far = dataclasses.replace(pipeline.log.end, offset=1 << 40)
    async with asyncio.timeout(5):
        assert not await pipeline.writer.settle(far, 3600), "a backlog of a terabyte is not waited for"
    await pipeline.log.close()
