"""The line one types a filter into; a fault is said below it while typing."""

import re
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from tui.filter import EVERYTHING, FIELDS, KEYWORDS, Filter, FilterError, parse

_LAST_WORD = re.compile(r"(?:^|(?<=[\s(-]))\w+$")
_HINT = "/ to filter:  service=shop error duration>100ms text"


class FilterBar(Vertical):
    """Applies what is typed at once; the last filter that could be read stays in force while one cannot."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "give_up", "Clear the filter"),
        Binding("down", "leave", "To the list", show=False),
    ]

    @dataclass
    class Changed(Message):
        """A filter to apply; `asked` when Enter was pressed, so stored traces are wanted too."""

        filter: Filter
        asked: bool = False

    class Left(Message):
        """Typing is over."""

    def compose(self) -> ComposeResult:
        yield Input(placeholder=_HINT, compact=True, select_on_focus=False)
        yield Static(markup=False)

    def on_mount(self) -> None:
        self.query_one(Static).display = False

    def start_typing(self) -> None:
        """Take the keys."""
        self.query_one(Input).focus()

    def set_text(self, text: str) -> None:
        """As if `text` had been typed."""
        self.query_one(Input).value = text

    @property
    def text(self) -> str:
        """What stands there."""
        return self.query_one(Input).value

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        event.stop()
        self._apply(event.value, asked=False)

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        event.stop()
        if self._apply(event.value, asked=True):
            self.post_message(self.Left())

    def _apply(self, text: str, *, asked: bool) -> bool:
        fault = self.query_one(Static)
        try:
            wanted = parse(text if asked else settled(text))
        except FilterError as error:
            column = min(error.column, len(text))
            before, culprit = text[max(0, column - 16) : column], text[column : column + 16]
            fault.update(
                Content.assemble((before, "$foreground-muted"), (culprit or "▁", "reverse"), f"  {error}")
            )
            fault.display = True
            return False
        fault.display = False
        self.post_message(self.Changed(wanted if text.strip() else EVERYTHING, asked))
        return True

    def action_give_up(self) -> None:
        self.set_text("")
        self.post_message(self.Left())

    def action_leave(self) -> None:
        self.post_message(self.Left())


def settled(text: str) -> str:
    """A filter being typed without a last word that may yet become a field, so that `dur` does not
    empty the list.
    """
    match = _LAST_WORD.search(text)
    if match is None or match[0] in KEYWORDS or not any(field.startswith(match[0]) for field in FIELDS):
        return text
    return text[: match.start()].rstrip().removesuffix("-")
