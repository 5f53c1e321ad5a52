"""Flushing: several processors' outcomes as one, and the flush at the end."""

import asyncio
import logging
import weakref
from collections.abc import Callable, Sequence

from wasm_sdk import runtime
from wasm_sdk.export.completion import Completion

_log = logging.getLogger(__name__)

EXIT_TIMEOUT_MILLIS = 3000
"""What a provider may delay the end of a program by, when its collector does not answer."""


def together(calls: Sequence[Callable[[], Completion | bool | None]]) -> Completion:
    """Make all calls and join what they return; `None` is success, an exception (logged) failure."""
    outcomes = [_outcome(call) for call in calls]
    if all(outcome.done() for outcome in outcomes):
        return Completion(all(outcomes))
    if len(outcomes) == 1:
        return outcomes[0]
    return Completion(asyncio.get_running_loop().create_task(_all(outcomes)))


def _outcome(call: Callable[[], Completion | bool | None]) -> Completion:
    try:
        outcome = call()
    except Exception:  # noqa: BLE001
        # A processor may be anybody's code; the others must still be flushed.
        _log.exception("%r failed", call)
        return Completion(False)
    if isinstance(outcome, Completion):
        return outcome
    return Completion(outcome is None or bool(outcome))


async def _all(outcomes: Sequence[Completion]) -> bool:
    return all([await outcome for outcome in outcomes])


def flush_at_exit(flush: Callable[[int], object]) -> None:
    """Call the method `flush` with a time-out when the program or page goes, if its object still lives."""
    method = weakref.WeakMethod(flush)

    def leave() -> None:
        if (alive := method()) is not None:
            alive(EXIT_TIMEOUT_MILLIS)

    runtime.current.at_exit(leave)
