"""What the dashboard knows: the traces, the rates, the connection. Screens read it; nothing here draws."""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import Enum
from itertools import count

from tui.client import Agent, AgentError
from tui.filter import EVERYTHING, Filter
from tui.format import NS_PER_S
from tui.live import Connected, Dropped, LiveEvent, Lost, Spans, backoff, follow
from tui.services import ServiceStats
from tui.spans import LiveSpan, read_spans
from tui.traces import Trace, TraceStore, TraceSummary
from wasm_sdk.otlp import MalformedOTLP

PAUSE_LIMIT = 64 << 20
SEED_LIMIT = 200
SEARCH_LIMIT = 500
GAP_LIMIT = 1000
GAP_OVERLAP_NS = 5 * NS_PER_S
_CHUNK = 256
_LARGE = 1 << 20


class Link(Enum):
    """The state of the connection to the agent."""

    CONNECTING = "connecting"
    LIVE = "live"
    LOST = "lost"


@dataclass
class Connection:
    """The connection as the status line shows it.

    Attributes:
        since_ns: when it got into this state; retry_ns: when the next try is due (local clock).
        ever: it has stood before.
    """

    link: Link = Link.CONNECTING
    since_ns: int = 0
    reason: str = ""
    attempt: int = 0
    retry_ns: int = 0
    ever: bool = False


@dataclass
class Losses:
    """What the dashboard does not have: items the agent dropped for us, spans given up while paused,
    messages not understood.
    """

    by_agent: int = 0
    while_paused: int = 0
    malformed: int = 0


class Session:
    """Keeps following one agent.

    Args:
        clock: nanoseconds since the epoch by this machine.
        wait_for: seconds to wait after failed connection attempt number n.
    """

    def __init__(
        self,
        agent: Agent,
        clock: Callable[[], int] = time.time_ns,
        store: TraceStore | None = None,
        wait_for: Callable[[int], float] = backoff,
    ) -> None:
        self.agent = agent
        self.clock = clock
        self.store = store if store is not None else TraceStore()
        self.stats = ServiceStats()
        self.connection = Connection(since_ns=clock())
        self.losses = Losses()
        self.filter: Filter = EVERYTHING
        self.paused = False
        self.revision = 0
        self._wait_for = wait_for
        self._hurry = asyncio.Event()
        self._complete_until_ns = 0
        self._gap_open = False
        self._held: deque[tuple[bytes, LiveSpan]] = deque()
        self._held_weight = 0
        self._held_summaries: list[TraceSummary] = []
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Follow the live stream until cancelled."""
        async for event in follow(self.agent, self._hurry, self._wait_for):
            await self.handle(event)

    async def handle(self, event: LiveEvent) -> None:
        """Take one event of the live stream."""
        now = self.clock()
        self.revision += 1
        match event:
            case Connected():
                self._fill_gap()
                self.connection = Connection(Link.LIVE, since_ns=now, ever=True)
            case Lost(reason, attempt, wait):
                was = self.connection
                self.connection = Connection(
                    Link.LOST,
                    since_ns=was.since_ns if was.link is Link.LOST else now,
                    reason=reason,
                    attempt=attempt,
                    retry_ns=now + round(wait * NS_PER_S),
                    ever=was.ever,
                )
            case Dropped(items):
                self.losses.by_agent += items
            case Spans(data):
                await self._take(data)

    async def _take(self, data: bytes) -> None:
        """Take spans in pieces, at most half of the time, so that keys stay answered during a flood."""
        now = self.clock()
        if not self._gap_open:
            self._complete_until_ns = now
        try:
            spans = await _read(data, now)
        except MalformedOTLP:
            self.losses.malformed += 1
            return
        for first in range(0, len(spans), _CHUNK):
            began = time.perf_counter()
            self._accept(spans[first : first + _CHUNK], now)
            await asyncio.sleep(time.perf_counter() - began)

    def _accept(self, spans: Sequence[tuple[bytes, LiveSpan]], now: int) -> None:
        self.stats.add((span for _, span in spans), now)
        self.revision += 1
        if self.paused:
            self._hold(spans)
            return
        new = self.store.add(spans, now)
        self.stats.add_traces(new, (span.duration for _, span in spans if not span.parent_id), now)

    # ---- pausing

    def pause(self) -> None:
        """Hold back what arrives from now on."""
        self.paused = True
        self.revision += 1

    def resume(self) -> None:
        """Let in what was held back."""
        self.paused = False
        self.store.add(self._held, self.clock())
        self.store.add_stored(self._held_summaries)
        self._held.clear()
        self._held_summaries.clear()
        self._held_weight = 0
        self.revision += 1

    @property
    def held_spans(self) -> int:
        """Spans held back while paused."""
        return len(self._held)

    @property
    def held_traces(self) -> int:
        """Traces held back while paused that are not in the list yet."""
        ids = {trace_id for trace_id, _ in self._held} | {
            summary.trace_id for summary in self._held_summaries
        }
        return sum(1 for trace_id in ids if self.store.get(trace_id) is None)

    def _hold(self, spans: Iterable[tuple[bytes, LiveSpan]]) -> None:
        for item in spans:
            self._held.append(item)
            self._held_weight += item[1].weight
        while self._held_weight > PAUSE_LIMIT:
            self._held_weight -= self._held.popleft()[1].weight
            self.losses.while_paused += 1

    # ---- asking the agent

    def _fill_gap(self) -> None:
        """Ask for what was stored while there was no connection; at the start, for the most recent traces."""
        if self._complete_until_ns:
            query = [("start", str(self._complete_until_ns - GAP_OVERLAP_NS)), ("limit", str(GAP_LIMIT))]
        else:
            query = [("since", "15m"), ("limit", str(SEED_LIMIT))]
        task = asyncio.create_task(self._fetch_summaries(query))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _fetch_summaries(self, query: Sequence[tuple[str, str]]) -> None:
        """Ask until there is an answer, or the connection is lost and the next one asks again."""
        self._gap_open = True
        for attempt in count(1):
            try:
                summaries = await self.agent.traces(query)
                break
            except AgentError:
                await asyncio.sleep(self._wait_for(attempt))
                if self.connection.link is not Link.LIVE:
                    return
        self._gap_open = False
        self._complete_until_ns = self.clock()
        if self.paused:
            self._held_summaries.extend(summaries)
        else:
            self.store.add_stored(summaries)
        self.revision += 1

    def retry_now(self) -> None:
        """Do not wait for the next connection attempt."""
        self._hurry.set()

    async def search(self, wanted: Filter) -> int:
        """Ask the agent for stored traces that may meet a filter; returns how many of those it named do.

        Raises:
            AgentError: it could not be asked.
        """
        named: set[bytes] = set()
        for query in wanted.queries:
            summaries = await self.agent.traces([*query, ("since", "24h"), ("limit", str(SEARCH_LIMIT))])
            self.store.add_stored(summaries, query)
            named.update(summary.trace_id for summary in summaries)
        self.revision += 1
        found = [trace for trace in map(self.store.get, named) if trace is not None]
        return sum(1 for trace in found if wanted.matches(trace))

    async def fetch(self, trace_id: bytes) -> Trace:
        """All that the agent has of a trace, merged with what is here.

        Raises:
            AgentError: it could not be asked, or does not have it.
        """
        data = await self.agent.trace(trace_id)
        try:
            spans = [item for item in await _read(data, None) if item[0] == trace_id]
        except MalformedOTLP as error:
            raise AgentError(f"the agent's answer is not OTLP: {error}") from None
        known = self.store.get(trace_id)
        now = self.clock() if known is None else known.arrived_ns
        self.store.add(spans, now)
        self.revision += 1
        trace = self.store.get(trace_id)
        if trace is None:
            raise AgentError(f"the agent's answer has no span of trace {trace_id.hex()}")
        return trace

    async def refresh_services(self) -> None:
        """Ask for the stored totals of every service.

        Raises:
            AgentError: it could not be asked.
        """
        self.stats.set_stored(await self.agent.services())
        self.revision += 1

    async def close(self) -> None:
        """Stop asking."""
        for task in list(self._tasks):
            task.cancel()
        await self.agent.close()


async def _read(data: bytes, arrived_ns: int | None) -> list[tuple[bytes, LiveSpan]]:
    """The spans of an export; a large one is read beside the event loop, so that keys stay answered.

    Raises:
        MalformedOTLP: when it is none.
    """
    if len(data) < _LARGE:
        return list(read_spans(data, arrived_ns))
    return await asyncio.to_thread(lambda: list(read_spans(data, arrived_ns)))
