"""What the screens look like. After a wanted change: pytest this file with --snapshot-update, and look."""
# ruff: noqa: E501 - a span a line reads as a table

from collections.abc import Callable
from datetime import UTC
from importlib.metadata import version
from typing import Any

import pytest
from textual.pilot import Pilot

from tests.tui.conftest import until
from tests.tui.spans import MS, NOW, Sketch, checkout, export, trace_id
from tui.app import SpanweaveApp
from tui.live import Lost, Spans
from tui.recorded import RecordedAgent
from wasm_sdk.otlp import (
    KeyValues,
    LogRecord,
    LogsData,
    Resource,
    ResourceLogs,
    ScopeLogs,
    SeverityNumber,
    SpanEvent,
    SpanLink,
    encode_logs,
)

DRAWN_WITH = "8"
pytestmark = pytest.mark.skipif(
    version("textual").split(".")[0] != DRAWN_WITH,
    reason=f"the pictures were drawn with Textual {DRAWN_WITH}: draw them again with --snapshot-update, look, "
    "and change DRAWN_WITH",
)

Compare = Callable[..., bool]
S = 1000 * MS


class Clock:
    """The moment that the test is at."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> int:
        return self.now


def odd() -> list[Sketch]:
    """A trace with everything that is odd: skew, missing and late parents, an error, events, links."""
    return [
        Sketch("GET /orders", 0, 90, 1, 0, 77, "edge"),
        Sketch("list orders", -6, 60, 2, 1, 77, "orders", error="timeout [bold]after[/] 50ms",
               attributes={"retries": 3, "tags": ["a", "b"], "wide": "購入"},
               events=(SpanEvent(NOW + 5 * MS, "exception", KeyValues.of({"exception.type": "TimeoutError"})),),
               links=(SpanLink(trace_id(5), b"\x01" * 8),)),
        Sketch("SELECT", 20, 40, 3, 900, 77, "orders"),
        Sketch("loop a", 50, 52, 4, 5, 77, "orders"),
        Sketch("loop b", 51, 53, 5, 4, 77, "orders"),
    ]  # fmt: skip


def logs() -> bytes:
    records = [
        LogRecord(NOW + n * MS, severity_number=severity, body=body, trace_id=trace_id(12), span_id=b"\x02" * 8,
                  attributes=KeyValues.of({"order.id": n}))
        for n, (severity, body) in enumerate(
            [(SeverityNumber.DEBUG, "cart loaded"), (SeverityNumber.INFO, "charging"), (SeverityNumber.WARN, "slow"),
             (SeverityNumber.ERROR, "declined\x1b[31m")]
        )
    ]  # fmt: skip
    resource = Resource(KeyValues.of({"service.name": "payments"}))
    return encode_logs(LogsData([ResourceLogs(resource, [ScopeLogs(log_records=records)])]))


@pytest.fixture
def compare(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> Callable[..., bool]:
    """Compares the dashboard after thirteen seconds of traffic and some keys."""
    for wish in ("NO_COLOR", "UNICODE_VERSION"):
        monkeypatch.delenv(wish, raising=False)

    def run(
        *keys: str, size: tuple[int, int] = (120, 26), then: Any = None, theme: str = "spanweave-dark"
    ) -> bool:
        clock = Clock()
        traffic = [checkout(n, failed=n % 5 == 0, at=1000 * n + 37 * n % 400) for n in range(1, 13)]
        exports = [export(odd()), *map(export, traffic)]
        app = SpanweaveApp(
            RecordedAgent([], logs(), stored=exports),
            tz=UTC,
            clock=clock,
            wait_for=lambda attempt: 99,
            theme=theme,
        )

        for service in ("shop-page", "shop", "payments", "edge", "orders"):
            app.desk.colours.index(service)

        async def prepare(pilot: Pilot[None]) -> None:
            await until(pilot, lambda: len(app.session.store) == len(exports))
            app.session.store.clear()
            for number, data in enumerate(exports):
                clock.now = NOW + number * S + 500 * MS
                await app.session.handle(Spans(data))
            clock.now += S
            app.screen.show_state()  # type: ignore[attr-defined]
            await pilot.pause()
            await pilot.press(*keys)
            if then is not None:
                await then(app, pilot)
            await pilot.pause()

        return snap_compare(app, terminal_size=size, run_before=prepare)

    return run


def test_the_list_of_traces(compare: Compare) -> None:
    assert compare()


def test_the_list_in_a_small_terminal(compare: Compare) -> None:
    assert compare(size=(60, 14))


def test_a_filter_that_is_wrong(compare: Compare) -> None:
    assert compare("slash", *"error duration>100", size=(80, 24))


def test_the_list_sorted_and_filtered_in_the_light_theme(compare: Compare) -> None:
    assert compare("slash", *"ok", "down", "4", theme="spanweave-light")


def test_a_waterfall_with_details(compare: Compare) -> None:
    assert compare("down", "down", "enter", "e", size=(140, 32))


def test_a_waterfall_in_80_columns(compare: Compare) -> None:
    assert compare("enter", "down", size=(80, 24))


def test_an_odd_trace(compare: Compare) -> None:
    assert compare("end", "enter", "down", "down", size=(140, 40))


def test_services(compare: Compare) -> None:
    async def answered(app: SpanweaveApp, pilot: Pilot[None]) -> None:
        await until(pilot, lambda: app.session.stats.summaries(NOW)[0].stored_spans is not None)
        await pilot.pause(0.1)

    assert compare("v", then=answered)


def test_logs(compare: Compare) -> None:
    assert compare("l", "end", size=(100, 20))


def test_a_lost_agent(compare: Compare) -> None:
    async def lose(app: SpanweaveApp, pilot: Pilot[None]) -> None:
        await app.session.handle(Lost("no agent answers at http://127.0.0.1:4319 (refused)", 3, 2.0))
        app.session.pause()
        await app.session.handle(Spans(export(checkout(50))))
        app.screen.show_state()  # type: ignore[attr-defined]

    assert compare("slash", *"nothing", "down", then=lose)


def test_help(compare: Compare) -> None:
    assert compare("question_mark", size=(100, 40))
