"""What every HTTP listener of the agent bears: the API's too, which serves WebSockets."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.client import connect

from host_agent.ingest.connection import GuardedConnection
from host_agent.listener import HttpListener, bind


class Impatient(GuardedConnection):
    header_timeout = 0.1


async def echo(scope: Any, receive: Any, send: Any) -> None:
    assert scope["type"] == "websocket"
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        await send({"type": "websocket.send", "text": message["text"]})


@pytest.fixture
async def listener() -> AsyncIterator[HttpListener]:
    listening = bind("127.0.0.1", 0, "api")
    listener = HttpListener(echo, listening, connection=Impatient, websockets=True)
    await listener.start()
    yield listener
    await listener.stop()
    listening.close()


@pytest.mark.parametrize("part", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nupgrade: webso"])
async def test_a_connection_without_a_whole_head_is_closed(listener: HttpListener, part: bytes) -> None:
    host, port = listener.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(part)
    async with asyncio.timeout(5):
        assert (await reader.read()).startswith(b"HTTP/1.1 408 " if part else b"")
    writer.close()


async def test_a_websocket_may_rest_for_longer(listener: HttpListener) -> None:
    async with connect(listener.url.replace("http", "ws"), proxy=None) as socket:
        await asyncio.sleep(3 * Impatient.header_timeout)
        await socket.send("still there")
        assert await socket.recv() == "still there"


def test_guards_are_the_default() -> None:
    listening = bind("127.0.0.1", 0, "api")
    try:
        config = HttpListener(echo, listening)._server.config
        assert issubclass(config.http, GuardedConnection)  # type: ignore[arg-type]
    finally:
        listening.close()
