"""The top line: the connection, the rates, and what is held back or missing."""

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip
from textual.widget import Widget

from tui.bars import sparkline
from tui.format import NS_PER_S, counted, format_count, format_duration
from tui.paint import Paint
from tui.services import DurationCounts
from tui.session import Link, Session
from tui.text import clean, fit

_RECENT_S = 10


class StatusBar(Widget):
    """One line, the most important things first; what does not fit is left out."""

    def __init__(self, session: Session, paint: Paint, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._session = session
        self.paint = paint
        self.note = ""

    def repaint(self, paint: Paint) -> None:
        """Draw with another theme's styles."""
        self.paint = paint
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        left, right = self._state(), self._rates()
        parts = [Segment(" ")]
        room = width - 1
        for segment in (*left, *right):
            if segment.cell_length > room:
                if segment is left[0]:
                    parts.append(Segment(fit(segment.text, room), segment.style))
                break
            parts.append(segment)
            room -= segment.cell_length
        if len(parts) == 1 + len(left) + len(right):
            parts.insert(1 + len(left), Segment(" " * room))
        base = self.paint.base
        on = [Segment(text, base if style is None else base + style) for text, style, _ in parts]
        return Strip(on).adjust_cell_length(width, base)

    def _state(self) -> list[Segment]:
        paint, session = self.paint, self._session
        connection = session.connection
        host = session.agent.url.split("://", 1)[-1]
        segments: list[Segment] = []
        if session.paused:
            held = f"{counted(session.held_traces, 'trace')}, {counted(session.held_spans, 'span')}"
            segments.append(Segment(f"■ paused, {held} waiting ", paint.warning + Style(bold=True)))
        match connection.link:
            case Link.LIVE:
                segments.append(Segment(f"● live {host} ", paint.success))
            case Link.CONNECTING:
                segments.append(Segment(f"○ connecting to {host} ", paint.muted))
            case Link.LOST:
                wait = max(0, connection.retry_ns - session.clock())
                seconds = -(-wait // NS_PER_S)
                when = f"again in {seconds} s" if seconds else "trying now"
                text = f"○ no agent at {host}, {when} (r: now) "
                segments.append(Segment(text, paint.error))
        if self.note:
            segments.append(Segment(clean(self.note) + " ", paint.accent))
        losses = session.losses
        for count, what in (
            (losses.by_agent, "dropped by the agent"),
            (losses.while_paused, "let go while paused"),
            (losses.malformed, "messages not understood"),
        ):
            if count:
                segments.append(Segment(f"▲ {format_count(count)} {what} ", paint.warning))
        if connection.link is Link.LOST:
            segments.append(Segment(f"({clean(connection.reason)}) ", paint.muted))
        return segments

    def _rates(self) -> list[Segment]:
        """Traces and median duration of the last minute as sparklines."""
        session, paint = self._session, self.paint
        now = session.clock()
        window = session.stats.everything
        series = window.series(now)
        durations = DurationCounts()
        medians = [0.0] * len(series)
        for second in window.seconds(now):
            durations.merge(second.durations)
            age = now // NS_PER_S - second.at
            if 0 < age <= len(medians):
                medians[-age] = float(second.durations.percentile(0.5) or 0)
        rate = sum(series[-_RECENT_S:]) / _RECENT_S
        p50, p95 = durations.percentile(0.5), durations.percentile(0.95)
        return [
            Segment(sparkline(series, 16), paint.primary),
            Segment(f" {rate:.1f}/s  " if rate < 100 else f" {rate:.0f}/s  ", paint.text),
            Segment(sparkline(medians, 16), paint.accent),
            Segment(f" p50 {format_duration(p50 or 0)} ", paint.text),
            Segment(f"p95 {format_duration(p95 or 0)} ", paint.muted),
        ]
