"""Assembling traces out of live spans: in any order, late, twice, or without their root."""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field

from tui.spans import LiveSpan

CLOCK_AHEAD_NS = 2_000_000_000
LATE_NS = 10_000_000_000


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """One line about a trace, made from its spans here or by the agent's query API.

    Attributes:
        complete: a root span is there; otherwise the names are those of the earliest span that is.
        start: nanoseconds since the epoch; duration: nanoseconds from the first start to the last end.
    """

    trace_id: bytes
    root_name: str
    root_service: str
    services: tuple[str, ...]
    start: int
    duration: int
    span_count: int
    error_count: int
    complete: bool = True

    @property
    def end(self) -> int:
        """Nanoseconds since the epoch."""
        return self.start + self.duration


class Trace:
    """The spans of one trace that are known here, and what the agent said about the trace as a whole.

    Attributes:
        arrived_ns: when the first of it was seen here (by the local clock).
        revision: changes whenever anything about the trace does.
        overflow: spans not kept because the trace had reached its limit.
        vouched: query parameters (name, value) that the agent found to hold for this trace.
    """

    def __init__(self, trace_id: bytes, arrived_ns: int) -> None:
        self.trace_id = trace_id
        self.arrived_ns = arrived_ns
        self.spans: dict[bytes, LiveSpan] = {}
        self.stored: TraceSummary | None = None
        self.revision = 0
        self.overflow = 0
        self.weight = 0
        self.vouched: set[tuple[str, str]] = set()
        self._summary: TraceSummary | None = None

    def add(self, span: LiveSpan, max_spans: int) -> bool:
        """Take one span; True when it is a new one.

        A span id that comes twice is kept once: the copy that ends last, then the longer one, so the order of
            arrival does not
        matter.
        """
        known = self.spans.get(span.span_id)
        if known is None and len(self.spans) >= max_spans:
            self.overflow += 1
            self._touch()
            return False
        if known is not None and _precedence(known) >= _precedence(span):
            return False
        self.spans[span.span_id] = span
        self.weight += span.weight - (known.weight if known is not None else 0)
        self._touch()
        return known is None

    def vouch(self, summary: TraceSummary) -> None:
        """Take what the agent says about the whole trace."""
        self.stored = summary
        self._touch()

    def _touch(self) -> None:
        self.revision += 1
        self._summary = None

    @property
    def summary(self) -> TraceSummary:
        """The line about this trace: the agent's when it knows of more spans than there are here."""
        if self._summary is None:
            stored = self.stored
            self._summary = (
                stored
                if stored is not None and stored.span_count > len(self.spans)
                else summarise(self.trace_id, self.spans.values())
            )
        return self._summary

    @property
    def clock_ahead_ns(self) -> int:
        """How far the trace's first clock runs ahead of this machine's, when it is surely more than
        the network's delay; else 0.
        """
        ahead = self.summary.start - self.arrived_ns
        return ahead if ahead > CLOCK_AHEAD_NS else 0

    @property
    def late_spans(self) -> int:
        """Spans that came more than ten seconds after the trace was first seen."""
        return sum(1 for span in self.spans.values() if self.is_late(span))

    def is_late(self, span: LiveSpan) -> bool:
        """Whether the span came more than ten seconds after the trace was first seen."""
        return span.arrived_ns is not None and span.arrived_ns - self.arrived_ns > LATE_NS


def _precedence(span: LiveSpan) -> tuple[int, int, bytes]:
    return span.end, len(span.slice.span), span.slice.span


def summarise(trace_id: bytes, spans: Iterable[LiveSpan]) -> TraceSummary:
    """One line about these spans; which order they are in makes no difference.

    The root is the earliest span without a parent, else the earliest whose parent is not there. Spans without
    a start time do not
    stretch the trace.
    """
    known = {span.span_id: span for span in spans}
    root = min(
        known.values(),
        key=lambda span: (bool(span.parent_id), span.parent_id in known, span.start, span.span_id),
        default=None,
    )
    timed = [span for span in known.values() if span.start > 0]
    start = min((span.start for span in timed), default=0)
    services: dict[str, int] = {}
    for span in known.values():
        services[span.service] = min(services.get(span.service, span.start), span.start)
    return TraceSummary(
        trace_id=trace_id,
        root_name=root.name if root is not None else "",
        root_service=root.service if root is not None else "",
        services=tuple(sorted(services, key=lambda name: (services[name], name))),
        start=start,
        duration=max((span.end for span in timed), default=0) - start,
        span_count=len(known),
        error_count=sum(1 for span in known.values() if span.error),
        complete=root is not None and not root.parent_id,
    )


@dataclass
class TraceStore:
    """The newest traces, within bounds: the one that has not changed for longest goes first.

    Attributes:
        max_weight: bytes of memory that all spans together may take, roughly.
        pinned: a trace that stays whatever happens (the one that is open).
        evicted: traces given up so far.
    """

    max_traces: int = 5_000
    max_spans_per_trace: int = 50_000
    max_weight: int = 128 << 20
    pinned: bytes | None = None
    evicted: int = 0
    revision: int = 0
    _traces: OrderedDict[bytes, Trace] = field(default_factory=OrderedDict)
    _weight: int = 0

    def __len__(self) -> int:
        return len(self._traces)

    def get(self, trace_id: bytes) -> Trace | None:
        """The trace with this id, if it is here."""
        return self._traces.get(trace_id)

    def traces(self) -> list[Trace]:
        """All traces, the one that changed last at the end."""
        return list(self._traces.values())

    def add(self, spans: Iterable[tuple[bytes, LiveSpan]], now_ns: int) -> int:
        """Take spans with their trace ids; returns how many traces were not known before."""
        new = 0
        for trace_id, span in spans:
            trace = self._traces.get(trace_id)
            if trace is None:
                trace = self._traces[trace_id] = Trace(trace_id, now_ns)
                new += 1
            before = trace.weight
            trace.add(span, self.max_spans_per_trace)
            self._weight += trace.weight - before
            self._traces.move_to_end(trace_id)
            self.revision += 1
        self._evict()
        return new

    def add_stored(self, summaries: Iterable[TraceSummary], vouched: Iterable[tuple[str, str]] = ()) -> int:
        """Take what the query API says; returns how many traces were not known before.

        Args:
            vouched: the query parameters that the agent was asked with.
        """
        conditions = frozenset(vouched)
        new = 0
        for summary in sorted(summaries, key=lambda summary: summary.end):
            trace = self._traces.get(summary.trace_id)
            if trace is None:
                trace = self._traces[summary.trace_id] = Trace(summary.trace_id, summary.end)
                new += 1
            trace.vouch(summary)
            trace.vouched |= conditions
            self.revision += 1
        self._evict()
        return new

    def clear(self) -> None:
        """Forget everything but the pinned trace."""
        kept = self._traces.get(self.pinned) if self.pinned is not None else None
        self._traces.clear()
        self._weight = 0
        if kept is not None:
            self._traces[kept.trace_id] = kept
            self._weight = kept.weight
        self.revision += 1

    def _evict(self) -> None:
        while len(self._traces) > self.max_traces or self._weight > self.max_weight:
            victim = next((key for key in self._traces if key != self.pinned), None)
            if victim is None:
                return
            self._weight -= self._traces.pop(victim).weight
            self.evicted += 1
            self.revision += 1
