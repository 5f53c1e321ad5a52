"""The detail pane: everything the span under the cursor says."""

from datetime import tzinfo

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Static

from tui.describe import describe
from tui.traces import Trace
from tui.waterfall import Node, Waterfall


class Detail(VerticalScroll, can_focus=True):
    """Scrolls; shows one span at a time."""

    BORDER_TITLE = "Span"

    def __init__(self, tz: tzinfo | None, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._tz = tz
        self._shown: tuple[bytes, int] | None = None

    def compose(self) -> ComposeResult:
        yield Static(markup=False)

    def show(self, trace: Trace, waterfall: Waterfall, node: Node | None) -> None:
        """Describe the span of a node."""
        key = (node.span_id, trace.revision) if node is not None else None
        if key == self._shown:
            return
        moved = key is None or self._shown is None or key[0] != self._shown[0]
        self._shown = key
        self.query_one(Static).update(
            Content("") if node is None else describe(trace, waterfall, node, self._tz)
        )
        if moved:
            self.scroll_home(animate=False)
