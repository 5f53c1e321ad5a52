"""The log records of a trace."""

from datetime import tzinfo

from rich.segment import Segment

from tui.format import format_time
from tui.logs import LogLine, Weight
from tui.paint import Paint
from tui.text import clean, fit
from tui.widgets.rows import Rows

_TIME, _SEVERITY = 12, 6


class LogTable(Rows):
    """One line a record."""

    NOTHING = "Asking the agent…"

    def __init__(self, paint: Paint, tz: tzinfo | None, *, id: str | None = None) -> None:
        super().__init__(paint, id=id)
        self._tz = tz
        self.lines: list[LogLine] = []

    @property
    def line(self) -> LogLine | None:
        """The record under the cursor."""
        return self.lines[self.cursor] if self.lines else None

    def show(self, lines: list[LogLine], nothing: str) -> None:
        """Show these, or say why there are none."""
        self.lines = lines
        self.placeholder = nothing
        self.set_count(len(lines), self.cursor)

    def draw_heading(self, line: int, width: int) -> list[Segment]:
        service = self._service_width(width)
        text = f"{fit('Time', _TIME)} {fit('Level', _SEVERITY)} {fit('Service', service)} Message"
        return [Segment(fit(text, width), self.paint.heading)]

    @staticmethod
    def _service_width(width: int) -> int:
        return max(8, min(18, width // 6))

    def draw_row(self, row: int, width: int) -> list[Segment]:
        paint, line = self.paint, self.lines[row]
        service = self._service_width(width)
        level = {
            Weight.QUIET: paint.faint,
            Weight.NORMAL: paint.muted,
            Weight.WARNING: paint.warning,
            Weight.ERROR: paint.error,
        }[line.weight]
        body = clean(line.body) or "(no body)"
        return [
            Segment(fit(format_time(line.time, self._tz), _TIME) + " ", paint.muted),
            Segment(fit(clean(line.severity), _SEVERITY) + " ", level),
            Segment(fit(clean(line.service), service) + " ", paint.service(line.service)),
            Segment(fit(body, max(1, width - _TIME - _SEVERITY - service - 3)), paint.text),
        ]
