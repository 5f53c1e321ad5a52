"""The dashboard's client and session against a real agent."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable

import pytest

from tests.tui.conftest import RunAgent, screen_text, send, until
from tests.tui.spans import MS, NOW, Sketch, checkout, export, trace_id
from tui.app import SpanweaveApp
from tui.client import AgentClient, AgentError, NotStored, parse_url
from tui.filter import parse
from tui.live import Connected, Dropped, Lost, Spans, backoff, follow
from tui.recorded import RecordedAgent
from tui.session import Link, Session
from tui.spans import read_spans
from tui.traces import TraceSummary
from wasm_sdk.otlp import (
    KeyValues,
    LogRecord,
    LogsData,
    Resource,
    ResourceLogs,
    ScopeLogs,
    SeverityNumber,
    encode_logs,
)


async def eventually(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the parts under test announce nothing
            await asyncio.sleep(0.01)


def log_of(trace: int, body: str) -> bytes:
    record = LogRecord(
        time_unix_nano=10**18, severity_number=SeverityNumber.WARN, body=body, trace_id=trace_id(trace)
    )
    resource = Resource(KeyValues.of({"service.name": "shop"}))
    return encode_logs(LogsData([ResourceLogs(resource, [ScopeLogs(log_records=[record])])]))


async def test_the_client_reads_every_answer_of_an_agent(run_agent: RunAgent) -> None:
    async with run_agent() as agent:
        await send(agent, export(checkout(1)), export(checkout(2, failed=True)))
        await send(agent, log_of(1, "cart is full"), path="/v1/logs")
        client = AgentClient(agent.api_url)
        summaries = {summary.trace_id: summary for summary in await client.traces([("limit", "10")])}
        assert set(summaries) == {trace_id(1), trace_id(2)}
        assert summaries[trace_id(2)].root_name == "click #buy"
        assert (summaries[trace_id(2)].span_count, summaries[trace_id(2)].error_count) == (7, 2)
        assert summaries[trace_id(1)].duration == 182 * MS
        assert len(list(read_spans(await client.trace(trace_id(1))))) == 7
        assert (await client.services())["payments"] == (4, 1)
        assert b"cart is full" in await client.logs(trace_id(1))
        assert (await client.status())["version"]
        with pytest.raises(NotStored, match="no span of trace"):
            await client.trace(trace_id(99))
        with pytest.raises(AgentError, match="limit"):
            await client.traces([("limit", "many")])
        await client.close()


def recent(trace: int) -> list[Sketch]:
    """A checkout that happens now, since gaps are asked for by time."""
    return checkout(trace, at=(time.time_ns() - NOW) / MS)


async def test_a_filter_finds_what_was_stored_before(run_agent: RunAgent) -> None:
    async with run_agent() as agent:
        await send(agent, *(export(recent(number)) for number in range(1, 4)))
        session = Session(AgentClient(agent.api_url))
        wanted = parse("http.route=/charge operation=SELECT* service=payments duration>100ms")
        assert await session.search(wanted) == 0  # a wildcard cannot be asked for
        assert await session.search(parse('http.route=/charge operation="SELECT cart" service=payments')) == 3
        assert await session.search(parse("http.route=/login")) == 0
        await session.close()


async def test_a_session_outlives_its_agent_and_learns_what_it_missed(run_agent: RunAgent) -> None:
    async with run_agent() as agent:
        port = int(agent.api_url.rsplit(":", 1)[1])
        session = Session(AgentClient(agent.api_url), wait_for=lambda attempt: 0.05)
        following = asyncio.create_task(session.run())
        await eventually(lambda: session.connection.link is Link.LIVE)
        await send(agent, export(recent(1)))
        await eventually(lambda: session.store.get(trace_id(1)))
    await eventually(lambda: session.connection.link is Link.LOST and session.connection.attempt > 1)
    assert "no agent answers" in session.connection.reason
    async with run_agent() as elsewhere:  # where the session does not look, but into the same folder
        await send(elsewhere, export(recent(2)))
    assert session.store.get(trace_id(2)) is None
    async with run_agent(api_port=port) as agent:
        await eventually(lambda: session.store.get(trace_id(2)))
        missed = await session.fetch(trace_id(2))
        assert len(missed.spans) == missed.summary.span_count == 7
        await send(agent, export(recent(3)))
        await eventually(lambda: session.store.get(trace_id(3)))
    following.cancel()
    await session.close()


async def test_the_dashboard_shows_live_traces_of_a_real_agent_and_opens_one(run_agent: RunAgent) -> None:
    async with run_agent() as agent:
        await send(agent, export(recent(1)[:4]))
        app = SpanweaveApp(agent.api_url)
        async with app.run_test(size=(120, 30)) as pilot:
            await until(pilot, lambda: len(app.session.store) == 1)
            await send(agent, export(recent(2)))
            await send(agent, log_of(2, "cart [bold]full"), path="/v1/logs")
            await until(pilot, lambda: "2 traces" in screen_text(app))
            await pilot.press("enter")
            await until(pilot, lambda: "INSERT order" in screen_text(app))
            await pilot.press("l")
            await until(pilot, lambda: "cart [bold]full" in screen_text(app))
            await pilot.press("escape", "escape", "v")
            await until(pilot, lambda: "payments" in screen_text(app) and "agent" in screen_text(app))


async def test_without_an_agent_the_dashboard_says_so_and_keeps_trying(run_agent: RunAgent) -> None:
    async with run_agent() as agent:
        port = int(agent.api_url.rsplit(":", 1)[1])
    app = SpanweaveApp(agent.api_url, wait_for=lambda attempt: 30.0)
    async with app.run_test(size=(120, 30)) as pilot:
        await until(pilot, lambda: "no agent at" in screen_text(app))
        assert "spanweave agent" in screen_text(app)
        async with run_agent(api_port=port):
            await pilot.press("r")
            await until(pilot, lambda: "● live" in screen_text(app))


class Scripted(RecordedAgent):
    """Plays one list of messages, then loses the connection."""

    def __init__(self, *messages: bytes | str) -> None:
        super().__init__([])
        self._messages = messages

    async def live(self) -> AsyncIterator[bytes | str]:
        for message in self._messages:
            yield message
        raise AgentError("gone")


async def test_what_the_stream_says_is_told_in_order_and_noise_is_not() -> None:
    agent = Scripted(
        b"", b"x", '{"type":"dropped","items":7}', "{", "[]", '{"type":"hello"}', '{"type":"dropped"}'
    )
    events = follow(agent, asyncio.Event(), lambda attempt: 0.0)
    seen = [await anext(events) for _ in range(5)]
    assert seen == [Connected(), Spans(b"x"), Dropped(7), Lost("gone", 1, 0.0), Connected()]


async def test_losses_are_counted() -> None:
    session = Session(Scripted())
    for event in (Spans(b"\xff\xff"), Dropped(3), Dropped(4)):
        await session.handle(event)
    assert (session.losses.malformed, session.losses.by_agent) == (1, 7)


class Hesitant(RecordedAgent):
    """Refuses its first answers."""

    refusals = 2

    async def traces(self, query: Iterable[tuple[str, str]]) -> list[TraceSummary]:
        if self.refusals:
            self.refusals -= 1
            raise AgentError("not now")
        return await super().traces(query)


async def test_the_gap_is_asked_for_until_there_is_an_answer() -> None:
    session = Session(Hesitant([], stored=[export(checkout(5))]), wait_for=lambda attempt: 0.01)
    await session.handle(Connected())
    await eventually(lambda: session.store.get(trace_id(5)))
    await session.close()


async def test_a_large_export_and_one_while_paused_are_taken() -> None:
    session = Session(RecordedAgent([]))
    session.pause()
    await session.handle(Spans(export([Sketch("x" * 5000, id=number) for number in range(1, 300)])))
    assert (len(session.store), session.held_traces, session.held_spans) == (0, 1, 299)
    session.resume()
    assert len(session.store.traces()[0].spans) == 299


def test_waits_grow_to_ten_seconds() -> None:
    assert [backoff(attempt) for attempt in (1, 2, 3, 4, 5, 6, 1000)] == [0.5, 1, 2, 4, 8, 10, 10]


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://127.0.0.1:4319", "http://127.0.0.1:4319"),
        ("localhost:4319/", "http://localhost:4319"),
        ("https://agent.example/spans/", "https://agent.example/spans"),
        ("http://[::1]:4319", "http://[::1]:4319"),
    ],
)
def test_urls_are_read(text: str, url: str) -> None:
    assert parse_url(text) == url


@pytest.mark.parametrize(
    "text",
    [
        "ftp://host",
        "http://",
        "http://host:99999",
        "http://host:0",
        "http://a..b",
        "http://a b",
        "http://[::1",
        "http://h?x=1",
        "",
    ],
)
def test_what_is_no_url_is_one_line(text: str) -> None:
    with pytest.raises(ValueError, match="“") as caught:
        parse_url(text)
    assert "\n" not in str(caught.value)


async def test_something_else_than_an_agent_is_recognised(run_agent: RunAgent) -> None:
    async with run_agent() as agent:
        client = AgentClient(agent.http_url)  # the ingest address is no API
        with pytest.raises(AgentError, match="404"):
            await client.traces([])
        with pytest.raises(AgentError, match="is this an agent's API"):
            await anext(client.live())
        await client.close()
