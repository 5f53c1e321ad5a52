"""The live stream over a real WebSocket."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import uvicorn
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from host_agent.api.http import create_api
from host_agent.intake.record import Record
from host_agent.live.feed import LiveFeed
from host_agent.tenant import DEFAULT_TENANT
from wasm_sdk.otlp import Signal, decode_traces


class Served:
    def __init__(self, feed: LiveFeed, url: str) -> None:
        self.feed = feed
        self.url = url

    async def clients(self, count: int) -> None:
        while self.feed.status()["clients"] != count:  # noqa: ASYNC110 - the feed tells nobody
            await asyncio.sleep(0.005)

    async def publish(self, body: bytes) -> None:
        await self.clients(1)
        self.feed.publish(Record(DEFAULT_TENANT, Signal.TRACES, body, 1))


@pytest.fixture
async def served(kept: Any) -> AsyncIterator[Served]:
    feed = LiveFeed(None)  # type: ignore[arg-type]
    api = create_api(kept.store, kept.engine, feed, status=dict)
    server = uvicorn.Server(uvicorn.Config(api, port=0, log_level="warning", lifespan="off"))
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn tells nobody
        await asyncio.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Served(feed, f"ws://127.0.0.1:{port}/api/v1/live")
    server.should_exit = True
    await serving


async def test_streams_what_is_accepted_as_otlp(served: Served, telemetry: Any) -> None:
    body = telemetry.traces(telemetry.span())
    async with connect(served.url, proxy=None) as socket:
        await served.publish(body)
        message = await socket.recv()
        assert isinstance(message, bytes)
        assert decode_traces(message) == decode_traces(body)
    await served.clients(0)


async def test_filters_by_service(served: Served, telemetry: Any) -> None:
    async with connect(f"{served.url}?service=db", proxy=None) as socket:
        await served.publish(telemetry.traces(telemetry.span("page"), service="web"))
        await served.publish(telemetry.traces(telemetry.span("query"), service="db"))
        message = await socket.recv()
        assert isinstance(message, bytes)
        assert decode_traces(message).resource_spans[0].scope_spans[0].spans[0].name == "query"


async def test_tells_a_slow_client_what_it_lost(served: Served, telemetry: Any) -> None:
    body = telemetry.traces(*(telemetry.span("x" * 50_000) for _ in range(10)))
    async with connect(served.url, proxy=None, max_queue=1) as socket:
        for _ in range(100):
            await served.publish(body)
        items = lost = 0
        while items + lost < 1000:
            message = await socket.recv()
            if isinstance(message, str):
                notice = json.loads(message)
                assert notice["type"] == "dropped"
                lost += notice["items"]
            else:
                items += len(decode_traces(message).resource_spans[0].scope_spans[0].spans)
    assert lost > 0


@pytest.mark.parametrize(
    ("query", "headers", "status", "reason"),
    [
        ("?signal=sounds", {}, 400, "traces, metrics or logs"),
        ("?tenant=..", {}, 400, "tenant name"),
        ("", {"Origin": "https://evil.example"}, 403, "may not use this API"),
    ],
)
async def test_refuses_before_the_handshake(
    served: Served, query: str, headers: dict[str, str], status: int, reason: str
) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(served.url + query, proxy=None, additional_headers=headers):
            pass
    assert refused.value.response.status_code == status
    assert reason in refused.value.response.body.decode()


async def test_a_page_of_another_site_cannot_connect_under_a_name_of_its_own(served: Served) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(
            served.url, proxy=None, host="127.0.0.1", additional_headers={"Host": "evil.example"}
        ):
            pass
    assert refused.value.response.status_code == 403
