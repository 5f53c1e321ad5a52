"""The spans of one trace as a tree with bars on a common time axis."""

from collections.abc import Callable, Iterable
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType

from tui.bars import Tone, axis_ticks, span_bar
from tui.format import format_duration
from tui.paint import Paint
from tui.spans import LiveSpan
from tui.text import clean, fit, fit_right
from tui.traces import Trace
from tui.waterfall import Node, Waterfall, lay_out
from tui.widgets.rows import Rows

_DURATION = 8
_MOST_LEVELS = 10


class WaterfallView(Rows):
    """A row a span; subtrees fold, the axis zooms to a span."""

    NOTHING = "No span of this trace is here yet."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("right,plus", "unfold", "Unfold", show=False),
        Binding("left,minus", "fold", "Fold, or go to the parent", show=False),
        Binding("space", "fold_or_unfold", "Fold", tooltip="Fold or unfold the subtree"),
        Binding("asterisk", "unfold_all", "Unfold everything", show=False),
        Binding("z", "zoom", "Zoom", tooltip="Stretch the time axis over this span"),
        Binding("Z", "zoom_out", "Show the whole time axis", show=False),
        Binding("p", "parent", "Go to the parent", show=False),
        Binding("e", "next_error(1)", "Next error"),
        Binding("E", "next_error(-1)", "Previous error", show=False),
        Binding("m", "next_critical", "Critical", tooltip="Next span on the critical path"),
    ]

    def __init__(self, paint: Paint, *, id: str | None = None) -> None:
        super().__init__(paint, id=id)
        self.waterfall = Waterfall([], 0, 0)
        self.matches: frozenset[bytes] = frozenset()
        self._rows: list[int] = []
        self._collapsed: set[bytes] = set()
        self._late: set[bytes] = set()
        self._window: tuple[int, int] | None = None

    # ---- what is shown

    def show(self, trace: Trace) -> None:
        """Lay out the spans that the trace has now; the cursor stays on its span."""
        node = self.node
        self.waterfall = lay_out(trace.spans.values())
        self._late = {span.span_id for span in trace.spans.values() if trace.is_late(span)}
        self._arrange(node.span_id if node is not None else None)

    @property
    def node(self) -> Node | None:
        """The node under the cursor."""
        return self.waterfall.nodes[self._rows[self.cursor]] if self._rows else None

    @property
    def window(self) -> tuple[int, int]:
        """Start and end of the time axis, nanoseconds since the epoch."""
        return self._window or (self.waterfall.start, self.waterfall.end)

    def set_matches(self, span_ids: Iterable[bytes]) -> None:
        """Underline the spans that a search found."""
        self.matches = frozenset(span_ids)
        self.refresh()

    def reveal(self, index: int) -> None:
        """Put the cursor on a node, unfolding what hides it."""
        for ancestor in self.waterfall.ancestors(index):
            self._collapsed.discard(ancestor.span_id)
        self._arrange(self.waterfall.nodes[index].span_id)

    def _arrange(self, span_id: bytes | None) -> None:
        self._rows = self.waterfall.visible(self._collapsed)
        nodes = self.waterfall.nodes
        cursor = next((row for row, index in enumerate(self._rows) if nodes[index].span_id == span_id), None)
        self.set_count(
            len(self._rows), self.cursor if cursor is None else cursor, keep_in_place=cursor is not None
        )

    # ---- keys

    def action_fold(self) -> None:
        node = self.node
        if node is not None and node.size > 1 and node.span_id not in self._collapsed:
            self.action_fold_or_unfold()
        else:
            self.action_parent()

    def action_unfold(self) -> None:
        node = self.node
        if node is not None and node.span_id in self._collapsed:
            self.action_fold_or_unfold()

    def action_fold_or_unfold(self) -> None:
        node = self.node
        if node is not None and node.size > 1:
            self._collapsed ^= {node.span_id}
            self._arrange(node.span_id)

    def action_unfold_all(self) -> None:
        node = self.node
        self._collapsed.clear()
        self._arrange(node.span_id if node is not None else None)

    def action_zoom(self) -> None:
        node = self.node
        if node is not None:
            self._window = (node.start, max(node.end, node.start + 1))
            self.refresh()

    def action_zoom_out(self) -> None:
        self._window = None
        self.refresh()

    def action_parent(self) -> None:
        node = self.node
        if node is not None and node.parent >= 0:
            self.reveal(node.parent)

    def action_next_error(self, step: int) -> None:
        self._go(step, lambda node: node.span is not None and node.span.error)

    def action_next_critical(self) -> None:
        self._go(1, lambda node: bool(node.critical))

    def next_match(self, step: int) -> None:
        """Go to the next (1) or previous (-1) span that the search found."""
        self._go(step, lambda node: node.span_id in self.matches)

    def _go(self, step: int, wanted: Callable[[Node], bool]) -> None:
        """Go to the next node in the tree's order that is wanted, round the end if need be."""
        node = self.node
        if node is None:
            return
        count = len(self.waterfall.nodes)
        for distance in range(1, count + 1):
            index = (node.index + step * distance) % count
            if wanted(self.waterfall.nodes[index]):
                self.reveal(index)
                return
        self.app.bell()

    # ---- drawing

    def _columns(self, width: int) -> tuple[int, int]:
        """Widths of the tree and of the bars."""
        bars = max(0, width - _DURATION - 1)
        tree = min(60, max(20, bars // 2))
        return (width - _DURATION - 1, 0) if bars - tree < 8 else (tree, bars - tree)

    def draw_heading(self, line: int, width: int) -> list[Segment]:
        tree, bars = self._columns(width)
        start, end = self.window
        axis = [" "] * bars
        offset = start - self.waterfall.start
        for column, tick in axis_ticks(end - start, bars):
            label = format_duration(offset + tick)
            if column + len(label) <= bars:
                axis[column : column + len(label)] = label
        zoomed = "  (zoomed, Z: whole)" if self._window else ""
        return [
            Segment(fit(f"Service and span{zoomed}", tree), self.paint.heading),
            Segment("".join(axis), self.paint.muted),
            Segment(fit_right("Duration", _DURATION + 1), self.paint.heading),
        ]

    def draw_row(self, row: int, width: int) -> list[Segment]:
        node = self.waterfall.nodes[self._rows[row]]
        tree, bars = self._columns(width)
        style = self._bar_styles(node)
        bar = [
            Segment(text, style[tone])
            for text, tone in span_bar((node.start, node.end), node.critical, self.window, bars)
        ]
        duration = format_duration(node.end - node.start)
        return [*self._label(node, tree), *bar, Segment(fit_right(duration, _DURATION + 1), self.paint.text)]

    def _bar_styles(self, node: Node) -> dict[Tone, Style]:
        if node.span is None:
            return dict.fromkeys(Tone, self.paint.faint)
        return {
            Tone.NONE: self.paint.faint,
            Tone.DIM: self.paint.service_dim(node.span.service),
            Tone.VIVID: self.paint.service(node.span.service),
        }

    def _label(self, node: Node, width: int) -> list[Segment]:
        paint = self.paint
        guides = self.waterfall.guides(node.index, max(1, min(_MOST_LEVELS, width // 5)))
        fold = ("▸ " if node.span_id in self._collapsed else "▾ ") if node.size > 1 else ""
        segments = [Segment(guides, paint.faint), Segment(fold, paint.muted)]
        room = width - 1 - sum(len(segment.text) for segment in segments)
        if node.span is None:
            segments.append(
                Segment(
                    fit(f"? missing parent {node.span_id.hex()}", room), paint.warning + Style(italic=True)
                )
            )
        else:
            for mark, style in self._marks(node, node.span):
                segments.append(Segment(mark + " ", style))
                room -= 2
            segments += self._title(node, node.span, room)
        segments.append(Segment(" "))
        used = sum(segment.cell_length for segment in segments)
        segments.append(Segment(" " * max(0, width - used)))
        return segments

    def _marks(self, node: Node, span: LiveSpan) -> Iterable[tuple[str, Style]]:
        if span.error:
            yield "✗", self.paint.error
        if node.skew:
            yield "↯", self.paint.warning
        if node.circular:
            yield "↻", self.paint.warning
        if span.span_id in self._late:
            yield "◷", self.paint.warning

    def _title(self, node: Node, span: LiveSpan, room: int) -> list[Segment]:
        """Service and name; the service is left out where the parent's line already says it."""
        paint = self.paint
        parent = self.waterfall.nodes[node.parent].span if node.parent >= 0 else None
        found = paint.match if span.span_id in self.matches else Style.null()
        folded = f" +{node.size - 1}" if node.span_id in self._collapsed else ""
        name = (clean(span.name) or "(no name)") + folded
        if parent is not None and parent.service == span.service:
            return [
                Segment(fit("▎", 1), paint.service(span.service)),
                Segment(fit(name, room - 1), paint.text + found),
            ]
        service = clean(span.service)
        service = fit(service, min(len(service), max(6, room // 2)))
        service_segment = Segment(service + " ", paint.service(span.service) + Style(bold=True))
        return [service_segment, Segment(fit(name, room - service_segment.cell_length), paint.text + found)]
