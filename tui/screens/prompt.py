"""A question with one line of answer."""

from collections.abc import Callable
from typing import ClassVar, Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

T = TypeVar("T")


class Prompt(ModalScreen[T | None], Generic[T]):
    """Returns what `read` makes of the answer, None when it was given up.

    Args:
        read: raises ValueError with what is wrong with an answer.
    """

    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "dismiss(None)", "Cancel")]

    def __init__(self, title: str, hint: str, read: Callable[[str], T]) -> None:
        super().__init__()
        self._title = title
        self._hint = hint
        self._read = read

    def compose(self) -> ComposeResult:
        with Vertical() as box:
            box.border_title = self._title
            box.border_subtitle = "Enter, Escape"
            yield Input(placeholder=self._hint, compact=True)
            yield Static(markup=False)

    @on(Input.Changed)
    def _typed(self) -> None:
        self.query_one(Static).update("")

    @on(Input.Submitted)
    def _entered(self, event: Input.Submitted) -> None:
        try:
            answer = self._read(event.value)
        except ValueError as error:
            self.query_one(Static).update(str(error))
        else:
            self.dismiss(answer)
