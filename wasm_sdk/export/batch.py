"""A bounded queue that a task on the event loop empties in batches: no thread, and no loop needed to fill it.

Source: OpenTelemetry specification, trace SDK, "Batching processor" (the log record processor is the same).
"""

import asyncio
import logging
import os
import sys
import weakref
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import Context
from typing import Any, Generic, TypeVar

from wasm_sdk.export.completion import Completion, complete

T = TypeVar("T")

_log = logging.getLogger(__name__)
_running_loop = asyncio._get_running_loop
_IDLE = object()  # equals no loop, and not the absence of one


class Batcher(Generic[T]):
    """Collects items from any thread and hands them to `export` in batches, one batch at a time.

    The first item that arrives while an event loop runs arms a timer there; before that, and between two
    loops, items just wait. A batch that is cut off because its loop ended goes back to the head of the queue.

    Args:
        export: Takes a batch; true when it was delivered. What it raises counts as a failure and is logged.
        max_queue_size: Items held at most, those being exported not counted; later ones are dropped and
            counted.
        max_export_batch_size: Items a batch holds at most, and the number that starts an export at once.
        schedule_delay: Seconds from the first waiting item to its export.
        export_timeout: Seconds that one batch may take.
        what: The items' name in log messages.

    Raises:
        ValueError: A size or a time is not positive, or a batch is larger than the queue.
    """

    def __init__(
        self,
        export: Callable[[list[T]], Awaitable[bool]],
        *,
        max_queue_size: int = 2048,
        max_export_batch_size: int = 512,
        schedule_delay: float = 5.0,
        export_timeout: float = 30.0,
        what: str = "items",
    ) -> None:
        if not 0 < max_export_batch_size <= max_queue_size:
            raise ValueError(
                f"max_export_batch_size ({max_export_batch_size}) must lie between 1 and max_queue_size "
                f"({max_queue_size})"
            )
        if schedule_delay < 0 or export_timeout <= 0:
            raise ValueError("schedule_delay must not be negative and export_timeout must be positive")
        self.exported = 0
        """Items delivered."""
        self.dropped = 0
        """Items that found the queue full, or came after shutdown."""
        self.failed = 0
        """Items of batches that could not be delivered."""
        self._export = export
        self._room = max_queue_size
        self._batch_size = max_export_batch_size
        self._delay = schedule_delay
        self._export_timeout = export_timeout
        self._what = what
        self._items: list[T] = []
        self._wake_at = max_export_batch_size
        # Where the timer or the export runs; where the last one ran; what `add` compares the running loop
        # with.
        self._loop: asyncio.AbstractEventLoop | None = None
        self._home: asyncio.AbstractEventLoop | None = None
        self._expected: object = None
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[bool] | None = None
        self._closed = False
        _batchers.add(self)

    def add(self, item: T) -> None:
        """Queue an item, or drop and count it when there is no room."""
        items = self._items
        if len(items) >= self._room:
            self._drop()
            return
        items.append(item)
        # Usually the timer runs on the loop that runs here: nothing to do until a batch is full.
        if _running_loop() is not self._expected or len(items) >= self._wake_at:
            self._wake()

    def __len__(self) -> int:
        """Items that wait."""
        return len(self._items)

    def force_flush(self, timeout: float = 30.0) -> Completion:
        """Export what waits now, within `timeout` seconds; true if all of it was delivered."""
        return complete(self._flush(timeout), self._loop, timeout)

    def shutdown(self, timeout: float = 30.0) -> Completion:
        """Take nothing more and flush; what then still waits is dropped."""
        if self._closed:
            return Completion(True)
        self._closed = True
        self._room = 0
        return complete(self._close(timeout), self._loop, timeout)

    def forget(self) -> None:
        """Drop what waits without counting it: a forked child must not send its parent's items again."""
        self._items.clear()
        self._disarm()

    def _drop(self) -> None:
        if self.dropped == 0 and not self._closed:
            _log.warning(
                "The queue of %s is full (%d): dropping. No event loop ran to export them, or the collector "
                "is slow. Raise the queue's size, or call force_flush() in programs without a loop.",
                self._what,
                self._room,
            )
        self.dropped += 1

    def _wake(self) -> None:
        running, armed = _running_loop(), self._loop
        if armed is not None and armed is not running:
            if armed.is_running():
                if len(self._items) >= self._wake_at:
                    self._wake_at = sys.maxsize
                    self._call(armed, self._begin)
                return
            if running is None and not armed.is_closed():
                return
            self._disarm()  # a loop that ended has taken its timer with it
        if running is None:
            self._wake_home()
            return
        if self._loop is None:
            self._arm(running)
        if len(self._items) >= self._wake_at:
            self._begin()

    def _wake_home(self) -> None:
        """In a thread without a loop: have the loop that exported before take up the timer again."""
        home = self._home
        self._expected = None  # items of such threads need not come here again until then
        if home is not None and home.is_running():
            self._call(home, self._wake)

    @staticmethod
    def _call(loop: asyncio.AbstractEventLoop, callback: Callable[[], object]) -> None:
        """Have another thread's loop call `callback`; if it closes this very moment, the items wait for the
        next.
        """
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(callback, context=Context())

    def _arm(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = self._home = self._expected = loop
        self._wake_at = self._batch_size
        # An empty context: the export is no part of the request whose span happened to come first.
        self._timer = loop.call_later(self._delay, self._begin, context=Context())

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._task = self._loop = None
        self._expected = _IDLE
        self._wake_at = self._batch_size

    def _begin(self) -> asyncio.Task[bool]:
        """Start exporting on the running loop what waits now."""
        loop = asyncio.get_running_loop()
        if self._task is not None and self._loop is loop and not self._task.done():
            return self._task
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._loop = self._home = self._expected = loop
        self._wake_at = sys.maxsize
        self._task = Context().run(loop.create_task, self._run())
        return self._task

    async def _run(self) -> bool:
        waiting = len(self._items)
        delivered = True
        try:
            while waiting > 0 or len(self._items) >= self._batch_size:
                batch = self._items[: self._batch_size]
                if not batch:
                    break
                del self._items[: len(batch)]
                waiting -= len(batch)
                delivered &= await self._deliver(batch)
        finally:
            self._disarm()
        if self._items and not self._closed:
            self._arm(asyncio.get_running_loop())
        return delivered

    async def _deliver(self, batch: list[T]) -> bool:
        try:
            async with asyncio.timeout(self._export_timeout):
                delivered = await self._export(batch)
        except asyncio.CancelledError:
            self._items[:0] = batch
            raise
        except TimeoutError:
            _log.warning(
                "Exporting %d %s took longer than %.3g s", len(batch), self._what, self._export_timeout
            )
            delivered = False
        except Exception:  # noqa: BLE001
            # An exporter may be anybody's code; the batches after this one must not suffer from it.
            _log.exception("Exporting %d %s failed", len(batch), self._what)
            delivered = False
        if delivered:
            self.exported += len(batch)
        else:
            self.failed += len(batch)
        return delivered

    async def _flush(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                delivered = True
                if self._task is not None and self._loop is asyncio.get_running_loop():
                    delivered = await asyncio.shield(self._task)
                if self._items:
                    delivered &= await asyncio.shield(self._begin())
                return delivered
        except TimeoutError:
            return False

    async def _close(self, seconds: float) -> bool:
        delivered = await self._flush(seconds)
        self._disarm()
        self.dropped += len(self._items)
        delivered &= not self._items
        self._items.clear()
        return delivered


_batchers: "weakref.WeakSet[Batcher[Any]]" = weakref.WeakSet()


def _forget_all() -> None:
    for batcher in _batchers:
        batcher.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
