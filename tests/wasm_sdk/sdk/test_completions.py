"""Flushing together, and at the end."""

import asyncio
import gc

from wasm_sdk import runtime
from wasm_sdk.export import Completion
from wasm_sdk.sdk.completions import EXIT_TIMEOUT_MILLIS, flush_at_exit, together


async def soon(outcome: bool) -> bool:
    await asyncio.sleep(0)
    return outcome


async def test_outcomes_that_are_pending_are_joined():
    loop = asyncio.get_running_loop()
    both = together([lambda: Completion(loop.create_task(soon(True))), lambda: None])
    assert not both.done() and await both
    either = together([lambda: Completion(loop.create_task(soon(True))), lambda: False])
    assert not await either
    assert together([])


class Provider:
    def __init__(self, flushed: list[int]) -> None:
        self._flushed = flushed

    def force_flush(self, timeout_millis: int) -> None:
        self._flushed.append(timeout_millis)


def test_the_flush_at_the_end_has_little_time_and_holds_nothing(monkeypatch):
    leaving, flushed = [], []
    monkeypatch.setattr(runtime.current, "at_exit", leaving.append)
    provider = Provider(flushed)
    flush_at_exit(provider.force_flush)
    leaving[0]()
    assert flushed == [EXIT_TIMEOUT_MILLIS]
    del provider
    gc.collect()
    leaving[0]()
    assert flushed == [EXIT_TIMEOUT_MILLIS]
