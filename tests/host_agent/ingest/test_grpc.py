import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import grpc.aio
import pytest

from host_agent.ingest.grpc import METHODS
from wasm_sdk.otlp import Signal
from wasm_sdk.otlp.responses import PartialSuccess, decode_response, decode_status

PATH = {signal: path for path, signal in METHODS.items()}


class Client:
    """Sends bytes as they are."""

    def __init__(self, address: str) -> None:
        self.channel = grpc.aio.insecure_channel(address, options=[("grpc.use_local_subchannel_pool", 1)])

    async def export(self, signal: Signal, body: bytes, **options: Any) -> bytes:
        return bytes(await self.channel.unary_unary(PATH[signal])(body, timeout=20, **options))

    async def refused(self, signal: Signal, body: bytes, **options: Any) -> grpc.aio.AioRpcError:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await self.export(signal, body, **options)
        return caught.value


def retry_after(error: grpc.aio.AioRpcError) -> float | None:
    details = dict(error.trailing_metadata()).get("grpc-status-details-bin")
    return None if details is None else decode_status(details).retry_after


@pytest.fixture
async def clients() -> AsyncIterator[Any]:
    made: list[Client] = []

    def make(door: Any) -> Client:
        made.append(Client(door.grpc))
        return made[-1]

    yield make
    for client in made:
        await client.channel.close()


@pytest.mark.parametrize("signal", list(Signal))
@pytest.mark.parametrize("compression", [None, grpc.Compression.Gzip])
async def test_keeps_each_signal(
    door: Any, clients: Any, bodies: Any, signal: Signal, compression: Any
) -> None:
    assert await clients(door).export(signal, bodies[signal], compression=compression) == b""
    (record,) = door.records()
    assert (record.signal, record.items, record.data()) == (signal, 2, bodies[signal])


async def test_an_empty_request_succeeds_and_leaves_nothing(door: Any, clients: Any) -> None:
    assert await clients(door).export(Signal.LOGS, b"") == b""
    assert door.records() == []


async def test_invalid_spans_are_counted_and_the_others_kept(
    door: Any, clients: Any, bad_and_good: bytes
) -> None:
    answer = await clients(door).export(Signal.TRACES, bad_and_good)
    partial = decode_response(Signal.TRACES, answer)
    assert partial.rejected == 1
    assert partial != PartialSuccess()
    assert door.records()[0].items == 2


async def test_what_is_not_otlp_is_an_invalid_argument(door: Any, clients: Any) -> None:
    error = await clients(door).refused(Signal.TRACES, b"\xff\xff")
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert "at byte" in str(error.details())
    assert retry_after(error) is None


@pytest.mark.parametrize("compression", [None, grpc.Compression.Gzip])
async def test_too_large_requests_are_not_to_be_sent_again(
    open_door: Any, clients: Any, compression: Any
) -> None:
    door = await open_door(max_body=50_000)
    client = clients(door)
    error = await client.refused(Signal.TRACES, bytes(10_000_000), compression=compression)
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert retry_after(error) is None
    assert await client.export(Signal.TRACES, b"") == b""
    assert door.acceptor.in_flight.bytes == 0


async def test_too_much_in_flight_is_to_be_sent_again(open_door: Any, clients: Any, bodies: Any) -> None:
    door = await open_door(max_body=50_000, in_flight=60_000)
    client = clients(door)
    with door.acceptor.in_flight.reservation() as others:
        others.grow(59_990)
        error = await client.refused(Signal.TRACES, bodies[Signal.TRACES])
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert (retry_after(error) or 0) > 0
    await client.export(Signal.TRACES, bodies[Signal.TRACES])


async def test_a_full_log_is_unavailable_and_says_for_how_long(
    open_door: Any, clients: Any, bodies: Any
) -> None:
    door = await open_door(max_bytes=1000)
    door.log.follower("store")
    client = clients(door)
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        for _ in range(20):
            await client.export(Signal.LOGS, bodies[Signal.LOGS])
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert (retry_after(caught.value) or 0) > 0


async def test_a_message_that_does_not_arrive_is_not_waited_for(open_door: Any, clients: Any) -> None:
    door = await open_door(patience=0.1)
    call = clients(door).channel.stream_unary(PATH[Signal.TRACES])()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    assert "did not arrive within 0.1 seconds" in str(caught.value.details())


async def test_calls_that_send_nothing_hold_others_up_for_a_bounded_time(
    open_door: Any, clients: Any, bodies: Any
) -> None:
    door = await open_door(patience=0.2, slots=1)
    client = clients(door)
    stalled = client.channel.stream_unary(PATH[Signal.TRACES])()
    await stalled.wait_for_connection()
    outcomes = await asyncio.gather(
        *(client.export(Signal.TRACES, bodies[Signal.TRACES]) for _ in range(3)), return_exceptions=True
    )
    for outcome in outcomes:
        if isinstance(outcome, grpc.aio.AioRpcError):
            assert outcome.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
            assert (retry_after(outcome) or 0) > 0
    stalled.cancel()
    await client.export(Signal.TRACES, bodies[Signal.TRACES])


async def test_a_call_without_a_message_is_an_invalid_argument(door: Any, clients: Any) -> None:
    call = clients(door).channel.stream_unary(PATH[Signal.TRACES])()
    await call.done_writing()
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


async def test_unknown_methods_are_unimplemented(door: Any, clients: Any) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await clients(door).channel.unary_unary("/opentelemetry.Other/Export")(b"")
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def test_a_port_in_use_is_an_os_error(door: Any, open_door: Any) -> None:
    from host_agent.ingest.grpc import GrpcListener
    from host_agent.tenant import SingleTenant

    second = GrpcListener(door.acceptor, SingleTenant(), slots=1, request_timeout=1)
    host, port = door.grpc.split(":")
    with pytest.raises(OSError, match="in use"):
        await second.start(host, int(port))
    await second.stop()
