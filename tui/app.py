"""The dashboard as a Textual program."""

import time
from collections.abc import Callable, Iterable
from datetime import tzinfo
from typing import ClassVar

from textual import work
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.screen import Screen
from textual.theme import Theme

from tui.client import Agent, AgentClient
from tui.commands import KeyCommands
from tui.desk import Desk
from tui.live import backoff
from tui.paint import Paint
from tui.screens.help import HelpScreen
from tui.screens.live import LiveScreen
from tui.screens.traces import TracesScreen
from tui.session import Session
from tui.themes import DARK, OWN, ServiceColours


class SpanweaveApp(App[None]):
    """Follows one agent.

    Args:
        agent: the base URL of its API, or the agent itself.
        theme: the name of one of `tui.themes.NAMES`.
        tz: the zone times are shown in; None is local time.
        clock: nanoseconds since the epoch.
        wait_for: seconds to wait after failed connection attempt number n.
    """

    TITLE = "Spanweave"
    CSS_PATH = "app.tcss"
    COMMANDS: ClassVar = {*App.COMMANDS, lambda: KeyCommands}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "help", "Help", key_display="?"),
        Binding("T", "change_theme", "Choose a theme", show=False),
        Binding("q", "quit", "Quit"),
    ]

    def __init__(
        self,
        agent: str | Agent,
        *,
        theme: str = DARK.name,
        tz: tzinfo | None = None,
        clock: Callable[[], int] = time.time_ns,
        wait_for: Callable[[int], float] = backoff,
    ) -> None:
        super().__init__()
        for own in OWN:
            self.register_theme(own)
        self.theme = theme
        self.session = Session(
            AgentClient(agent) if isinstance(agent, str) else agent, clock=clock, wait_for=wait_for
        )
        colours = ServiceColours()
        self.desk = Desk(self.session, tz, colours, self._paint(colours))

    def _paint(self, colours: ServiceColours) -> Paint:
        return Paint(self.get_css_variables(), self.current_theme.dark, colours)

    def get_default_screen(self) -> Screen[None]:
        return TracesScreen(self.desk)

    def on_mount(self) -> None:
        self.theme_changed_signal.subscribe(self, self._theme_changed)
        self._follow()

    @work(exclusive=True, group="follow")
    async def _follow(self) -> None:
        await self.session.run()

    async def on_unmount(self) -> None:
        await self.session.close()

    def _theme_changed(self, _theme: Theme) -> None:
        self.desk.paint = self._paint(self.desk.colours)
        for screen in self.screen_stack:
            if isinstance(screen, LiveScreen):
                screen.repaint()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Textual's own, without those that the keys' commands already offer."""
        for command in super().get_system_commands(screen):
            if command.title in ("Theme", "Screenshot", "Maximize", "Minimize"):
                yield command

    def action_help(self) -> None:
        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen())
