"""A virtual list: one line a row under fixed heading lines, of which only those on the screen are drawn."""

from dataclasses import dataclass
from textwrap import wrap
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui.paint import Paint
from tui.text import clean


class Rows(ScrollView, can_focus=True):
    """What the lists and the waterfall share: a cursor line, its keys, and scrolling to any length."""

    ALLOW_SELECT = False
    HEADINGS: ClassVar[int] = 1
    NOTHING: ClassVar[str] = "Nothing here."
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False),
        Binding("down,j", "move(1)", "Down", show=False),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False),
        Binding("home", "first", "First line", show=False),
        Binding("end", "last", "Last line", show=False),
        Binding("enter", "choose", "Open"),
    ]

    cursor: reactive[int] = reactive(0)

    @dataclass
    class Chosen(Message):
        """Enter, or a double click, on a row."""

        rows: "Rows"
        row: int

        @property
        def control(self) -> "Rows":
            """The widget, for `@on` selectors."""
            return self.rows

    @dataclass
    class Moved(Message):
        """The cursor went to another row."""

        rows: "Rows"
        row: int

        @property
        def control(self) -> "Rows":
            """The widget, for `@on` selectors."""
            return self.rows

    def __init__(self, paint: Paint, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self.paint = paint
        self.count = 0
        self.placeholder = self.NOTHING

    # ---- what a list says

    def draw_row(self, row: int, width: int) -> list[Segment]:
        """Segments of one row; styles need no background."""
        raise NotImplementedError

    def draw_heading(self, line: int, width: int) -> list[Segment]:
        """Segments of one heading line."""
        raise NotImplementedError

    def press_heading(self, line: int, column: int) -> None:
        """A heading line was clicked at a cell."""

    # ---- the cursor

    def set_count(self, count: int, cursor: int, *, keep_in_place: bool = False) -> None:
        """Show `count` rows with the cursor on one of them.

        Args:
            keep_in_place: the cursor's row stays at its height on the screen.
        """
        before = self.cursor
        if count != self.count:
            self.count = count
            self.virtual_size = Size(1, count + self.HEADINGS)
        cursor = max(0, min(cursor, count - 1))
        if keep_in_place and cursor != before:
            top = self.scroll_offset.y + cursor - before
            self.set_reactive(Rows.cursor, cursor)
            self.scroll_to(y=max(0, top), animate=False, force=True)
            self.post_message(self.Moved(self, cursor))
        else:
            self.cursor = cursor
        self.refresh()

    @property
    def page_rows(self) -> int:
        """How many rows the screen shows at once."""
        return max(1, self.size.height - self.HEADINGS)

    def validate_cursor(self, cursor: int) -> int:
        return max(0, min(cursor, self.count - 1))

    def watch_cursor(self, _before: int, cursor: int) -> None:
        top = self.scroll_offset.y
        if cursor < top:
            self.scroll_to(y=cursor, animate=False, force=True)
        elif cursor >= top + self.page_rows:
            self.scroll_to(y=cursor - self.page_rows + 1, animate=False, force=True)
        self.refresh()
        self.post_message(self.Moved(self, cursor))

    def action_move(self, rows: int) -> None:
        self.cursor += rows

    def action_page(self, pages: int) -> None:
        self.cursor += pages * self.page_rows

    def action_first(self) -> None:
        self.cursor = 0

    def action_last(self) -> None:
        self.cursor = self.count - 1

    def action_choose(self) -> None:
        if self.count:
            self.post_message(self.Chosen(self, self.cursor))

    def on_click(self, event: events.Click) -> None:
        if event.y < self.HEADINGS:
            self.press_heading(event.y, event.x)
            return
        row = event.y - self.HEADINGS + self.scroll_offset.y
        if row < self.count:
            self.cursor = row
            if event.chain == 2:
                self.action_choose()

    # ---- drawing

    def repaint(self, paint: Paint) -> None:
        """Draw with another theme's styles."""
        self.paint = paint
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_content_region.width
        base = self.paint.base
        if y < self.HEADINGS:
            return Strip(self._on(base, self.draw_heading(y, width))).adjust_cell_length(width, base)
        row = y - self.HEADINGS + self.scroll_offset.y
        if row < self.count:
            line = base
            if row == self.cursor:
                line += self.paint.cursor if self.has_focus else self.paint.cursor_blurred
            return Strip(self._on(line, self.draw_row(row, width))).adjust_cell_length(width, line)
        if self.count == 0:
            lines = self._placeholder_lines(width)
            text = lines[y - self.HEADINGS] if y - self.HEADINGS < len(lines) else ""
            return Strip([Segment("  " + text, base + self.paint.muted)]).adjust_cell_length(width, base)
        return Strip.blank(width, base)

    def _placeholder_lines(self, width: int) -> list[str]:
        """What stands where the rows would, wrapped."""
        room = max(10, width - 4)
        return ["", *(line for text in self.placeholder.splitlines() for line in wrap(clean(text), room))]

    @staticmethod
    def _on(line: Style, segments: list[Segment]) -> list[Segment]:
        return [Segment(text, line if style is None else line + style) for text, style, _ in segments]
