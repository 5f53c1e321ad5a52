"""Following the live stream for as long as the dashboard runs, whatever happens to the agent."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from tui.client import Agent, AgentError

FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 10.0


@dataclass(frozen=True, slots=True)
class Connected:
    """The live stream stands."""


@dataclass(frozen=True, slots=True)
class Spans:
    """An encoded ExportTraceServiceRequest."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Dropped:
    """So many items did not come because this side was too slow."""

    items: int


@dataclass(frozen=True, slots=True)
class Lost:
    """The stream ended or could not be opened; the next try is in `wait` seconds."""

    reason: str
    attempt: int
    wait: float


LiveEvent = Connected | Spans | Dropped | Lost


def backoff(attempt: int) -> float:
    """Seconds before try number `attempt` (from 1) is repeated: half a second, doubled each time, ten
    at most.
    """
    return min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** min(attempt - 1, 10))


async def follow(
    agent: Agent, hurry: asyncio.Event, wait_for: Callable[[int], float] = backoff
) -> AsyncIterator[LiveEvent]:
    """What the live stream says, without end.

    Args:
        hurry: set by whoever does not want to wait for the next try; cleared here.
        wait_for: seconds to wait after try number n.
    """
    attempt = 0
    while True:
        try:
            async for message in agent.live():
                if message == b"":
                    attempt = 0
                    yield Connected()
                elif isinstance(message, bytes):
                    yield Spans(message)
                elif (items := _dropped(message)) > 0:
                    yield Dropped(items)
        except AgentError as error:
            attempt += 1
            wait = wait_for(attempt)
            yield Lost(str(error), attempt, wait)
            await _pause(hurry, wait)


async def _pause(hurry: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await hurry.wait()
    except TimeoutError:
        return
    finally:
        hurry.clear()


def _dropped(message: str) -> int:
    try:
        body = json.loads(message)
        return int(body["items"]) if body.get("type") == "dropped" else 0
    except (ValueError, TypeError, KeyError, AttributeError):
        return 0
