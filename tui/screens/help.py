"""Help: every key of every screen, the filter language, what the marks mean."""

from collections.abc import Iterable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.commands import keys_of
from tui.screens.logs import LogsScreen
from tui.screens.services import ServicesScreen
from tui.screens.trace import TraceScreen
from tui.screens.traces import TracesScreen
from tui.widgets.rows import Rows
from tui.widgets.trace_table import TraceTable
from tui.widgets.waterfall_view import WaterfallView

_FILTERS = (
    ("error   ok", "traces with, or without, an error"),
    ("service=shop", "a span of this service; * and ? are wildcards"),
    ("name=…   operation=…", "the root's name; any span's name"),
    ("name~cart", "contains, in whatever case; != and !~ say the opposite"),
    ("duration>100ms", "also >= < <=; ns, us, ms, s, m, h"),
    ("spans>50   errors>=2", "how many"),
    ("http.route=/cart", "an attribute of any span or resource; < and > for numbers"),
    ("@key=value", "an attribute whose name has no dot"),
    ("trace=5b8e", "how the trace id begins"),
    ('checkout   "two words"', "text in names, services, attribute values"),
    ("a b   a or b   -a   ( )", "and, or, not, groups"),
)
_MARKS = (
    ("✗", "the span's status is error"),
    ("↯", "starts before its parent: clocks differ, or it had begun already; nothing is moved"),
    ("?", "a parent that is named but is not here"),
    ("◷", "arrived more than ten seconds after the first span of its trace"),
    ("↻", "its parent is one of its own descendants"),
    ("⋯", "the root is not here; the earliest span is shown"),
    ("▄", "vivid: on the critical path, what the duration consists of; pale: beside it"),
    ("█", "in the list: duration from 100 µs to 10 s, on a logarithmic scale"),
)


class HelpScreen(ModalScreen[None]):
    """Scrolls; any of Escape, ? and q closes it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q", "dismiss", "Close"),
        Binding("up,k", "scroll(-1)", "Up", show=False),
        Binding("down,j", "scroll(1)", "Down", show=False),
    ]

    def compose(self) -> ComposeResult:
        with VerticalScroll() as box:
            box.border_title = "Help"
            box.border_subtitle = "Escape"
            yield Static(_content(), markup=False)

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)


def _content() -> Content:
    lines = [
        *_table("Filter", _FILTERS),
        *_table("Traces", keys_of(TracesScreen, TraceTable)),
        *_table("One trace", keys_of(TraceScreen, WaterfallView)),
        *_table("Services", keys_of(ServicesScreen)),
        *_table("Logs", keys_of(LogsScreen)),
        *_table("Every list", keys_of(Rows)),
        *_table("Everywhere", _everywhere()),
        *_table("Marks", _MARKS),
    ]
    return Content("\n").join(lines)


def _everywhere() -> list[tuple[str, str]]:
    return [
        ("ctrl+p", "Command palette: all that the keys do, by name"),
        ("?", "This help"),
        ("T", "Choose a theme"),
        ("tab", "Next pane"),
        ("q", "Quit"),
    ]


def _table(title: str, rows: Iterable[tuple[str, str]]) -> list[Content]:
    return [
        Content.styled(title, "bold $accent"),
        *(Content.assemble((f"  {left:<24} ", "$primary"), right) for left, right in rows),
        Content(""),
    ]
