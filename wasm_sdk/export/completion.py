"""The outcome of `force_flush` and `shutdown`, for synchronous and asynchronous callers alike."""

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any

from wasm_sdk import runtime


class Completion:
    """Something that ends well or not. Await it in a coroutine; elsewhere read it as a truth value.

    `bool()` is true once it ended well, false when it failed or is not over yet. Code written for the
    synchronous interface of opentelemetry-sdk (`if not provider.force_flush(): ...`) therefore stays right.
    """

    __slots__ = ("_outcome",)

    def __init__(self, outcome: "bool | asyncio.Task[bool]") -> None:
        self._outcome = outcome

    def done(self) -> bool:
        """Whether the outcome is known."""
        return isinstance(self._outcome, bool) or self._outcome.done()

    def __bool__(self) -> bool:
        outcome = self._outcome
        if isinstance(outcome, bool):
            return outcome
        return outcome.done() and not outcome.cancelled() and outcome.exception() is None and outcome.result()

    def __await__(self) -> Generator[Any, None, bool]:
        if isinstance(self._outcome, bool):
            return self._outcome
        # A caller that gives up does not stop what others may wait for.
        return (yield from asyncio.shield(self._outcome).__await__())

    def __repr__(self) -> str:
        return f"Completion({bool(self) if self.done() else 'pending'})"


_tasks: set[asyncio.Task[bool]] = set()


def complete(
    work: Coroutine[Any, Any, bool], owner: asyncio.AbstractEventLoop | None, timeout: float
) -> Completion:
    """Run `work` from wherever the caller is.

    Inside a running loop it becomes a task and is awaited through the `Completion`. In another thread than
    `owner`, the running loop that the work belongs to, it is handed over there and waited for. Where nothing
    runs, the runtime drives it to its end; where the runtime cannot, it fails at once.

    Args:
        work: What to do; it keeps to its own time limit.
        owner: The loop that holds the state `work` touches, if any.
        timeout: Seconds to wait for another thread's loop.
    """
    running = asyncio._get_running_loop()
    if running is not None:
        task = running.create_task(work)
        _tasks.add(task)
        task.add_done_callback(_tasks.discard)
        return Completion(task)
    if owner is not None and owner.is_running():
        try:
            return Completion(asyncio.run_coroutine_threadsafe(work, owner).result(timeout + 1))
        except TimeoutError:
            return Completion(False)
    if runtime.current.can_wait():
        return Completion(runtime.current.wait(work))
    work.close()
    return Completion(False)
