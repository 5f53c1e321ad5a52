"""The first screen: traces as they arrive."""

from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Footer

from tui.client import AgentError
from tui.desk import Desk
from tui.filter import Filter
from tui.format import counted
from tui.ids import parse_trace_id
from tui.listing import Listing
from tui.moment import parse_moment
from tui.screens.live import LiveScreen
from tui.screens.logs import LogsScreen
from tui.screens.prompt import Prompt
from tui.screens.services import ServicesScreen
from tui.screens.trace import TraceScreen
from tui.session import Link
from tui.widgets.filter_bar import FilterBar
from tui.widgets.rows import Rows
from tui.widgets.status_bar import StatusBar
from tui.widgets.trace_table import TraceTable


class TracesScreen(LiveScreen):
    """Lists, filters, pauses, follows."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash,f", "filter", "Filter", key_display="/"),
        Binding("escape", "clear_filter", "Clear the filter", show=False),
        Binding("space", "pause", "Pause"),
        Binding("F", "follow", "Follow", tooltip="Stay on the newest trace"),
        Binding("v", "services", "Services"),
        Binding("l", "logs", "Logs", tooltip="Log records of the trace"),
        Binding("o", "open_by_id", "Open id", tooltip="Open a trace by its id or traceparent"),
        Binding("g", "jump", "Jump", tooltip="Go to the trace of a moment"),
        Binding("c", "copy_id", "Copy id", tooltip="Copy the trace id"),
        Binding("C", "copy_traceparent", "Copy the traceparent", show=False),
        Binding("r", "retry", "Connect again now", show=False),
        Binding("x", "clear", "Empty the list", show=False),
    ]

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._listing = Listing()

    def compose(self) -> ComposeResult:
        desk = self.desk
        yield StatusBar(desk.session, desk.paint)
        yield FilterBar()
        yield TraceTable(desk.paint, desk.tz)
        yield Footer(compact=True, show_command_palette=False)

    @property
    def table(self) -> TraceTable:
        """The list."""
        return self.query_one(TraceTable)

    def show_state(self) -> None:
        store, table = self.desk.session.store, self.table
        shown = self._listing.apply(store.traces())
        table.placeholder = self._nothing(len(store))
        table.show(shown)
        bar = self.query_one(StatusBar)
        hidden = f" of {len(store)}" if len(shown) != len(store) else ""
        following = ", following" if table.follow and table.order.newest_first else ""
        bar.note = f"{len(shown)}{hidden} trace{'' if len(store) == 1 else 's'}{following}"
        bar.refresh()

    def _nothing(self, known: int) -> str:
        session = self.desk.session
        if known:
            return (
                "No trace here meets the filter.\n"
                "Enter in the filter asks the agent for stored ones; Escape clears the filter."
            )
        if session.connection.link is Link.LOST:
            return (
                f"{session.connection.reason}\n"
                "Start one with “spanweave agent”, or give the URL of its API: spanweave tui URL.\n"
                "This keeps trying; r tries now."
            )
        return TraceTable.NOTHING

    # ---- filter and order

    @on(FilterBar.Changed)
    def _filter_changed(self, event: FilterBar.Changed) -> None:
        self._listing.set_filter(event.filter)
        self.show_state()
        if event.asked:
            self._ask(event.filter)

    @on(FilterBar.Left)
    def _filter_left(self) -> None:
        self.table.focus()

    @on(TraceTable.OrderChanged)
    def _order_changed(self, event: TraceTable.OrderChanged) -> None:
        self._listing.order = event.order
        self.show_state()

    @work(exclusive=True, group="search")
    async def _ask(self, wanted: Filter) -> None:
        try:
            found = await self.desk.session.search(wanted)
        except AgentError as error:
            self.say(f"Only what is here is filtered: {error}", wrong=True)
        else:
            self.say(f"Stored in the last day and meeting the filter: {counted(found, 'trace')}.")

    def filter_by(self, text: str) -> None:
        """As if `text` had been typed into the filter."""
        self.query_one(FilterBar).set_text(text)

    # ---- keys

    def action_filter(self) -> None:
        self.query_one(FilterBar).start_typing()

    def action_clear_filter(self) -> None:
        self.filter_by("")

    def action_pause(self) -> None:
        session = self.desk.session
        if session.paused:
            session.resume()
        else:
            session.pause()
        self.look()

    def action_follow(self) -> None:
        self.table.follow = not self.table.follow
        self.show_state()

    def action_services(self) -> None:
        self.app.push_screen(ServicesScreen(self.desk, self.filter_by))

    def action_logs(self) -> None:
        trace = self.table.trace
        if trace is not None:
            self.app.push_screen(LogsScreen(self.desk, trace.trace_id))

    def action_open_by_id(self) -> None:
        prompt = Prompt("Open trace", "trace id, or traceparent", parse_trace_id)
        self.app.push_screen(prompt, self._open)

    def action_jump(self) -> None:
        now, tz = self.desk.session.clock(), self.desk.tz
        prompt = Prompt("Jump to", "14:05, 14:05:09, or 5m ago", lambda text: parse_moment(text, now, tz))
        self.app.push_screen(prompt, self._jump)

    def _jump(self, moment: int | None) -> None:
        if moment is not None:
            self.table.follow = False
            self.table.go_to_time(moment)

    def action_copy_id(self) -> None:
        trace = self.table.trace
        if trace is not None:
            self.copy(trace.trace_id.hex(), "trace id")

    def action_copy_traceparent(self) -> None:
        trace = self.table.trace
        if trace is None:
            return
        span = min(trace.spans.values(), key=lambda span: (bool(span.parent_id), span.start), default=None)
        if span is None:
            self.say("Its spans are not here yet: open it first.", wrong=True)
        else:
            self.copy_traceparent(trace.trace_id, span)

    def action_retry(self) -> None:
        self.desk.session.retry_now()

    def action_clear(self) -> None:
        self.desk.session.store.clear()
        self.look()

    # ---- opening

    @on(Rows.Chosen)
    def _chosen(self) -> None:
        trace = self.table.trace
        if trace is not None:
            self._open(trace.trace_id)

    @on(Rows.Moved)
    def _moved(self, event: Rows.Moved) -> None:
        if event.row and self.table.follow:
            self.table.follow = False
            self.show_state()

    def _open(self, trace_id: bytes | None) -> None:
        if trace_id is not None:
            self.app.push_screen(TraceScreen(self.desk, trace_id))
