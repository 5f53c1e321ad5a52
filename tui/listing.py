"""Which traces the list shows and in which order."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from tui.filter import EVERYTHING, Filter
from tui.traces import Trace


class Column(Enum):
    """What the list can be sorted by; the value is the heading."""

    TIME = "Time"
    SERVICE = "Service"
    NAME = "Name"
    DURATION = "Duration"
    SPANS = "Spans"
    STATUS = "Status"


_KEYS: dict[Column, Callable[[Trace], Any]] = {
    Column.TIME: lambda trace: min(trace.summary.start or trace.arrived_ns, trace.arrived_ns),
    Column.SERVICE: lambda trace: trace.summary.root_service,
    Column.NAME: lambda trace: trace.summary.root_name,
    Column.DURATION: lambda trace: trace.summary.duration,
    Column.SPANS: lambda trace: trace.summary.span_count,
    Column.STATUS: lambda trace: trace.summary.error_count,
}


@dataclass
class Order:
    """A column and a direction. Numbers and times start with the largest, text with A."""

    column: Column = Column.TIME
    descending: bool = True

    def by(self, column: Column) -> "Order":
        """Sorted by `column`; turned round when it already is."""
        if column is self.column:
            return Order(column, not self.descending)
        return Order(column, column not in (Column.SERVICE, Column.NAME))

    @property
    def newest_first(self) -> bool:
        """What arrives appears at the top."""
        return self.column is Column.TIME and self.descending

    def key(self, trace: Trace) -> tuple[Any, ...]:
        """What traces are compared by; ties are broken by arrival, then by id."""
        return _KEYS[self.column](trace), trace.arrived_ns, trace.trace_id


class Listing:
    """Filters and sorts, judging a trace again only when it has changed."""

    def __init__(self) -> None:
        self.filter: Filter = EVERYTHING
        self.order = Order()
        self._verdicts: dict[bytes, tuple[Trace, int, bool]] = {}

    def set_filter(self, wanted: Filter) -> None:
        """Show only what meets `wanted`."""
        self.filter = wanted
        self._verdicts.clear()

    def apply(self, traces: Iterable[Trace]) -> list[Trace]:
        """The traces to show, in order."""
        shown = []
        verdicts: dict[bytes, tuple[Trace, int, bool]] = {}
        for trace in traces:
            known = self._verdicts.get(trace.trace_id)
            if known is None or known[0] is not trace or known[1] != trace.revision:
                known = (trace, trace.revision, self.filter.matches(trace))
            verdicts[trace.trace_id] = known
            if known[2]:
                shown.append(trace)
        self._verdicts = verdicts
        shown.sort(key=self.order.key, reverse=self.order.descending)
        return shown
