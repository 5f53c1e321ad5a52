import asyncio
import gzip
import json
import random
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from host_agent.intake import Encoding
from wasm_sdk.otlp import Signal, decode, encode_json
from wasm_sdk.otlp.responses import PartialSuccess, decode_response, decode_status

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
HEAD = b"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"


@pytest.mark.parametrize("signal", list(Signal))
@pytest.mark.parametrize("media", [PROTOBUF, JSON, "application/json; charset=utf-8"])
@pytest.mark.parametrize("packed", [False, True])
async def test_keeps_each_signal_in_each_form_and_answers_in_the_same(
    door: Any, requests: Any, bodies: Any, signal: Signal, media: str, packed: bool
) -> None:
    sent = bodies[signal] if media == PROTOBUF else encode_json(signal, requests[signal]).encode()
    if packed:
        response = await door.post(signal, gzip.compress(sent), media, content_encoding="gzip")
    else:
        response = await door.post(signal, sent, media)
    assert response.status_code == 200
    assert response.headers["content-type"] == media.split(";")[0]
    assert response.content == (b"" if media == PROTOBUF else b"{}")
    (record,) = door.records()
    assert (record.signal, record.items, record.data()) == (signal, 2, bodies[signal])
    as_received = packed and media == PROTOBUF
    assert record.encoding is (Encoding.GZIP if as_received else Encoding.IDENTITY)
    assert door.acceptor.in_flight.bytes == 0


@pytest.mark.parametrize(("body", "media"), [(b"", PROTOBUF), (b"{}", JSON), (b'{"resourceSpans":[]}', JSON)])
async def test_an_empty_request_succeeds_and_leaves_nothing(door: Any, body: bytes, media: str) -> None:
    response = await door.post("traces", body, media)
    assert (response.status_code, response.content) == (200, b"" if media == PROTOBUF else b"{}")
    assert door.records() == []


@pytest.mark.parametrize("media", [PROTOBUF, JSON])
async def test_invalid_spans_are_counted_and_the_others_kept(
    door: Any, bad_and_good: bytes, media: str
) -> None:
    body = bad_and_good
    if media == JSON:
        body = encode_json(Signal.TRACES, decode(Signal.TRACES, body)).encode()
    response = await door.post("traces", body, media)
    partial = decode_response(Signal.TRACES, response.content, media == JSON)
    assert (response.status_code, partial.rejected) == (200, 1)
    assert "trace id" in partial.message
    (record,) = door.records()
    kept = decode(Signal.TRACES, record.data()).resource_spans[0].scope_spans[0].spans
    assert [span.name for span in kept] == ["one", "two"]


async def test_a_packed_request_with_invalid_spans_is_kept_without_them(
    door: Any, bad_and_good: bytes
) -> None:
    response = await door.post("traces", gzip.compress(bad_and_good), PROTOBUF, content_encoding="gzip")
    assert decode_response(Signal.TRACES, response.content) != PartialSuccess()
    (record,) = door.records()
    assert (record.items, record.encoding) == (2, Encoding.IDENTITY)


async def test_what_is_not_otlp_is_refused_with_its_byte_or_path(door: Any, bodies: Any) -> None:
    cut = await door.post("traces", bodies[Signal.TRACES][:-3], PROTOBUF)
    assert cut.status_code == 400
    assert cut.headers["content-type"] == PROTOBUF
    status = decode_status(cut.content)
    assert status.code == 3
    assert "at byte" in status.message

    text = b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"xyz"}]}]}]}'
    wrong = await door.post("traces", text, JSON)
    assert wrong.status_code == 400
    assert "resourceSpans[0].scopeSpans[0].spans[0].traceId" in json.loads(wrong.content)["message"]

    unpacked = await door.post("traces", bodies[Signal.TRACES], PROTOBUF, content_encoding="gzip")
    assert unpacked.status_code == 400
    assert "Content-Encoding is gzip, but" in decode_status(unpacked.content).message
    assert door.records() == []


async def test_garbage_never_fails_the_agent(door: Any) -> None:
    chance = random.Random(7)
    for n in range(60):
        body = chance.randbytes(chance.randrange(1, 200))
        media = (PROTOBUF, JSON)[n % 2]
        headers = {"content_encoding": "gzip"} if n % 3 == 0 else {}
        response = await door.post(list(Signal)[n % 3], body, media, **headers)
        assert response.status_code in (200, 400)
    assert door.acceptor.in_flight.bytes == 0


async def test_says_what_is_not_taken(door: Any) -> None:
    assert (await door.client.post(f"{door.url}/v1/spans")).status_code == 404
    assert (await door.client.get(f"{door.url}/")).status_code == 404
    get = await door.client.get(f"{door.url}/v1/traces")
    assert (get.status_code, get.headers["allow"]) == (405, "POST, OPTIONS")
    for content_type in ("text/html", "", "text/plain", "application/xml"):
        response = await door.post("traces", b"{}", content_type)
        assert response.status_code == 415
        assert "application/x-protobuf" in response.json()["message"]
    packed = await door.post("traces", b"", PROTOBUF, content_encoding="br")
    assert packed.status_code == 415
    assert "use gzip" in decode_status(packed.content).message


async def test_too_large_bodies_are_refused_whatever_way_they_come(open_door: Any) -> None:
    door = await open_door(max_body=50_000, max_compressed=20_000)

    async def chunks() -> Any:
        for _ in range(100):
            yield bytes(1000)

    bomb = gzip.compress(bytes(10_000_000))
    assert len(bomb) < 20_000
    noise = gzip.compress(random.Random(1).randbytes(30_000))
    for body, headers in (
        (bytes(50_001), {}),
        (chunks(), {}),
        (bomb, {"content-encoding": "gzip"}),
        (noise, {"content-encoding": "gzip"}),
    ):
        response = await door.client.post(
            f"{door.url}/v1/traces", content=body, headers={"content-type": PROTOBUF, **headers}
        )
        assert response.status_code == 413
        assert "retry-after" not in response.headers
        assert decode_status(response.content).code == 8
    assert (await door.post("traces", b"", PROTOBUF)).status_code == 200
    assert door.acceptor.in_flight.bytes == 0


async def test_a_body_of_100_gigabytes_is_refused_by_its_length(door: Any) -> None:
    head = b"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    answer = asyncio.create_task(
        door.raw(head + b"connection: close\r\ncontent-length: 100000000000\r\n\r\n")
    )
    assert b" 413 " in (await answer).splitlines()[0]


async def test_a_slow_body_is_told_so_and_its_connection_closed(open_door: Any) -> None:
    door = await open_door(patience=0.1)
    head = (
        b"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 9\r\n\r\n{"
    )
    answer = await door.raw(head)
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"did not arrive within 0.1 seconds" in answer
    assert door.acceptor.in_flight.bytes == 0


@pytest.mark.parametrize("part", [b"", b"POST /v1/traces HTTP/1.1\r\nhost: "])
async def test_a_head_that_never_ends_is_not_waited_for(open_door: Any, part: bytes) -> None:
    door = await open_door(header_timeout=0.1)
    answer = await door.raw(part)
    assert answer.startswith(b"HTTP/1.1 408 ") if part else answer == b""


async def test_a_head_without_bound_is_cut_off(door: Any) -> None:
    answer = await door.raw(b"POST /v1/traces HTTP/1.1\r\nhost: x\r\n", b"a: " + b"b" * 70_000)
    assert answer.startswith(b"HTTP/1.1 431 ")
    whole = b"POST /v1/traces HTTP/1.1\r\nhost: x\r\na: %b\r\ncontent-length: 2\r\n\r\n{}" % (b"b" * 70_000)
    assert (await door.raw(whole)).startswith(b"HTTP/1.1 431 "), "also when it comes in one piece"


async def test_the_rest_of_a_refused_body_is_not_awaited_for_ever(open_door: Any) -> None:
    door = await open_door(header_timeout=0.1)
    head = b"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: text/html\r\ncontent-length: 99\r\n\r\n"
    assert (await door.raw(head)).startswith(b"HTTP/1.1 415 ")


async def test_what_is_no_http_is_refused(door: Any) -> None:
    assert (await door.raw(b"\x16\x03\x01 hello\r\n\r\n")).startswith(b"HTTP/1.1 400 ")


async def test_more_connections_than_allowed_are_told_to_come_back(open_door: Any) -> None:
    door = await open_door(connections=2)
    host, port = door.url.removeprefix("http://").split(":")
    held = [await asyncio.open_connection(host, int(port)) for _ in range(2)]
    async with asyncio.timeout(20):
        answer = await door.raw()
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"retry-after: 1" in answer
    for _, writer in held:
        writer.close()


async def test_too_much_in_flight_is_told_to_come_back(open_door: Any, bodies: Any) -> None:
    door = await open_door(max_body=50_000, in_flight=60_000)
    with door.acceptor.in_flight.reservation() as others:
        others.grow(59_990)
        response = await door.post("traces", bodies[Signal.TRACES], PROTOBUF)
        assert response.status_code == 429
        assert int(response.headers["retry-after"]) >= 1
        status = decode_status(response.content)
        assert status.code == 8
        assert status.retry_after is not None
    assert (await door.post("traces", bodies[Signal.TRACES], PROTOBUF)).status_code == 200


async def test_a_full_log_is_told_to_come_back_and_loses_nothing(open_door: Any, bodies: Any) -> None:
    door = await open_door(max_bytes=5000)
    door.log.follower("store")
    body = bodies[Signal.LOGS]
    kept = 0
    while (response := await door.post("logs", body, PROTOBUF)).status_code == 200:
        kept += 1
    assert response.status_code == 503
    assert int(response.headers["retry-after"]) >= 1
    assert "intake.max_bytes" in decode_status(response.content).message
    assert len(door.records()) == kept > 3


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is awaited has no event
            await asyncio.sleep(0.002)


async def test_a_client_that_leaves_in_the_middle_leaves_nothing(door: Any) -> None:
    host, port = door.url.removeprefix("http://").split(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(HEAD + b"content-length: 99\r\n\r\n{}")
    await writer.drain()
    await until(lambda: door.acceptor.in_flight.bytes > 0)
    writer.close()
    await until(lambda: door.acceptor.in_flight.bytes == 0)
    assert door.records() == []


async def test_large_requests_are_checked_beside_the_event_loop(open_door: Any, requests: Any) -> None:
    door = await open_door(max_body=4 << 20)
    data = requests[Signal.LOGS]
    data.resource_logs *= 7_000
    text = encode_json(Signal.LOGS, data).encode()
    assert len(text) > 1 << 19
    response = await door.post("logs", text, JSON)
    assert response.status_code == 200
    assert door.records()[0].items == 14_000


async def test_requests_on_one_connection_follow_each_other(door: Any, bodies: Any) -> None:
    body = bodies[Signal.TRACES]
    head = b"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\n"
    one = head + b"content-length: %d\r\n" % len(body)
    answer = await door.raw(one + b"\r\n" + body + one + b"connection: close\r\n\r\n" + body)
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert len(door.records()) == 2


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c"])
async def test_offers_of_other_protocols_are_ignored(door: Any, bodies: Any, protocol: bytes) -> None:
    body = bodies[Signal.TRACES]
    head = (
        b"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\n"
        b"connection: upgrade\r\nupgrade: %s\r\n" % protocol
    )
    whole = head + b"content-length: %d\r\n\r\n" % len(body) + body
    chunked = head + b"transfer-encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
    none = b"GET /v1/traces HTTP/1.1\r\nconnection: upgrade\r\nupgrade: %s\r\n\r\n" % protocol
    last = HEAD + b"connection: close\r\ncontent-length: 2\r\n\r\n{}"
    answer = await door.raw(whole, whole[:300], whole[300:] + chunked, none, last)
    assert [int(part[1:4]) for part in answer.split(b"HTTP/1.1")[1:]] == [
        200,
        200,
        200,
        405,
        200,
    ]
    assert [record.data() for record in door.records()] == [body] * 3


async def test_a_body_is_asked_for_before_it_is_sent(door: Any, bodies: Any) -> None:
    body = bodies[Signal.TRACES]
    head = (
        b"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\n"
        b"connection: close\r\nexpect: 100-continue\r\ncontent-length: %d\r\n\r\n" % len(body)
    )
    answer = await door.raw(head, body)
    assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK")


async def test_concurrent_requests_are_all_kept(open_door: Any, bodies: Any) -> None:
    door = await open_door(fsync="always")
    limits = httpx.Limits(max_connections=20)
    async with httpx.AsyncClient(limits=limits) as client:
        answers = await asyncio.gather(
            *(
                client.post(
                    f"{door.url}/v1/{signal}", content=bodies[signal], headers={"content-type": PROTOBUF}
                )
                for signal in list(Signal) * 20
            )
        )
    assert {answer.status_code for answer in answers} == {200}
    assert len(door.records()) == 60
    assert door.log.syncs < 60
