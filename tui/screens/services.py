"""Services: rate, errors and durations of the last minute."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Footer, Static

from tui.client import AgentError
from tui.desk import Desk
from tui.format import NS_PER_S, format_count, format_duration
from tui.screens.live import LiveScreen, named
from tui.widgets.rows import Rows
from tui.widgets.service_table import ServiceTable
from tui.widgets.status_bar import StatusBar

_ASK_S = 5.0


class ServicesScreen(LiveScreen):
    """Enter filters the traces by the service under the cursor.

    Args:
        filter_by: sets the trace list's filter.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,backspace,v", "app.pop_screen", "Back", key_display="esc"),
        Binding("r", "ask", "Refresh", tooltip="Ask the agent for the stored totals now"),
    ]

    def __init__(self, desk: Desk, filter_by: Callable[[str], None]) -> None:
        super().__init__(desk)
        self._filter_by = filter_by

    def compose(self) -> ComposeResult:
        yield StatusBar(self.desk.session, self.desk.paint)
        yield Static("", markup=False, classes="heading")
        yield ServiceTable(self.desk.paint)
        yield Footer(compact=True, show_command_palette=False)

    def on_mount(self) -> None:
        super().on_mount()
        self.set_interval(1.0, self.show_state)
        self.set_interval(_ASK_S, self._ask)
        self._ask()

    def show_state(self) -> None:
        session = self.desk.session
        self.query_one(ServiceTable).show(session.stats.summaries(session.clock()))

    def action_ask(self) -> None:
        self._ask(aloud=True)

    @work(exclusive=True, group="services")
    async def _ask(self, aloud: bool = False) -> None:
        session = self.desk.session
        try:
            await session.refresh_services()
            self.query_one(".heading", Static).update(agent_line(await session.agent.status()))
        except AgentError as error:
            if aloud:
                self.say(str(error), wrong=True)

    @on(Rows.Chosen)
    def _chosen(self) -> None:
        service = self.query_one(ServiceTable).service
        if service is not None:
            name = service.name.replace("\\", "\\\\").replace('"', '\\"')
            quoted = (
                f'"{name}"' if not name.replace("-", "").replace("_", "").replace(".", "").isalnum() else name
            )
            self._filter_by(f"service={quoted}")
            self.app.pop_screen()


def agent_line(status: Mapping[str, Any]) -> Content:
    """The agent's version and uptime, what it took in, what it refused, and its last trouble, out of
    `/api/v1/status`.
    """
    ingest, store = _part(status, "ingest"), _part(status, "store")
    items, refused = _part(ingest, "items"), _part(ingest, "refused")
    pieces = [named("agent", str(status.get("version", "?")))]
    if isinstance(uptime := status.get("uptime_s"), int | float):
        pieces.append(named("up", format_duration(round(uptime) * NS_PER_S)))
    pieces += [
        named(signal, format_count(count)) for signal, count in items.items() if isinstance(count, int)
    ]
    turned_away = sum(count for count in refused.values() if isinstance(count, int))
    if turned_away:
        pieces.append(named("requests refused", format_count(turned_away), "$warning"))
    if rejected := ingest.get("rejected_items"):
        pieces.append(named("items rejected", str(rejected), "$warning"))
    for part in (_part(status, "intake"), store):
        if part.get("last_error"):
            pieces.append(named("trouble", str(part["last_error"]), "$error"))
    return Content("").join(pieces)


def _part(status: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    part = status.get(key)
    return part if isinstance(part, Mapping) else {}
