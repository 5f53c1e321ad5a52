"""One destination: follows the decided records, sends what is its, and keeps its own position in the log."""

import asyncio
import contextlib
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Protocol

from host_agent.deliver.sink import Fate, Outcome, Sink
from host_agent.intake.bell import Bell
from host_agent.intake.log import IntakeLog
from host_agent.intake.position import ORIGIN, Checkpoint, Position
from host_agent.intake.reader import RecordGoneError
from host_agent.intake.record import DamagedRecordError, Record
from host_agent.intake.segment import FIRST_OFFSET, list_segments, segment_path
from host_agent.pipeline.judge import Judged
from host_agent.pipeline.quarantine import Quarantine
from host_agent.pipeline.settings import Delivered, OtlpConfig, WhenFull
from wasm_sdk.export.retry import RetryPolicy
from wasm_sdk.otlp import Signal

logger = logging.getLogger(__name__)

SAVE_INTERVAL = 0.5  # seconds; what was delivered since the last save is delivered again after a kill
BOUND_INTERVAL = 1.0
RETRY = RetryPolicy(initial=0.5, maximum=30.0, jitter=0.3)
MAX_WAITING = 512
"""Records whose requests are in memory at one time."""


class Decided(Protocol):
    """What the pipeline is for a destination."""

    def follow(self, start: Position) -> AsyncIterator[Record]: ...

    def requests(self, record: Record) -> Judged: ...


@dataclass(slots=True)
class DeliveryCounts:
    """What happened since the start."""

    requests: int = 0
    retries: int = 0
    delivered: dict[Signal, int] = field(default_factory=lambda: dict.fromkeys(Signal, 0))
    rejected: int = 0
    quarantined: int = 0
    dropped_records: int = 0
    dropped_items: int = 0


@dataclass(slots=True, eq=False)
class _Entry:
    """A record that the destination is not done with."""

    position: Position
    after: Position
    done: bool = False


@dataclass(slots=True)
class _Batch:
    """Requests of one signal that leave as one: requests of OTLP can be put one behind the other."""

    signal: Signal
    parts: list[bytes] = field(default_factory=list)
    entries: list[_Entry] = field(default_factory=list)
    items: int = 0
    size: int = 0
    due: float = 0.0


class Delivery:
    """The sender of one destination.

    Args:
        bit: its number in verdicts.
        checkpoint: holds the log for it (`IntakeLog.follower`).

    Attributes:
        position: behind the last record that it is done with.
        last_error: why the last try failed; "" after one that went well.
    """

    def __init__(
        self,
        name: str,
        config: Delivered,
        sink: Sink,
        bit: int,
        pipeline: Decided,
        log: IntakeLog,
        checkpoint: Checkpoint,
        quarantine: Quarantine,
        *,
        retry: RetryPolicy | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self.counts = DeliveryCounts()
        self.position = ORIGIN
        self.last_error = ""
        self._config = config
        self._sink = sink
        self._bit = bit
        self._pipeline = pipeline
        self._log = log
        self._checkpoint = checkpoint
        self._quarantine = quarantine
        self._retry = retry or RETRY
        self._clock = clock
        limit = config.in_flight if isinstance(config, OtlpConfig) else 1
        self._slots = asyncio.Semaphore(limit)
        self._in_order = {Signal.METRICS: asyncio.Lock()}
        self._entries: deque[_Entry] = deque()
        self._room = asyncio.Semaphore(MAX_WAITING)
        self._open: dict[Signal, _Batch] = {}
        self._sending: dict[asyncio.Task[None], _Batch] = {}
        self._reading = ORIGIN
        self._skip = ORIGIN
        self._saved = 0.0
        self._moved = Bell()

    async def run(self) -> None:
        """Deliver until cancelled. What is then not delivered stays in the log.

        Raises:
            ValueError: the checkpoint is damaged.
        """
        self.position = self._reading = self._checkpoint.load() or ORIGIN
        try:
            async with asyncio.TaskGroup() as beside:
                beside.create_task(self._send_timely())
                beside.create_task(self._bound())
                while True:
                    await self._read()
        finally:
            for task in list(self._sending):
                task.cancel()
            await asyncio.gather(*self._sending, return_exceptions=True)
            self._checkpoint.save(self.position, durable=False)
            await self._sink.close()

    async def settle(self, position: Position, seconds: float) -> bool:
        """Wait until all before `position` is delivered, at most so long; whether it is."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while self.position < position:
                    await self._moved.wait()
        return self.position >= position

    async def _read(self) -> None:
        """Follow until records are skipped."""
        async for record in self._pipeline.follow(self._reading):
            if self._skip > record.position:
                self._reading = self._skip
                return
            self._reading = record.after
            await self._room.acquire()
            entry = _Entry(record.position, record.after)
            self._entries.append(entry)
            judged = self._pipeline.requests(record)
            body = judged.requests[self._bit]
            if not body:
                self._finish([entry])
                continue
            await self._add(record.signal, body, judged.items[self._bit], entry)

    async def _add(self, signal: Signal, body: bytes, items: int, entry: _Entry) -> None:
        batch = self._open.get(signal)
        if batch is None:
            batch = self._open[signal] = _Batch(signal, due=self._clock() + self._config.batch_wait_s)
        batch.parts.append(body)
        batch.entries.append(entry)
        batch.items += items
        batch.size += len(body)
        if batch.size >= self._config.batch_bytes:
            await self._launch(batch)

    async def _launch(self, batch: _Batch) -> None:
        if self._open.get(batch.signal) is not batch:
            return  # somebody launched or dropped it while this one waited for its turn
        del self._open[batch.signal]
        await self._slots.acquire()
        task = asyncio.create_task(self._deliver(batch), name=f"deliver {self.name}")
        self._sending[task] = batch
        task.add_done_callback(self._sent)

    def _sent(self, task: asyncio.Task[None]) -> None:
        del self._sending[task]
        self._slots.release()
        if not task.cancelled() and task.exception() is not None:
            logger.error("%s: %s", self.name, task.exception(), exc_info=task.exception())

    async def _send_timely(self) -> None:
        while True:
            now = self._clock()
            for batch in list(self._open.values()):
                if batch.due <= now:
                    await self._launch(batch)
            await asyncio.sleep(max(0.01, self._config.batch_wait_s / 4))

    async def _deliver(self, batch: _Batch) -> None:
        order = self._in_order.get(batch.signal)
        async with order if order is not None else contextlib.nullcontext():
            body = b"".join(batch.parts)
            attempt = 0
            while True:
                outcome = await self._try(batch.signal, body)
                if outcome.fate is not Fate.AGAIN:
                    break
                self.counts.retries += 1
                if not self.last_error:
                    logger.warning("%s: %s; it is tried again", self.name, outcome.reason)
                self.last_error = outcome.reason
                delay = self._retry.delay(attempt) if outcome.after is None else outcome.after
                attempt += 1
                await asyncio.sleep(delay)
            self._conclude(batch, body, outcome)

    async def _try(self, signal: Signal, body: bytes) -> Outcome:
        self.counts.requests += 1
        try:
            return await self._sink.send(signal, body)
        except Exception as error:
            logger.error("%s: %s", self.name, error, exc_info=error)
            return Outcome(Fate.REFUSED, f"{type(error).__name__}: {error}")

    def _conclude(self, batch: _Batch, body: bytes, outcome: Outcome) -> None:
        if outcome.fate is Fate.DELIVERED:
            self.counts.delivered[batch.signal] += batch.items - outcome.rejected
            self.counts.rejected += outcome.rejected
            self.last_error = outcome.reason if outcome.rejected else ""
        else:
            self.counts.quarantined += batch.items
            self.last_error = outcome.reason
            logger.error("%s: set aside: %s", self.name, outcome.reason)
            self._quarantine.put(self.name, None, batch.signal, body, batch.items, outcome.reason)
        self._finish(batch.entries)

    def _finish(self, entries: list[_Entry]) -> None:
        for entry in entries:
            entry.done = True
        while self._entries and self._entries[0].done:
            self.position = max(self.position, self._entries.popleft().after)
            self._room.release()
        self._moved.ring()
        now = self._clock()
        if now - self._saved >= SAVE_INTERVAL:
            self._saved = now
            self._checkpoint.save(self.position, durable=False)

    async def _bound(self) -> None:
        """Keep the backlog within its bound, where the policy is to drop, and the saved position fresh."""
        saved = self.position
        while True:
            await asyncio.sleep(BOUND_INTERVAL)
            if self.position != saved:
                saved = self.position
                self._checkpoint.save(saved, durable=False)
            if self._config.when_full is WhenFull.DROP_OLDEST:
                self._drop_oldest()

    def _drop_oldest(self) -> None:
        numbers = [each for each in list_segments(self._log.directory) if each >= self.position.segment]
        sizes = {each: segment_path(self._log.directory, each).stat().st_size for each in numbers}
        backlog = sum(sizes.values()) - (self.position.offset if self.position.segment in sizes else 0)
        target = self.position
        for number in numbers[:-1]:
            if backlog <= self._config.max_backlog_bytes:
                break
            backlog -= sizes[number] - (target.offset if number == target.segment else 0)
            following = numbers[numbers.index(number) + 1]
            target = Position(following, FIRST_OFFSET)
        if target > self.position:
            self._drop_until(target)

    def _drop_until(self, target: Position) -> None:
        dropped = items = 0
        undone = {entry.position for entry in self._entries if not entry.done and entry.position < target}
        reader = self._log.reader()
        with contextlib.suppress(RecordGoneError, DamagedRecordError):
            for record in reader.records(self.position):
                if record.position >= target:
                    break
                if record.position in undone or record.position >= self._reading:
                    dropped += 1
                    items += record.items
        reader.close()
        self.counts.dropped_records += dropped
        self.counts.dropped_items += items
        logger.error("%s: its backlog is full; %d items that waited were dropped", self.name, items)
        self._skip = max(self._skip, target)
        for task, batch in list(self._sending.items()):
            if all(entry.position < target for entry in batch.entries):
                task.cancel()
        for batch in [*self._open.values()]:
            if all(entry.position < target for entry in batch.entries):
                del self._open[batch.signal]
        self._finish([entry for entry in self._entries if entry.position < target])
        self.position = max(self.position, target)
