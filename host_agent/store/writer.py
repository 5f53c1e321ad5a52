"""Follows the intake log into the store."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable

from host_agent.intake.position import ORIGIN, Checkpoint, Position
from host_agent.intake.record import Record
from host_agent.store.store import Store

logger = logging.getLogger(__name__)

TURN = 0.002
"""Seconds of converting before others get the event loop."""
MAINTAIN_INTERVAL = 15.0  # seconds


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
        tasks = [asyncio.create_task(self._flush_timely()), asyncio.create_task(self._maintain())]
        try:
            async for record in self._follow(self.position):
                await self.take(record)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await asyncio.shield(self.flush())

    async def take(self, record: Record) -> None:
        """Convert one record; waits for the disk when memory is full."""
        async with self._converting:
            turn = time.perf_counter() + TURN
            for _ in self.store.convert(record):
                if time.perf_counter() > turn:
                    await asyncio.sleep(0)
                    turn = time.perf_counter() + TURN
            self.position = record.after
        async with self._moved:
            self._moved.notify_all()
        unflushed = self.store.unflushed_bytes
        if unflushed >= self.store.limits.flush_bytes:
            self._flush_due.set()
        if unflushed >= 2 * self.store.limits.flush_bytes:
            await self.flush()

    async def settle(self, position: Position, seconds: float) -> bool:
        """Wait until the record before `position` is in the store, at most so long; whether it is."""
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
            await self.flush()

    async def _maintain(self) -> None:
        while True:
            await asyncio.sleep(MAINTAIN_INTERVAL)
            try:
                await self.store.maintain(time.time_ns())
            except OSError as error:
                self.store.last_error = str(error)
                logger.error("segments were not merged: %s", error)
