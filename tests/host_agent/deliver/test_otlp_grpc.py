"""OTLP/gRPC to real servers: what is tried again, TLS, headers."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
import grpc.aio
import pytest

from host_agent.deliver.otlp_grpc import OtlpGrpcSink
from host_agent.deliver.sink import Fate
from host_agent.pipeline.settings import OtlpGrpcConfig
from wasm_sdk.otlp import Signal
from wasm_sdk.otlp.responses import encode_response, encode_retry_info

Handler = Callable[[bytes, Any], Any]


@asynccontextmanager
async def serving(handler: Handler) -> AsyncIterator[str]:
    server = grpc.aio.server()
    methods = {"Export": grpc.unary_unary_rpc_method_handler(handler)}
    service = "opentelemetry.proto.collector.logs.v1.LogsService"
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service, methods),))
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


def sink(endpoint: str, **more: Any) -> OtlpGrpcSink:
    return OtlpGrpcSink(OtlpGrpcConfig(type="otlp_grpc", endpoint=endpoint, insecure=True, **more))


@pytest.mark.parametrize(
    ("code", "details", "fate", "after"),
    [
        (grpc.StatusCode.UNAVAILABLE, None, Fate.AGAIN, None),
        (grpc.StatusCode.DATA_LOSS, None, Fate.AGAIN, None),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, None, Fate.REFUSED, None),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, 1.5, Fate.AGAIN, 1.5),
        (grpc.StatusCode.INVALID_ARGUMENT, None, Fate.REFUSED, None),
    ],
)
async def test_retried_is_what_otlp_says(
    code: grpc.StatusCode, details: float | None, fate: Fate, after: float | None
) -> None:
    async def fail(body: bytes, context: Any) -> bytes:
        if details is not None:
            status = encode_retry_info(code.value[0], "slow down", details)
            context.set_trailing_metadata((("grpc-status-details-bin", status),))
        await context.abort(code, "no")
        return b""

    async with serving(fail) as endpoint:
        sender = sink(endpoint)
        outcome = await sender.send(Signal.LOGS, b"")
        await sender.close()
    assert (outcome.fate, outcome.after) == (fate, after)
    assert code.name in outcome.reason


async def test_headers_go_along_and_partial_success_comes_back() -> None:
    seen: dict[str, Any] = {}

    async def take(body: bytes, context: Any) -> bytes:
        seen.update(dict(context.invocation_metadata()) | {"body": body})
        return encode_response(Signal.LOGS, 3, "too old")

    async with serving(take) as endpoint:
        sender = sink(endpoint, headers={"X-Key": "secret"})
        outcome = await sender.send(Signal.LOGS, b"\x0a\x00")
        await sender.close()
    assert (outcome.fate, outcome.rejected, outcome.reason) == (Fate.DELIVERED, 3, "too old")
    assert (seen["x-key"], seen["body"]) == ("secret", b"\x0a\x00")


async def test_nobody_there_is_tried_again() -> None:
    sender = sink("127.0.0.1:1", timeout_s=2)
    assert (await sender.send(Signal.LOGS, b"")).fate is Fate.AGAIN
    await sender.close()
