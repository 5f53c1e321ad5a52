"""One trace as a waterfall, with the details of a span beside it."""

from time import monotonic
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.content import Content
from textual.widgets import Footer, Static

from tui.client import AgentError
from tui.desk import Desk
from tui.filter import text_matcher
from tui.format import counted, format_date, format_duration
from tui.screens.live import LiveScreen, named
from tui.screens.logs import LogsScreen
from tui.text import clean
from tui.traces import Trace
from tui.waterfall import Waterfall
from tui.widgets.detail import Detail
from tui.widgets.rows import Rows
from tui.widgets.search_bar import SearchBar
from tui.widgets.waterfall_view import WaterfallView


class TraceScreen(LiveScreen):
    """Shows what is here at once, and asks the agent for the rest."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,backspace", "back", "Back", key_display="esc"),
        Binding("slash,f", "search", "Search", key_display="/"),
        Binding("n", "next_match(1)", "Next match", show=False),
        Binding("N", "next_match(-1)", "Previous match", show=False),
        Binding("d", "toggle_detail", "Details", tooltip="Show or hide the details"),
        Binding("l", "logs", "Logs", tooltip="Log records of this trace"),
        Binding("c", "copy_id", "Copy id", tooltip="Copy the trace id"),
        Binding("C", "copy_traceparent", "Copy the traceparent of this span", show=False),
        Binding("r", "ask", "Refresh", tooltip="Ask the agent for the whole trace again"),
    ]

    def __init__(self, desk: Desk, trace_id: bytes) -> None:
        super().__init__(desk)
        self._trace_id = trace_id
        self._shown = -1
        self._trouble = ""
        self._asking = False
        self._not_before = 0.0

    def compose(self) -> ComposeResult:
        yield Static(markup=False, classes="heading", id="summary")
        with Container(id="panes"):
            yield WaterfallView(self.desk.paint)
            yield Detail(self.desk.tz)
        yield SearchBar()
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        super().on_mount()
        self.desk.session.store.pinned = self._trace_id
        self.action_ask()

    def on_unmount(self) -> None:
        self.desk.session.store.pinned = None

    @property
    def view(self) -> WaterfallView:
        """The waterfall."""
        return self.query_one(WaterfallView)

    @property
    def trace(self) -> Trace | None:
        """The trace, if any of it is here."""
        return self.desk.session.store.get(self._trace_id)

    def show_state(self) -> None:
        trace = self.trace
        if trace is None:
            self.view.placeholder = self._trouble or "Asking the agent…"
            self.view.refresh()
            self.query_one("#summary", Static).update(named("trace", self._trace_id.hex()))
            return
        if trace.revision != self._shown and not self._lay_out(trace):
            self._seen = -1
        self.query_one("#summary", Static).update(self._summary(trace, self.view.waterfall))

    def _lay_out(self, trace: Trace) -> bool:
        """Lay out the spans anew, at most a fifth of the time: a huge trace that grows must not
        take the keys.
        """
        began = monotonic()
        if began < self._not_before:
            return False
        self._shown = trace.revision
        self.view.show(trace)
        self._describe()
        self._not_before = monotonic() + 4 * (monotonic() - began)
        return True

    def _summary(self, trace: Trace, waterfall: Waterfall) -> Content:
        summary = trace.summary
        errors = counted(summary.error_count, "error")
        first = [
            Content.styled((clean(summary.root_name) or "(no name)") + "  ", "bold"),
            Content(format_duration(summary.duration) + "  "),
            Content.styled(counted(summary.span_count, "span") + "  ", "$foreground-muted"),
            Content.styled(errors + "  ", "$error") if summary.error_count else Content(""),
            *(Content.styled(f"● {clean(name)}  ", f"{self._colour(name)}") for name in summary.services[:8]),
        ]
        second = [
            named("trace", trace.trace_id.hex()),
            named("started", format_date(summary.start, self.desk.tz, precise=False)),
            *(Content.styled(text + "  ", "$warning") for text in self._oddities(trace, waterfall)),
        ]
        return Content("\n").join([Content("").join(first), Content("").join(second)])

    def _colour(self, service: str) -> str:
        colour = self.desk.paint.service(service).color
        return colour.name if colour is not None else ""

    def _oddities(self, trace: Trace, waterfall: Waterfall) -> list[str]:
        """What is odd about the trace as a whole."""
        skewed = [node.skew for node in waterfall.nodes if node.skew]
        missing = sum(1 for node in waterfall.nodes if node.span is None)
        late = trace.late_spans
        said = []
        if self._trouble:
            said.append(self._trouble)
        elif self._asking:
            said.append("asking the agent…")
        if skewed:
            spans = counted(len(skewed), "span")
            said.append(f"↯ {spans} up to {format_duration(max(skewed))} before the parent")
        if trace.clock_ahead_ns:
            said.append(
                f"↯ starts {format_duration(trace.clock_ahead_ns)} in the future by this machine's clock"
            )
        if missing:
            said.append("? " + counted(missing, "missing parent"))
        if late:
            said.append(f"◷ {late} late")
        if trace.overflow:
            said.append(f"{counted(trace.overflow, 'span')} over the limit not kept")
        return said

    # ---- the agent

    @work(exclusive=True, group="fetch")
    async def action_ask(self) -> None:
        self._asking = True
        try:
            await self.desk.session.fetch(self._trace_id)
            self._trouble = ""
        except AgentError as error:
            self._trouble = str(error) if self.trace is None else f"only what arrived live: {error}"
        finally:
            self._asking = False
        self.show_state()

    # ---- keys

    @on(Rows.Moved)
    def _describe(self) -> None:
        trace = self.trace
        if trace is not None:
            self.query_one(Detail).show(trace, self.view.waterfall, self.view.node)

    @on(Rows.Chosen)
    def _chosen(self) -> None:
        detail = self.query_one(Detail)
        detail.display = True
        detail.focus()

    def action_back(self) -> None:
        detail = self.query_one(Detail)
        if detail.has_focus:
            self.view.focus()
        else:
            self.dismiss()

    def action_toggle_detail(self) -> None:
        detail = self.query_one(Detail)
        detail.display = not detail.display
        self.view.focus()

    def action_logs(self) -> None:
        self.app.push_screen(LogsScreen(self.desk, self._trace_id, self._show_span))

    def _show_span(self, span_id: bytes) -> None:
        node = next((node for node in self.view.waterfall.nodes if node.span_id == span_id), None)
        if node is not None:
            self.view.reveal(node.index)

    def action_copy_id(self) -> None:
        self.copy(self._trace_id.hex(), "trace id")

    def action_copy_traceparent(self) -> None:
        node = self.view.node
        if node is not None and node.span is not None:
            self.copy_traceparent(self._trace_id, node.span)

    # ---- search

    def action_search(self) -> None:
        self.query_one(SearchBar).start_typing()

    def action_next_match(self, step: int) -> None:
        self.view.next_match(step)

    @on(SearchBar.Changed)
    def _searched(self, event: SearchBar.Changed) -> None:
        trace, view = self.trace, self.view
        if trace is None or not event.text:
            view.set_matches(())
            self.query_one(SearchBar).say("")
            return
        found = text_matcher(event.text)
        view.set_matches(span.span_id for span in trace.spans.values() if found(span))
        count = len(view.matches)
        self.query_one(SearchBar).say(f"{count} of {len(trace.spans)}, n: next" if count else "nothing found")
        node = view.node
        if count and (node is None or node.span_id not in view.matches):
            view.next_match(1)

    @on(SearchBar.Left)
    def _search_left(self) -> None:
        self.view.focus()
