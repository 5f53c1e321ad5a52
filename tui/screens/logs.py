"""The log records of one trace."""

from collections.abc import Callable
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.widgets import Footer, Static

from tui.client import AgentError
from tui.desk import Desk
from tui.format import format_value
from tui.logs import LogLine, read_logs
from tui.screens.live import LiveScreen, named
from tui.text import clean
from tui.widgets.log_table import LogTable
from tui.widgets.rows import Rows
from wasm_sdk.otlp import MalformedOTLP


class LogsScreen(LiveScreen):
    """Asks the agent once, and again with r.

    Args:
        show_span: puts the cursor of the waterfall below on the span of a record.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,backspace,l", "app.pop_screen", "Back", key_display="esc"),
        Binding("r", "ask", "Refresh"),
    ]

    def __init__(self, desk: Desk, trace_id: bytes, show_span: Callable[[bytes], None] | None = None) -> None:
        super().__init__(desk)
        self._trace_id = trace_id
        self._show_span = show_span

    def compose(self) -> ComposeResult:
        yield Static(named("Logs of trace", self._trace_id.hex(), "bold"), markup=False, classes="heading")
        yield LogTable(self.desk.paint, self.desk.tz)
        with VerticalScroll(classes="record"):
            yield Static(markup=False, id="record")
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        super().on_mount()
        self.action_ask()

    def show_state(self) -> None:
        """Nothing of this changes by itself."""

    @work(exclusive=True, group="logs")
    async def action_ask(self) -> None:
        table = self.query_one(LogTable)
        try:
            lines = read_logs(await self.desk.session.agent.logs(self._trace_id))
        except (AgentError, MalformedOTLP) as error:
            table.show([], str(error))
        else:
            table.show(lines, "The agent has no log record of this trace.")
        self._describe()

    @on(Rows.Moved)
    def _describe(self) -> None:
        line = self.query_one(LogTable).line
        self.query_one("#record", Static).update(Content("") if line is None else _describe(line))

    @on(Rows.Chosen)
    def _chosen(self) -> None:
        line = self.query_one(LogTable).line
        if line is not None and line.span_id and self._show_span is not None:
            self._show_span(line.span_id)
            self.app.pop_screen()


def _describe(line: LogLine) -> Content:
    body = Content("\n").join(Content(clean(text)) for text in line.body.split("\n"))
    attributes = [
        Content.assemble(
            (clean(item.key), "$accent"), (" = ", "$foreground-muted"), clean(format_value(item.value))
        )
        for item in line.attributes
    ]
    span = [named("span", line.span_id.hex())] if line.span_id else []
    return Content("\n").join([body, *span, *attributes])
