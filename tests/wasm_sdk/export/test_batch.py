"""The batcher: with a loop, before one, between two, and from other threads."""

import asyncio
import contextvars
import threading

import pytest

from wasm_sdk.export import Batcher, Completion


class Sink:
    """An exporter that keeps batches, and waits at `gate` when it is closed."""

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.arrived = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()
        self.result = True

    async def __call__(self, batch: list[int]) -> bool:
        self.batches.append(batch)
        self.arrived.set()
        await self.gate.wait()
        return self.result

    @property
    def items(self) -> list[int]:
        return [item for batch in self.batches for item in batch]


@pytest.fixture
def sink() -> Sink:
    return Sink()


async def arrival(sink: Sink) -> None:
    await asyncio.wait_for(sink.arrived.wait(), 5)
    sink.arrived.clear()


async def test_items_leave_when_the_delay_is_over(sink):
    batcher = Batcher(sink, schedule_delay=0.01)
    for item in range(3):
        batcher.add(item)
    assert len(batcher) == 3 and not sink.batches
    await arrival(sink)
    assert sink.batches == [[0, 1, 2]]
    batcher.add(3)  # and the timer is armed anew
    await arrival(sink)
    assert sink.batches[1:] == [[3]]
    assert batcher.exported == 4


async def test_a_full_batch_leaves_at_once(sink):
    batcher = Batcher(sink, schedule_delay=60, max_export_batch_size=4)
    for item in range(9):
        batcher.add(item)
    await arrival(sink)
    await asyncio.sleep(0)
    assert await batcher.force_flush()
    assert sink.batches == [[0, 1, 2, 3], [4, 5, 6, 7], [8]]


async def test_batches_are_exported_one_at_a_time(sink):
    sink.gate.clear()
    batcher = Batcher(sink, schedule_delay=0, max_export_batch_size=2)
    for item in range(6):
        batcher.add(item)
    await arrival(sink)
    flush = batcher.force_flush()
    await asyncio.sleep(0.01)
    assert sink.batches == [[0, 1]]
    assert not flush and not flush.done() and repr(flush) == "Completion(pending)"
    sink.gate.set()
    assert await flush and await flush
    assert flush.done() and bool(flush) and repr(flush) == "Completion(True)"
    assert sink.batches == [[0, 1], [2, 3], [4, 5]]


async def test_a_full_queue_drops_and_counts_the_newest(sink, caplog):
    sink.gate.clear()
    batcher = Batcher(sink, schedule_delay=60, max_queue_size=4, max_export_batch_size=4, what="spans")
    for item in range(4):
        batcher.add(item)
    await arrival(sink)
    for item in range(4, 10):
        batcher.add(item)
    assert batcher.dropped == 2
    assert caplog.text.count("The queue of spans is full (4)") == 1
    sink.gate.set()
    assert await batcher.force_flush()
    assert sink.items == list(range(8))


async def test_failures_are_counted_and_do_not_stop_what_follows(sink, caplog):
    async def export(batch: list[int]) -> bool:
        if batch == [0]:
            raise RuntimeError("broken exporter")
        if batch == [1]:
            return False
        if batch == [2]:
            await asyncio.sleep(10)
        return await sink(batch)

    batcher = Batcher(export, max_export_batch_size=1, export_timeout=0.05)
    for item in range(4):
        batcher.add(item)
    assert not await batcher.force_flush()
    assert sink.items == [3]
    assert (batcher.failed, batcher.exported) == (3, 1)
    assert "broken exporter" in caplog.text and "took longer than 0.05 s" in caplog.text


async def test_a_flush_that_takes_too_long_fails(sink):
    sink.gate.clear()
    batcher = Batcher(sink)
    batcher.add(1)
    assert not await batcher.force_flush(0.02)
    sink.gate.set()
    assert await batcher.force_flush()
    assert sink.items == [1]


async def test_shutdown_flushes_and_takes_nothing_more(sink):
    batcher = Batcher(sink)
    batcher.add(1)
    assert await batcher.shutdown()
    batcher.add(2)
    assert sink.items == [1]
    assert batcher.dropped == 1 and len(batcher) == 0
    assert await batcher.shutdown()


async def test_exports_run_outside_of_the_callers_context(sink):
    request = contextvars.ContextVar("request", default="none")
    seen = []

    async def export(batch: list[int]) -> bool:
        seen.append(request.get())
        return True

    batcher = Batcher(export, schedule_delay=0)
    request.set("some request")
    batcher.add(1)
    assert await batcher.force_flush()
    batcher.add(2)
    await asyncio.sleep(0.02)
    assert seen == ["none", "none"]


@pytest.mark.parametrize(
    "arguments",
    [
        {"max_export_batch_size": 0},
        {"max_export_batch_size": 10, "max_queue_size": 9},
        {"schedule_delay": -1},
        {"export_timeout": 0},
    ],
)
def test_sizes_and_times_must_make_sense(sink, arguments):
    with pytest.raises(ValueError, match="must"):
        Batcher(sink, **arguments)


def test_without_a_loop_items_wait_and_a_flush_runs_to_its_end(sink):
    batcher = Batcher(sink, schedule_delay=0)
    for item in range(3):
        batcher.add(item)
    assert not sink.batches
    flushed = batcher.force_flush()
    assert flushed and flushed.done()
    assert sink.items == [0, 1, 2]
    assert batcher.shutdown() and batcher.shutdown()


def test_what_came_before_the_loop_leaves_with_what_comes_in_it(sink):
    batcher = Batcher(sink, schedule_delay=0)
    batcher.add(1)

    async def main() -> None:
        batcher.add(2)
        await arrival(sink)

    asyncio.run(main())
    assert sink.items == [1, 2]


def test_a_second_loop_takes_over_from_the_first(sink):
    batcher = Batcher(sink, schedule_delay=0.01)

    async def leave_behind() -> None:
        batcher.add(1)

    async def main() -> None:
        batcher.add(2)
        await arrival(sink)

    asyncio.run(leave_behind())
    assert not sink.batches
    asyncio.run(main())
    assert sink.items == [1, 2]


def test_a_loop_that_is_run_piecemeal_keeps_its_timer(sink):
    batcher = Batcher(sink, schedule_delay=0.01)
    loop = asyncio.new_event_loop()

    async def first() -> None:
        batcher.add(1)

    loop.run_until_complete(first())
    batcher.add(2)
    loop.run_until_complete(arrival(sink))
    loop.run_until_complete(asyncio.sleep(0))
    loop.close()
    assert sink.items == [1, 2]


def test_a_batch_that_the_end_of_its_loop_cuts_off_is_not_lost(sink):
    sink.gate.clear()
    batcher = Batcher(sink, schedule_delay=0)

    async def main() -> None:
        batcher.add(1)
        await arrival(sink)
        batcher.add(2)

    asyncio.run(main())  # cancels the export
    sink.gate.set()
    sink.batches.clear()
    assert batcher.force_flush()
    assert sink.items == [1, 2]


async def test_threads_wake_the_loop_when_a_batch_is_full(sink):
    batcher = Batcher(sink, schedule_delay=60, max_export_batch_size=4)
    batcher.add(0)  # arms the timer on this loop

    def fill() -> None:
        for item in range(1, 5):
            batcher.add(item)

    await asyncio.to_thread(fill)
    await arrival(sink)
    assert sorted(sink.items[:4]) == [0, 1, 2, 3]


async def test_items_of_threads_alone_leave_through_the_loop_that_exported_before(sink):
    batcher = Batcher(sink, schedule_delay=0.01)
    batcher.add(0)
    await arrival(sink)
    assert await batcher.force_flush()  # and now nothing is armed
    for item in (1, 2):
        await asyncio.to_thread(batcher.add, item)
        await arrival(sink)
    assert sink.items == [0, 1, 2]


async def test_a_thread_flushes_through_the_loop_that_owns_the_batcher(sink):
    batcher = Batcher(sink, schedule_delay=60)
    batcher.add(1)
    outcome: list[Completion] = []
    thread = threading.Thread(target=lambda: outcome.append(batcher.force_flush(5)))
    thread.start()
    await arrival(sink)
    await asyncio.to_thread(thread.join)
    assert outcome[0].done() and outcome[0]


async def test_a_thread_does_not_wait_forever_for_a_stuck_loop(sink):
    sink.gate.clear()
    batcher = Batcher(sink, schedule_delay=60)
    batcher.add(1)
    assert not await asyncio.to_thread(batcher.force_flush, 0.02)
    sink.gate.set()
    assert await batcher.force_flush()
