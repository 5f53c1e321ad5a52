"""Search within a trace: a line that comes with / and goes with Escape."""

from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Static


class SearchBar(Horizontal):
    """Hidden until it is wanted."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "give_up", "End the search")]

    @dataclass
    class Changed(Message):
        """Another text is looked for; an empty one ends the search."""

        text: str

    class Left(Message):
        """Typing is over."""

    def compose(self) -> ComposeResult:
        yield Input(placeholder="text in names, services, attributes", compact=True, select_on_focus=True)
        yield Static(markup=False)

    def on_mount(self) -> None:
        self.display = False

    def start_typing(self) -> None:
        """Show up and take the keys."""
        self.display = True
        self.query_one(Input).focus()

    def say(self, text: str) -> None:
        """Say beside the text how many were found."""
        self.query_one(Static).update(text)

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Changed(event.value))

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Left())

    def action_give_up(self) -> None:
        self.query_one(Input).value = ""
        self.display = False
        self.post_message(self.Left())
