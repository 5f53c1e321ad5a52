"""The Python side of a page, run natively against a real HTTP receiver."""

import asyncio
import gzip
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.browser.serving import served
from wasm_sdk.page import Page

SPAN = {
    "traceId": "0af7651916cd43dd8448eb211c80319c",
    "spanId": "b7ad6b7169203331",
    "name": "GET",
    "kind": 3,
    "startTimeUnixNano": "1700000000000000001",
    "endTimeUnixNano": "1700000000000000002",
}


def request(**fields: object) -> str:
    spans = [SPAN | fields]
    return json.dumps({"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": spans}]}]})


@contextmanager
def receiver(answer: Callable[[bytes], Response]) -> Iterator[str]:
    async def receive(request: Request) -> Response:
        return answer(await request.body())

    with served(Starlette(routes=[Route("/v1/{signal}", receive, methods=["POST"])])) as origin:
        yield origin


class Told:
    """What the loader would hear."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.heard = asyncio.Event()

    def __call__(self, text: str) -> None:
        self.messages.append(json.loads(text))
        self.heard.set()

    async def until(self, count: int) -> list[dict[str, Any]]:
        async with asyncio.timeout(20):
            while len(self.messages) < count:
                self.heard.clear()
                await self.heard.wait()
        return self.messages


async def test_batches_of_a_moment_leave_as_one_compressed_protobuf_request() -> None:
    bodies: list[bytes] = []
    told = Told()
    with receiver(lambda body: bodies.append(body) or Response()) as url:
        page = Page(url, told)
        page.submit(1, "traces", request(name="first"))
        page.submit(2, "traces", request(name="second"))
        messages = await told.until(2)
    assert [(m["batch"], m["accepted"], m["failure"]) for m in messages] == [(1, True, None), (2, True, None)]
    (body,) = bodies
    message = ExportTraceServiceRequest.FromString(gzip.decompress(body))
    names = [group.scope_spans[0].spans[0].name for group in message.resource_spans]
    assert names == ["first", "second"]
    assert message.resource_spans[0].scope_spans[0].spans[0].trace_id.hex() == SPAN["traceId"]


async def test_what_is_no_otlp_goes_back_for_good_and_harms_no_other() -> None:
    told = Told()
    with receiver(lambda body: Response()) as url:
        page = Page(url, told)
        page.submit(1, "traces", '{"resourceSpans": 7}')
        page.submit(2, "traces", request())
        page.submit(3, "colours", "{}")
        messages = await told.until(3)
    assert {m["batch"]: m["failure"] for m in messages} == {1: "refused", 2: None, 3: "refused"}
    assert "resourceSpans" in messages[0]["message"]


@pytest.mark.parametrize(("status", "failure"), [(400, "refused"), (503, "busy")])
async def test_a_failed_export_says_whether_another_try_is_worth_it(status: int, failure: str) -> None:
    told = Told()
    headers = {"retry-after": "60"}
    with receiver(lambda body: Response(status_code=status, headers=headers)) as url:
        Page(url, told).submit(1, "traces", request())
        (message,) = await told.until(1)
    assert (message["accepted"], message["failure"]) == (False, failure)
    assert str(status) in message["message"]
