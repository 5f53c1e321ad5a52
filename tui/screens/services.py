"""Services: rate, errors and durations of the last minute."""

from collections.abc import Callable
from typing import ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.widgets import Footer

from tui.client import AgentError
from tui.desk import Desk
from tui.screens.live import LiveScreen
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
        try:
            await self.desk.session.refresh_services()
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
