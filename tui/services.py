"""Rate, errors and duration percentiles of every service over the last minute, out of the live spans."""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from math import log2

from tui.format import NS_PER_S
from tui.spans import LiveSpan
from wasm_sdk.otlp import SpanKind

WINDOW_S = 60
_PER_OCTAVE = 8
_ENTRY_KINDS = (SpanKind.SERVER, SpanKind.CONSUMER)


class DurationCounts:
    """How many durations fell in which bucket; buckets grow by 2^(1/8), so a percentile is at most 4.5
    % off.
    """

    __slots__ = ("count", "counts")

    def __init__(self) -> None:
        self.counts: dict[int, int] = {}
        self.count = 0

    def add(self, ns: int) -> None:
        """Count one duration in nanoseconds."""
        bucket = int(log2(ns) * _PER_OCTAVE) if ns > 0 else -1
        self.counts[bucket] = self.counts.get(bucket, 0) + 1
        self.count += 1

    def merge(self, other: "DurationCounts") -> None:
        """Add what `other` counted."""
        for bucket, count in other.counts.items():
            self.counts[bucket] = self.counts.get(bucket, 0) + count
        self.count += other.count

    def percentile(self, fraction: float) -> int | None:
        """The duration in nanoseconds that `fraction` of the counted ones do not exceed; None when
        there are none.
        """
        if not self.count:
            return None
        rank = fraction * self.count
        seen = 0
        for bucket in sorted(self.counts):
            seen += self.counts[bucket]
            if seen >= rank:
                break
        return round(2 ** ((bucket + 0.5) / _PER_OCTAVE)) if bucket >= 0 else 0


class Second:
    """What happened within one second of the local clock."""

    __slots__ = ("at", "durations", "errors", "requests", "spans")

    def __init__(self, at: int) -> None:
        self.at = at
        self.spans = 0
        self.requests = 0
        self.errors = 0
        self.durations = DurationCounts()


class Window:
    """The last sixty seconds, one `Second` for each in which something happened."""

    __slots__ = ("_seconds",)

    def __init__(self) -> None:
        self._seconds: deque[Second] = deque()

    def now(self, now_ns: int) -> Second:
        """The current second."""
        at = now_ns // NS_PER_S
        if not self._seconds or self._seconds[-1].at < at:
            self._seconds.append(Second(at))
            self._forget(at)
        return self._seconds[-1]

    def _forget(self, at: int) -> None:
        while self._seconds and self._seconds[0].at <= at - WINDOW_S:
            self._seconds.popleft()

    def series(self, now_ns: int) -> list[int]:
        """Requests in each of the last sixty whole seconds, the newest last."""
        at = now_ns // NS_PER_S
        values = [0] * WINDOW_S
        for second in self._seconds:
            age = at - second.at
            if 0 < age <= WINDOW_S:
                values[WINDOW_S - age] = second.requests
        return values

    def seconds(self, now_ns: int) -> list[Second]:
        """The seconds of the window that had anything in them."""
        self._forget(now_ns // NS_PER_S)
        return list(self._seconds)


@dataclass(frozen=True, slots=True)
class ServiceSummary:
    """A service's last minute, and what the agent has stored of it.

    Attributes:
        rate: requests a second; error_rate: the share of requests that failed (0 to 1); p50, p95:
            nanoseconds.
        series: requests in each of the last sixty seconds.
        stored_spans, stored_errors: spans in the agent's store, None before it was asked.
    """

    name: str
    rate: float
    error_rate: float
    p50: int | None
    p95: int | None
    series: list[int]
    spans: int
    stored_spans: int | None = None
    stored_errors: int | None = None


class ServiceStats:
    """Counts requests of every service. A request is a server or consumer span, or one without a parent.

    Args:
        max_services: a further service is not counted, so made-up names cannot fill the memory.
    """

    def __init__(self, max_services: int = 500) -> None:
        self._windows: dict[str, Window] = {}
        self._stored: dict[str, tuple[int, int]] = {}
        self._max = max_services
        self.everything = Window()

    def add(self, spans: Iterable[LiveSpan], now_ns: int) -> None:
        """Count live spans as having happened now."""
        for span in spans:
            window = self._windows.get(span.service)
            if window is None:
                if len(self._windows) >= self._max:
                    continue
                window = self._windows[span.service] = Window()
            second = window.now(now_ns)
            second.spans += 1
            if span.slice.kind in _ENTRY_KINDS or not span.parent_id:
                second.requests += 1
                second.errors += span.error
                second.durations.add(span.duration)

    def add_traces(self, count: int, durations: Iterable[int], now_ns: int) -> None:
        """Count new traces, and durations of root spans in nanoseconds, over all services."""
        second = self.everything.now(now_ns)
        second.requests += count
        for ns in durations:
            second.durations.add(ns)

    def set_stored(self, totals: dict[str, tuple[int, int]]) -> None:
        """Take spans and errors in the agent's store by service."""
        self._stored = dict(list(totals.items())[: self._max])

    def summaries(self, now_ns: int) -> list[ServiceSummary]:
        """Every service that is known, in alphabetical order."""
        result = []
        for name in sorted(self._windows.keys() | self._stored.keys()):
            window = self._windows.get(name) or Window()
            seconds = window.seconds(now_ns)
            requests = sum(second.requests for second in seconds)
            errors = sum(second.errors for second in seconds)
            durations = DurationCounts()
            for second in seconds:
                durations.merge(second.durations)
            stored = self._stored.get(name)
            result.append(
                ServiceSummary(
                    name=name,
                    rate=requests / WINDOW_S,
                    error_rate=errors / requests if requests else 0.0,
                    p50=durations.percentile(0.5),
                    p95=durations.percentile(0.95),
                    series=window.series(now_ns),
                    spans=sum(second.spans for second in seconds),
                    stored_spans=stored[0] if stored else None,
                    stored_errors=stored[1] if stored else None,
                )
            )
        return result
