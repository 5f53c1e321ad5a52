"""What screens that show live data share."""

from typing import ClassVar

from textual.content import Content
from textual.screen import Screen

from tui.desk import Desk
from tui.ids import traceparent
from tui.spans import LiveSpan
from tui.text import clean
from tui.widgets.rows import Rows
from tui.widgets.status_bar import StatusBar

TICK_S = 0.2


class LiveScreen(Screen[None]):
    """Looks five times a second whether there is something new, and only while it is the one that shows."""

    AUTO_FOCUS: ClassVar[str | None] = "Rows"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012 - as Screen declares it

    def __init__(self, desk: Desk) -> None:
        super().__init__()
        self.desk = desk
        self._seen = -1

    def on_mount(self) -> None:
        self.set_interval(TICK_S, self._tick)

    def on_screen_resume(self) -> None:
        self.look()

    def _tick(self) -> None:
        if not self.is_current:
            return
        for bar in self.query(StatusBar):
            bar.refresh()
        if self._seen != self.desk.session.revision:
            self.look()

    def look(self) -> None:
        """Show the present state."""
        self._seen = self.desk.session.revision
        self.show_state()

    def show_state(self) -> None:
        """Bring the screen's widgets up to date."""
        raise NotImplementedError

    def repaint(self) -> None:
        """Draw with the present theme."""
        for rows in self.query(Rows):
            rows.repaint(self.desk.paint)
        for bar in self.query(StatusBar):
            bar.repaint(self.desk.paint)

    def say(self, text: str, *, wrong: bool = False) -> None:
        """Tell the person something in passing."""
        self.app.notify(clean(text), severity="error" if wrong else "information", markup=False)

    def copy(self, text: str, what: str) -> None:
        """Put text on the clipboard, and show it, as not every terminal lets a program do that."""
        self.app.copy_to_clipboard(text)
        self.say(f"Copied the {what}: {text}")

    def copy_traceparent(self, trace_id: bytes, span: LiveSpan) -> None:
        """Copy the header that continues a trace below a span; what was exported was sampled."""
        self.copy(traceparent(trace_id, span.span_id, span.slice.flags & 0xFF or 1), "traceparent")


def named(label: str, value: str, style: str = "") -> Content:
    """A label and its value."""
    return Content.assemble((label + " ", "$foreground-muted"), (clean(value), style), "  ")
