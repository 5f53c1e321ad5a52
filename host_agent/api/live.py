"""The live stream as a WebSocket: OTLP in binary messages, notices in JSON."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable

from starlette.websockets import WebSocket, WebSocketDisconnect

from host_agent.api.errors import error_response
from host_agent.api.parameters import Parameters
from host_agent.live.feed import Interest, LiveFeed
from host_agent.live.subscription import Subscription
from host_agent.query.errors import BadQuery
from wasm_sdk.otlp.signal import Signal


def live_endpoint(feed: LiveFeed) -> Callable[[WebSocket], Awaitable[None]]:
    """`/api/v1/live?signal=traces&service=NAME`.

    Each binary message is an export request of the signal in protobuf. A text message
    `{"type": "dropped", "items": N}` says that so many items before the next message were lost because the
    client reads too slowly.
    """

    async def live(websocket: WebSocket) -> None:
        try:
            interest = read_interest(websocket)
        except BadQuery as error:
            await refuse(websocket, error)
            return
        await websocket.accept()
        with feed.subscribe(interest) as subscription:
            sending = asyncio.create_task(send(websocket, subscription))
            receiving = asyncio.create_task(until_closed(websocket))
            try:
                await asyncio.wait({sending, receiving}, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in (sending, receiving):
                    task.cancel()
                await asyncio.gather(sending, receiving, return_exceptions=True)
        with contextlib.suppress(RuntimeError, WebSocketDisconnect):  # closed already
            await websocket.close()

    return live


def read_interest(websocket: WebSocket) -> Interest:
    """Raises BadQuery."""
    given = Parameters(websocket.query_params, ("signal", "service"))
    name = given.text("signal") or "traces"
    try:
        return Interest(given.tenant(), Signal(name), given.text("service"))
    except ValueError as error:
        if isinstance(error, BadQuery):
            raise
        raise BadQuery(f"signal is {name[:60]!r}", "signal", "use traces, metrics or logs") from None


async def refuse(websocket: WebSocket, error: BadQuery) -> None:
    if "websocket.http.response" in websocket.scope.get("extensions", {}):
        await websocket.send_denial_response(error_response(400, error.message, error.field, error.hint))
    else:
        await websocket.close(1008, error.message[:120])


async def send(websocket: WebSocket, subscription: Subscription) -> None:
    while True:
        message, dropped = await subscription.take()
        if dropped:
            await websocket.send_text(json.dumps({"type": "dropped", "items": dropped}))
        await websocket.send_bytes(message)


async def until_closed(websocket: WebSocket) -> None:
    """Read, and ignore, what the client says until it leaves."""
    with contextlib.suppress(WebSocketDisconnect):
        while True:
            message = await websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
