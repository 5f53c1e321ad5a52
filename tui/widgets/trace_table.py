"""The list of traces."""

from dataclasses import dataclass
from datetime import tzinfo
from typing import ClassVar

from rich.segment import Segment
from textual.binding import Binding, BindingType
from textual.message import Message

from tui.bars import duration_fraction, meter
from tui.format import format_count, format_duration, format_time
from tui.listing import Column, Order
from tui.paint import Paint
from tui.text import clean, fit, fit_right
from tui.traces import Trace, TraceSummary
from tui.widgets.rows import Rows

_GAP = 1
_METER = 8
_DOTS = 6
_WIDE, _MEDIUM = 100, 70


@dataclass(frozen=True, slots=True)
class _Cell:
    """A column of the table at the present width; `column` is what its heading sorts by."""

    kind: str
    width: int
    heading: str = ""
    column: Column | None = None
    right: bool = False


def _layout(width: int) -> list[_Cell]:
    """The columns that fit, the name taking what is left."""
    cells = [_Cell("time", 12 if width >= _MEDIUM else 8, "Time", Column.TIME)]
    service = max(8, min(20, width // 6))
    cells.append(_Cell("service", service, "Service", Column.SERVICE))
    tail = [_Cell("duration", 10, "Duration", Column.DURATION, right=True)]
    if width >= _MEDIUM:
        tail.insert(0, _Cell("meter", _METER))
        tail.append(_Cell("spans", 6, "Spans", Column.SPANS, right=True))
        tail.append(_Cell("status", 11 if width >= _WIDE else 8, "Status", Column.STATUS))
    else:
        tail.append(_Cell("mark", 2, "", Column.STATUS))
    if width >= _WIDE:
        tail.insert(0, _Cell("dots", _DOTS + 1))
    used = sum(cell.width + _GAP for cell in (*cells, *tail))
    name = _Cell("name", max(4, width - used), "Name", Column.NAME)
    return [*cells, name, *tail]


class TraceTable(Rows):
    """One line a trace; the cursor stays on its trace while others come and go."""

    NOTHING = "No trace yet. Spans appear here as the agent receives them."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("s", "sort_next", "Sort", tooltip="Sort by the next column"),
        Binding("S", "sort_turn", "Turn the sorting round", show=False),
        *(
            Binding(str(number), f"sort({number - 1})", f"Sort by {column.value.lower()}", show=False)
            for number, column in enumerate(Column, 1)
        ),
        Binding("e", "next_error(1)", "Next error", show=False),
        Binding("E", "next_error(-1)", "Previous error", show=False),
    ]

    @dataclass
    class OrderChanged(Message):
        """The list shall be sorted another way."""

        order: Order

    def __init__(self, paint: Paint, tz: tzinfo | None, *, id: str | None = None) -> None:
        super().__init__(paint, id=id)
        self._tz = tz
        self._traces: list[Trace] = []
        self.order = Order()
        self.follow = True

    @property
    def trace(self) -> Trace | None:
        """The trace under the cursor."""
        return self._traces[self.cursor] if self._traces else None

    def show(self, traces: list[Trace]) -> None:
        """Show these, in this order."""
        current = self.trace
        self._traces = traces
        top = self.follow and self.order.newest_first
        if top or current is None:
            self.set_count(len(traces), 0 if top else self.cursor)
            return
        row = next((row for row, trace in enumerate(traces) if trace.trace_id == current.trace_id), None)
        if row is None:
            self.set_count(len(traces), self.cursor)
        else:
            self.set_count(len(traces), row, keep_in_place=True)

    def row_of(self, trace_id: bytes) -> int | None:
        """The row that shows a trace."""
        return next((row for row, trace in enumerate(self._traces) if trace.trace_id == trace_id), None)

    def go_to_time(self, unix_ns: int) -> None:
        """Put the cursor on the trace that started closest to a moment."""
        if self._traces:
            self.cursor = min(
                range(len(self._traces)),
                key=lambda row: abs(self._traces[row].summary.start - unix_ns),
            )

    def action_sort_next(self) -> None:
        columns = list(Column)
        self._sort(Order().by(columns[(columns.index(self.order.column) + 1) % len(columns)]))

    def action_sort_turn(self) -> None:
        self._sort(self.order.by(self.order.column))

    def action_sort(self, number: int) -> None:
        self._sort(self.order.by(list(Column)[number]))

    def _sort(self, order: Order) -> None:
        self.order = order
        self.post_message(self.OrderChanged(order))

    def action_next_error(self, step: int) -> None:
        rows = range(self.cursor + 1, self.count) if step > 0 else range(self.cursor - 1, -1, -1)
        found = next((row for row in rows if self._traces[row].summary.error_count), None)
        if found is None:
            self.app.bell()
        else:
            self.cursor = found

    def press_heading(self, line: int, column: int) -> None:
        left = 0
        for cell in _layout(self.scrollable_content_region.width):
            if cell.column is not None and left <= column < left + cell.width + _GAP:
                self._sort(self.order.by(cell.column))
                return
            left += cell.width + _GAP

    # ---- drawing

    def draw_heading(self, line: int, width: int) -> list[Segment]:
        segments = []
        for cell in _layout(width):
            text = cell.heading
            style = self.paint.heading
            if cell.column is self.order.column:
                text = (text + " " if text else "") + ("▼" if self.order.descending else "▲")
                style = self.paint.accent
            text = fit_right(text, cell.width) if cell.right else fit(text, cell.width)
            segments.append(Segment(text + " " * _GAP, style))
        return segments

    def draw_row(self, row: int, width: int) -> list[Segment]:
        trace = self._traces[row]
        summary = trace.summary
        segments: list[Segment] = []
        for cell in _layout(width):
            segments += self._draw_cell(cell, trace, summary)
            segments.append(Segment(" " * _GAP))
        return segments

    def _draw_cell(self, cell: _Cell, trace: Trace, summary: TraceSummary) -> list[Segment]:
        paint = self.paint
        match cell.kind:
            case "time":
                ahead = trace.clock_ahead_ns > 0
                text = format_time(summary.start, self._tz)[: cell.width]
                return [Segment(fit(text, cell.width), paint.warning if ahead else paint.muted)]
            case "service":
                return [
                    Segment(fit(clean(summary.root_service), cell.width), paint.service(summary.root_service))
                ]
            case "name":
                name = clean(summary.root_name) or "(no name)"
                if summary.complete:
                    return [Segment(fit(name, cell.width), paint.text)]
                return [Segment("⋯ ", paint.warning), Segment(fit(name, cell.width - 2), paint.muted)]
            case "dots":
                shown = summary.services[:_DOTS]
                more = "+" if len(summary.services) > _DOTS else ""
                dots = [Segment("●", paint.service(name)) for name in shown]
                return [*dots, Segment(fit(more, cell.width - len(shown)), paint.muted)]
            case "meter":
                colour = paint.error if summary.error_count else paint.primary
                return [Segment(meter(duration_fraction(summary.duration), cell.width), colour)]
            case "duration":
                return [Segment(fit_right(format_duration(summary.duration), cell.width), paint.text)]
            case "spans":
                return [Segment(fit_right(format_count(summary.span_count), cell.width), paint.muted)]
            case _:
                return [self._draw_status(summary, cell.width)]

    def _draw_status(self, summary: TraceSummary, width: int) -> Segment:
        if not summary.error_count:
            return Segment(fit("ok" if width > 2 else "", width), self.paint.success)
        text = "✗"
        if width > 2:
            text += f" {format_count(summary.error_count)}"
        if width > 8:
            text += " error" if summary.error_count == 1 else " errors"
        return Segment(fit(text, width), self.paint.error)
