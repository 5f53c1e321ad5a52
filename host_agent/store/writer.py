"""Follows the intake log into the store."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable

from host_agent.intake.position import ORIGIN, Checkpoint, Position
from host_agent.intake.record import Record
from host_agent.store.store import Store

TURN = 0.002
"""Seconds of converting before others get the event loop."""
BUSY = 0.001
"""Seconds that the others take, from which on the loop counts as busy: then they get two turns for each of
ours, because a request that waits costs more than a row that is converted later."""
BYTES_A_SECOND = 4 << 20
"""What is converted of the log in a second at least: ten thousand spans uncompressed."""
MAINTAIN_INTERVAL = 5.0  # seconds
RETRY = 1.0  # seconds between tries to write when memory is full and the disk fails


class StoreWriter:
    """The store's follower of the log.

    Args:
        follow: The records from a position on, for ever.
        checkpoint: Where the position is kept from which the log must be read again after a crash.
    """

    def __init__(
        self, store: Store, follow: Callable[[Position], AsyncIterator[Record]], checkpoint: Checkpoint
    ) -> None:
        self.store = store
        self.position = self.flushed = ORIGIN
        self._follow = follow
        self._checkpoint = checkpoint
        self._converting = asyncio.Lock()
        self._flushing = asyncio.Lock()
        self._moved = asyncio.Condition()
        self._flush_due = asyncio.Event()

    async def run(self) -> None:
        """Follow until cancelled; then flush what is in memory.

        Raises:
            ValueError: the checkpoint is damaged; says what to do.
        """
        self.position = self.flushed = self._checkpoint.load() or ORIGIN
        try:
            async with asyncio.TaskGroup() as beside:
                beside.create_task(self._flush_timely())
                beside.create_task(self._maintain())
                async for record in self._follow(self.position):
                    await self.take(record)
        finally:
            await asyncio.shield(self.flush())

    async def take(self, record: Record) -> None:
        """Convert one record; waits for the disk when memory is full."""
        async with self._converting:
            began = time.perf_counter()
            for _ in self.store.convert(record):
                if time.perf_counter() - began > TURN:
                    began = await self._others()
            self.position = record.after
        async with self._moved:
            self._moved.notify_all()
        if self.store.gathered_bytes >= self.store.limits.flush_bytes:
            self._flush_due.set()
        while self.store.unflushed_bytes >= 2 * self.store.limits.flush_bytes:
            await asyncio.shield(self.flush())
            if self.store.last_flush_failed:
                await asyncio.sleep(RETRY)

    async def _others(self) -> float:
        """Let others run; when it is our turn again."""
        began = time.perf_counter()
        await asyncio.sleep(0)
        if time.perf_counter() - began > BUSY:
            await asyncio.sleep(2 * TURN)
        return time.perf_counter()

    async def settle(self, position: Position, seconds: float) -> bool:
        """Wait until the record before `position` is in the store, at most so long; whether it is.

        A backlog that cannot be caught up in that time is not waited for: a query then answers from what is
        there.
        """
        same = position.segment == self.position.segment
        if same and position.offset - self.position.offset > seconds * BYTES_A_SECOND:
            return False
        async with self._moved:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._moved.wait_for(lambda: self.position >= position)
        return self.position >= position

    async def flush(self) -> None:
        """Write what is in memory, then move the checkpoint: a crash in between replays records whose
        position the segments' footers already cover."""
        async with self._flushing:
            async with self._converting:
                position = self.position
                started = self.store.begin_flush(position)
            if await self.store.finish_flush(started) and position > self.flushed:
                await asyncio.to_thread(self._checkpoint.save, position)
                self.flushed = position

    async def _flush_timely(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.store.limits.flush_interval):
                    await self._flush_due.wait()
            self._flush_due.clear()
            await asyncio.shield(self.flush())  # a flush under way when the agent stops runs to its end

    async def _maintain(self) -> None:
        while True:
            await asyncio.sleep(MAINTAIN_INTERVAL)
            await self.store.maintain(time.time_ns())
