"""Every key, pressed."""

import pytest
from textual.binding import Binding
from textual.widgets import Input

from tests.tui.conftest import dashboard, recorded, running, screen_text, until
from tests.tui.spans import MS, NOW, Sketch, checkout, export, span_id, trace_id
from tui.app import SpanweaveApp
from tui.client import AgentError
from tui.live import Spans
from tui.recorded import RecordedAgent
from tui.screens.help import HelpScreen
from tui.screens.logs import LogsScreen
from tui.screens.prompt import Prompt
from tui.screens.services import ServicesScreen
from tui.screens.trace import TraceScreen
from tui.screens.traces import TracesScreen
from tui.traces import TraceSummary
from tui.widgets.detail import Detail
from tui.widgets.trace_table import TraceTable
from tui.widgets.waterfall_view import WaterfallView
from wasm_sdk.otlp import KeyValues, LogRecord, LogsData, Resource, ResourceLogs, ScopeLogs, encode_logs


def table(app: SpanweaveApp) -> TraceTable:
    return app.screen.query_one(TraceTable)


def view(app: SpanweaveApp) -> WaterfallView:
    return app.screen.query_one(WaterfallView)


def span_name(app: SpanweaveApp) -> str:
    node = view(app).node
    assert node is not None
    return node.span.name if node.span else "missing"


def notified(app: SpanweaveApp) -> list[str]:
    return [notification.message for notification in app._notifications]


async def test_the_cursor_moves_and_the_list_follows_the_newest_until_it_does() -> None:
    app = dashboard()
    async with running(app) as pilot:
        assert (table(app).cursor, table(app).follow) == (0, True)
        await pilot.press("down", "j")
        assert (table(app).cursor, table(app).follow) == (2, False)
        await pilot.press("up", "k", "k")
        assert table(app).cursor == 0
        await pilot.press("end")
        assert table(app).cursor == 2
        await pilot.press("home", "pagedown")
        assert table(app).cursor == 2
        await pilot.press("pageup", "F")
        assert table(app).follow


async def test_a_trace_stays_under_the_cursor_while_others_arrive() -> None:
    app = dashboard()
    async with running(app) as pilot:
        await pilot.press("down")
        chosen = table(app).trace
        await app.session.handle(Spans(export([s for n in range(4, 60) for s in checkout(n)])))
        await until(pilot, lambda: table(app).count == 59)
        assert table(app).trace is chosen
        await pilot.press("F")
        await app.session.handle(Spans(export(checkout(99))))
        await until(pilot, lambda: table(app).count == 60)
        assert table(app).cursor == 0


async def test_keys_sort_by_every_column_and_turn_round() -> None:
    app = dashboard()
    async with running(app) as pilot:
        for key, column in zip(
            "123456", ("Time", "Service", "Name", "Duration", "Spans", "Status"), strict=True
        ):
            await pilot.press(key)
            assert table(app).order.column.value == column
        await pilot.pause()
        assert table(app).order.descending
        await pilot.press("S")
        assert not table(app).order.descending
        await pilot.press("s")
        assert table(app).order.column.value == "Time"


async def test_a_click_on_a_heading_sorts_and_on_a_row_selects() -> None:
    app = dashboard()
    async with running(app) as pilot:
        heading = screen_text(app).splitlines()[2]
        await pilot.click(TraceTable, offset=(heading.index("Duration") + 2, 0))
        assert table(app).order.column.value == "Duration"
        await pilot.click(TraceTable, offset=(30, 2))
        assert table(app).cursor == 1
        await pilot.click(TraceTable, offset=(30, 3), times=2)
        assert isinstance(app.screen, TraceScreen)


async def test_errors_are_jumped_between() -> None:
    app = dashboard()
    async with running(app) as pilot:
        await pilot.press("e")
        assert table(app).cursor == 1
        await pilot.press("e")
        assert table(app).cursor == 1
        await pilot.press("down", "E")
        assert table(app).cursor == 1


@pytest.mark.parametrize("key", ["slash", "f"])
async def test_a_filter_applies_while_it_is_typed(key: str) -> None:
    app = dashboard()
    async with running(app) as pilot:
        await pilot.press(key, *"error")
        assert table(app).count == 1
        app.screen.query_one(Input).value = "error durration>1ms"
        await pilot.pause()
        assert "did you mean duration?" in screen_text(app)
        assert table(app).count == 1
        await pilot.press("enter")
        assert isinstance(app.focused, Input)
        await pilot.press("escape")
        assert app.focused is table(app)
        assert table(app).count == 3


async def test_enter_in_the_filter_asks_for_stored_traces_and_escape_in_the_list_clears_it() -> None:
    app = dashboard(RecordedAgent([export(checkout(1))], stored=[export(checkout(8, failed=True))]))
    async with running(app, traces=2) as pilot:
        app.session.store.clear()
        await pilot.press("slash", *"error", "enter")
        await until(pilot, lambda: table(app).count == 1)
        assert app.focused is table(app)
        await pilot.press("escape")
        await until(pilot, lambda: app.screen.query_one(Input).value == "")
        await pilot.press("slash", *"nothing like it", "down")
        assert "No trace here meets the filter" in screen_text(app)
        assert app.focused is table(app)


async def test_a_pause_holds_back_and_counts_what_arrives() -> None:
    app = dashboard()
    async with running(app) as pilot:
        await pilot.press("space")
        await app.session.handle(Spans(export(checkout(7))))
        await until(pilot, lambda: "paused, 1 trace, 7 spans waiting" in screen_text(app))
        assert table(app).count == 3
        await pilot.press("space")
        await until(pilot, lambda: table(app).count == 4)
        assert app.session.held_spans == 0


async def test_ids_are_copied() -> None:
    app = dashboard()
    async with running(app) as pilot:
        await pilot.press("c")
        assert app.clipboard == trace_id(3).hex()
        await pilot.press("C")
        assert app.clipboard == f"00-{trace_id(3).hex()}-{span_id(300).hex()}-01"
        await pilot.press("enter", "down", "C")
        assert app.clipboard.split("-")[2] == span_id(301).hex()
        await pilot.press("c")
        assert app.clipboard == trace_id(3).hex()


async def test_a_trace_is_opened_by_its_id() -> None:
    app = dashboard()
    async with running(app) as pilot:
        await pilot.press("o", *"123", "enter")
        assert isinstance(app.screen, Prompt)
        assert "32 hexadecimal digits" in screen_text(app)
        app.screen.query_one(Input).value = f"00-{trace_id(2).hex()}-{span_id(5).hex()}-01"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, TraceScreen))
        assert trace_id(2).hex() in screen_text(app)
        await pilot.press("escape", "o", "escape")
        assert isinstance(app.screen, TracesScreen)


async def test_a_trace_that_the_agent_does_not_have_is_said_to_be_missing() -> None:
    app = dashboard()
    async with running(app) as pilot:
        await pilot.press("o")
        app.screen.query_one(Input).value = "ab" * 16
        await pilot.press("enter")
        await until(pilot, lambda: "no span of trace abab" in screen_text(app))


async def test_one_jumps_to_a_moment() -> None:
    app = dashboard()
    async with running(app) as pilot:
        await pilot.press("g", *"noon", "enter")
        assert "time of day" in screen_text(app)
        app.screen.query_one(Input).value = "15:06:39.4"
        await pilot.press("enter")
        assert table(app).trace is app.session.store.get(trace_id(1))


async def test_the_list_is_emptied_and_a_retry_does_no_harm() -> None:
    app = dashboard()
    async with running(app) as pilot:
        await pilot.press("r", "x")
        assert table(app).count == 0
        assert "No trace yet" in screen_text(app)
        await pilot.press("c", "C", "l", "e", "enter", "down")
        assert isinstance(app.screen, TracesScreen)


async def test_the_waterfall_s_keys() -> None:
    app = dashboard()
    async with running(app) as pilot:
        await pilot.press("down", "enter")
        assert isinstance(app.screen, TraceScreen)
        await pilot.press("e")
        assert span_name(app) == "POST /checkout"
        assert "payment declined" in screen_text(app)
        await pilot.press("e")
        assert span_name(app) == "POST /charge"
        await pilot.press("E", "p", "p")
        assert span_name(app) == "click #buy"
        await pilot.press("space")
        assert view(app).count == 1
        assert "+6" in screen_text(app)
        await pilot.press("right")
        assert view(app).count == 7
        await pilot.press("left", "asterisk")
        assert view(app).count == 7
        await pilot.press("end", "left")
        assert (span_name(app), view(app).cursor) == ("POST /checkout", 2)
        await pilot.press("z")
        assert view(app).window == (NOW + (-1000 + 666 + 12) * MS, NOW + (-1000 + 666 + 166) * MS)
        await pilot.press("Z")
        assert view(app).window == (view(app).waterfall.start, view(app).waterfall.end)
        await pilot.press("home", "m", "m", "m")
        assert span_name(app) == "SELECT cart"
        await pilot.press("d")
        assert not app.screen.query_one(Detail).display
        await pilot.press("enter")
        assert app.focused is app.screen.query_one(Detail)
        await pilot.press("escape", "r", "backspace")
        assert isinstance(app.screen, TracesScreen)


async def test_spans_are_searched_for() -> None:
    app = dashboard()
    async with running(app) as pilot:
        await pilot.press("enter", "slash", *"sqlite")
        assert "2 of 7" in screen_text(app)
        assert span_name(app) == "SELECT cart"
        await pilot.press("enter", "n")
        assert span_name(app) == "INSERT order"
        await pilot.press("N")
        assert span_name(app) == "SELECT cart"
        await pilot.press("f", *"zzz")
        assert "nothing found" in screen_text(app)
        await pilot.press("escape")
        assert app.focused is view(app)
        assert not view(app).matches


async def test_services_are_listed_and_enter_filters_by_one() -> None:
    app = dashboard()
    async with running(app) as pilot:
        await pilot.press("v")
        assert isinstance(app.screen, ServicesScreen)
        await until(pilot, lambda: "recorded" in screen_text(app))
        await pilot.press("r", "down", "enter")
        assert isinstance(app.screen, TracesScreen)
        assert app.screen.query_one(Input).value == "service=shop"
        await pilot.press("v", "v")
        assert isinstance(app.screen, TracesScreen)


async def test_help_opens_closes_and_names_every_key() -> None:
    app = dashboard()
    async with running(app, size=(120, 120)) as pilot:
        await pilot.press("question_mark")
        assert isinstance(app.screen, HelpScreen)
        text = screen_text(app)
        for owner in (TracesScreen, TraceTable, TraceScreen, WaterfallView, ServicesScreen, LogsScreen):
            for binding in owner.BINDINGS:
                assert isinstance(binding, Binding)
                assert (binding.tooltip or binding.description) in text
        await pilot.press("down", "up", "question_mark")
        assert isinstance(app.screen, TracesScreen)


async def test_the_palette_runs_what_the_keys_do() -> None:
    app = dashboard()
    async with running(app) as pilot:
        await pilot.press("ctrl+p", *"open a trace by")
        await until(pilot, lambda: "Open a trace by its id or traceparent" in screen_text(app))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, Prompt))


async def test_themes_change_what_is_drawn() -> None:
    app = dashboard()
    async with running(app) as pilot:
        before = app.desk.paint
        await pilot.press("T")
        await pilot.press(*"spanweave-light", "enter")
        await until(pilot, lambda: app.theme == "spanweave-light")
        await until(pilot, lambda: table(app).paint is not before)


@pytest.mark.parametrize("theme", ["ansi-dark", "spanweave-light"])
async def test_every_kind_of_theme_draws(theme: str) -> None:
    app = SpanweaveApp(recorded(), theme=theme)
    async with running(app) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: "click #buy" in screen_text(app))


async def test_q_quits() -> None:
    app = dashboard()
    async with running(app) as pilot:
        await pilot.press("q")
        await pilot.pause()
        assert not app.is_running


@pytest.mark.parametrize("size", [(80, 24), (40, 10), (8, 3)])
async def test_small_terminals_work(size: tuple[int, int]) -> None:
    app = dashboard()
    async with running(app, size=size) as pilot:
        for keys in (
            ("enter", "slash", "a", "escape", "escape"),
            ("v", "escape"),
            ("question_mark", "escape"),
        ):
            await pilot.press(*keys)
        assert isinstance(app.screen, TracesScreen)
        await pilot.resize_terminal(140, 40)
        assert "click #buy" in screen_text(app)


async def test_hostile_strings_are_shown_and_not_obeyed() -> None:
    hostile = "[red]x[/red]\x1b[2J\u202eevil\u200b購入"
    sketches = [
        Sketch(hostile, 0, 9, 1, service="s\x1b]0;t\x07[b]", error=hostile, attributes={hostile: hostile}),
        Sketch("child\n\tline", 1, 5, 2, 1, attributes={"\x1b[31m": "\x9b31m"}),
    ]
    app = dashboard(RecordedAgent([export(sketches)]))
    async with running(app, traces=1) as pilot:
        assert "[red]x[/red]␛[2J�evil�購入" in screen_text(app)
        await pilot.press("enter")
        await until(pilot, lambda: "Attributes" in screen_text(app))
        await pilot.press("v", "escape")
        drawn = "".join(segment.text for strip in app.screen._compositor.render_strips() for segment in strip)
        assert not {"\x1b", "\x07", "\x9b", "\u202e", "\u200b"} & set(drawn)


async def test_a_flood_leaves_keys_answered_and_memory_bounded() -> None:
    app = dashboard(RecordedAgent([]))
    app.session.store.max_traces = 500
    async with running(app, traces=0) as pilot:
        for batch in range(10):
            first = 1 + batch * 100
            data = export([s for n in range(first, first + 100) for s in checkout(n)])
            await app.session.handle(Spans(data))
            await pilot.press("down")
        await until(pilot, lambda: table(app).count == 500)
        assert app.session.store.evicted == 500
        assert table(app).cursor > 0


async def test_ten_thousand_spans_open_and_scroll() -> None:
    spans = [Sketch(f"step {n}", n / 10, 2000, n, n // 2 if n > 1 else 0) for n in range(1, 10_001)]
    app = dashboard(RecordedAgent([export(spans)]))
    async with running(app, traces=1) as pilot:
        await until(pilot, lambda: app.session.store.traces()[0].summary.span_count == 10_000)
        await pilot.press("enter")
        await until(pilot, lambda: view(app).count == 10_000)
        await pilot.press("end")
        assert view(app).cursor == 9_999
        await pilot.press("pageup", "space", "home", "slash", *"step 9999")
        assert "1 of 10000" in screen_text(app)


async def test_a_log_record_leads_to_its_span_and_logs_that_cannot_be_had_say_why() -> None:
    record = LogRecord(
        time_unix_nano=NOW, body="slow", span_id=span_id(303), attributes=KeyValues.of({"n": 1})
    )
    logs = encode_logs(LogsData([ResourceLogs(Resource(), [ScopeLogs(log_records=[record])])]))
    agent = RecordedAgent([export(checkout(3))], logs)
    app = dashboard(agent)
    async with running(app, traces=1) as pilot:
        await pilot.press("enter", "l")
        await until(pilot, lambda: "n = 1" in screen_text(app))
        await pilot.press("enter")
        assert isinstance(app.screen, TraceScreen)
        assert span_name(app) == "SELECT cart"
        agent._logs = b"\xff"
        await pilot.press("l")
        await until(pilot, lambda: "byte" in screen_text(app))


class Unreachable(RecordedAgent):
    """Streams, but answers no question."""

    async def traces(self, query: object) -> list[TraceSummary]:
        raise AgentError("out of order")

    async def trace(self, trace_id: bytes) -> bytes:
        raise AgentError("out of order")

    async def services(self) -> dict[str, tuple[int, int]]:
        raise AgentError("out of order")


async def test_an_agent_that_answers_no_question_is_said_to_and_live_traces_still_show() -> None:
    app = dashboard(Unreachable([export(checkout(3))]))
    async with running(app, traces=1) as pilot:
        await pilot.press("enter")
        await until(pilot, lambda: "only what arrived live: out of order" in screen_text(app))
        await pilot.press("escape", "slash", "o", "k", "enter")
        await until(pilot, lambda: notified(app) == ["Only what is here is filtered: out of order"])
        await pilot.press("v", "r")
        await until(pilot, lambda: notified(app)[1:] == ["out of order"])
