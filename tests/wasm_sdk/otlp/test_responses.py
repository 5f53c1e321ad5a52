"""Responses and error bodies, with the official messages as the oracle."""

from typing import Any

import pytest
from google.protobuf import json_format
from google.rpc import error_details_pb2, status_pb2
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from wasm_sdk.otlp import MalformedOTLP, Signal
from wasm_sdk.otlp.responses import (
    PartialSuccess,
    RpcStatus,
    decode_response,
    decode_status,
    encode_response,
    encode_retry_info,
    encode_status,
)

OFFICIAL: dict[Signal, tuple[Any, str]] = {
    Signal.TRACES: (ExportTraceServiceResponse, "rejected_spans"),
    Signal.METRICS: (ExportMetricsServiceResponse, "rejected_data_points"),
    Signal.LOGS: (ExportLogsServiceResponse, "rejected_log_records"),
}


@pytest.mark.parametrize("signal", Signal)
@pytest.mark.parametrize(("rejected", "message"), [(0, ""), (3, "because"), (0, "a warning, é"), (2**40, "")])
def test_partial_success_is_what_the_official_library_reads(
    signal: Signal, rejected: int, message: str
) -> None:
    cls, name = OFFICIAL[signal]
    for official in (
        cls.FromString(encode_response(signal, rejected, message)),
        json_format.Parse(encode_response(signal, rejected, message, json=True), cls()),
    ):
        assert official.HasField("partial_success") == bool(rejected or message)
        assert getattr(official.partial_success, name) == rejected
        assert official.partial_success.error_message == message
        assert decode_response(signal, official.SerializeToString()) == PartialSuccess(rejected, message)
        text = json_format.MessageToJson(official).encode()
        assert decode_response(signal, text, json=True) == PartialSuccess(rejected, message)


def test_full_success_leaves_partial_success_unset() -> None:
    assert encode_response(Signal.TRACES) == b""
    assert encode_response(Signal.TRACES, json=True) == b"{}"
    assert decode_response(Signal.TRACES, b"", json=True) == PartialSuccess(0, "")
    assert decode_response(Signal.LOGS, b'{"partialSuccess":{}}', json=True) == PartialSuccess(0, "")


@pytest.mark.parametrize("retry_after", [None, 0.5, 30.0, 1e-9, 86400.25])
def test_a_status_carries_its_retry_info(retry_after: float | None) -> None:
    data = encode_status(8, "slow down", retry_after=retry_after)
    official = status_pb2.Status.FromString(data)
    assert (official.code, official.message) == (8, "slow down")
    if retry_after is not None:
        info = error_details_pb2.RetryInfo()
        assert official.details[0].Unpack(info)
        assert info.retry_delay.ToNanoseconds() == round(retry_after * 1e9)
        assert encode_retry_info(8, "slow down", retry_after) == data
    assert decode_status(data) == RpcStatus(8, "slow down", retry_after)
    text = encode_status(8, "slow down", json=True, retry_after=retry_after)
    assert json_format.Parse(text, status_pb2.Status()) == official
    assert decode_status(text, json=True) == RpcStatus(8, "slow down", retry_after)


def test_other_details_and_fields_are_passed_over() -> None:
    status = status_pb2.Status(code=3, message="no")
    status.details.add().Pack(error_details_pb2.BadRequest())
    assert decode_status(status.SerializeToString() + b"\xf8\x07\x01") == RpcStatus(3, "no", None)
    assert decode_status(json_format.MessageToJson(status).encode(), json=True) == RpcStatus(3, "no", None)
    assert decode_status(encode_status(0, "")) == RpcStatus()
    assert decode_status(encode_status(0, "", json=True), json=True) == RpcStatus()


@pytest.mark.parametrize(
    ("data", "json"),
    [
        (b"\x0a\x7f", False),
        (b"\x08", False),
        (b"\x12\x02\xff\xff", False),
        (b"[]", True),
        (b"nonsense", True),
        (b'{"message":5}', True),
        (b'{"code":"x"}', True),
        (b'{"details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"soon"}]}', True),
    ],
)
def test_a_body_that_is_no_status_is_refused(data: bytes, json: bool) -> None:
    with pytest.raises(MalformedOTLP):
        decode_status(data, json=json)


@pytest.mark.parametrize(
    "text", [b'{"partialSuccess":5}', b'{"partialSuccess":{"rejectedSpans":[]}}', b"\xff"]
)
def test_a_body_that_is_no_response_is_refused(text: bytes) -> None:
    with pytest.raises(MalformedOTLP):
        decode_response(Signal.TRACES, text, json=True)
