"""What a receiver answers: Export*ServiceResponse with its partial success, google.rpc.Status for failures.

OTLP specification, "Full Success", "Partial Success", "Failures" (HTTP) and "OTLP/gRPC Throttling".
"""

import json as json_text
from typing import Any, NamedTuple

from wasm_sdk.otlp.errors import MalformedOTLP, malformed_at
from wasm_sdk.otlp.signal import Signal
from wasm_sdk.otlp.value_to_protobuf import text, varint
from wasm_sdk.otlp.wire import int64, skip, varint32
from wasm_sdk.otlp.wire import text as read_text
from wasm_sdk.otlp.wire import varint as read_varint

_REJECTED = {
    Signal.TRACES: "rejectedSpans",
    Signal.METRICS: "rejectedDataPoints",
    Signal.LOGS: "rejectedLogRecords",
}
_RETRY_INFO = b"type.googleapis.com/google.rpc.RetryInfo"


class PartialSuccess(NamedTuple):
    """How many items (spans, data points, log records) were rejected and why; `(0, message)` is a warning."""

    rejected: int = 0
    message: str = ""


class RpcStatus(NamedTuple):
    """google.rpc.Status: a gRPC code, a message for people, and the seconds of its RetryInfo detail when it
    has one.
    """

    code: int = 0
    message: str = ""
    retry_after: float | None = None


def encode_response(signal: Signal, rejected: int = 0, message: str = "", json: bool = False) -> bytes:
    """An Export*ServiceResponse; full success (nothing rejected, nothing to say) leaves partial_success
    unset.
    """
    if json:
        partial: dict[str, Any] = {}
        if rejected:
            partial[_REJECTED[Signal(signal)]] = str(rejected)
        if message:
            partial["errorMessage"] = message
        return _json({"partialSuccess": partial} if partial else {})
    content = _varint_field(b"\x08", rejected) + _field(b"\x12", text(message))
    return _field(b"\x0a", content)


def decode_response(signal: Signal, data: bytes, json: bool = False) -> PartialSuccess:
    """The partial success of an Export*ServiceResponse; an empty one when it is unset. Raises
    MalformedOTLP.
    """
    if json:
        partial = _object(data).get("partialSuccess") or {}
        if not isinstance(partial, dict):
            raise MalformedOTLP("an object is expected", "partialSuccess")
        return PartialSuccess(
            _json_int(partial.get(_REJECTED[Signal(signal)]), _REJECTED[Signal(signal)]),
            _json_text(partial.get("errorMessage"), "errorMessage"),
        )
    rejected, message = 0, ""
    for tag, value in _fields(data):
        if tag == 0x0A and isinstance(value, bytes):
            for inner_tag, inner in _fields(value):
                if inner_tag == 0x08 and isinstance(inner, int):
                    rejected = int64(inner)
                elif inner_tag == 0x12 and isinstance(inner, bytes):
                    message = read_text(inner, 0, len(inner))
    return PartialSuccess(rejected, message)


def encode_status(code: int, message: str, json: bool = False, retry_after: float | None = None) -> bytes:
    """A google.rpc.Status, the body of a failed OTLP/HTTP request and of gRPC's `grpc-status-details-bin`.

    Args:
        code: a gRPC status code (3 is INVALID_ARGUMENT, 8 RESOURCE_EXHAUSTED, 14 UNAVAILABLE).
        message: what was wrong and what to do, for people.
        json: the request's encoding.
        retry_after: seconds, written as a google.rpc.RetryInfo detail.
    """
    if json:
        body: dict[str, Any] = {}
        if code:
            body["code"] = code
        if message:
            body["message"] = message
        if retry_after is not None:
            body["details"] = [{"@type": _RETRY_INFO.decode(), "retryDelay": _duration_text(retry_after)}]
        return _json(body)
    content = _varint_field(b"\x08", code) + _field(b"\x12", text(message))
    if retry_after is not None:
        content += _retry_info(retry_after)
    return content


def encode_retry_info(code: int, message: str, seconds: float) -> bytes:
    """A google.rpc.Status in protobuf with RetryInfo: what makes gRPC's RESOURCE_EXHAUSTED retryable."""
    return encode_status(code, message, retry_after=seconds)


def decode_status(data: bytes, json: bool = False) -> RpcStatus:
    """A google.rpc.Status with the delay of its RetryInfo. Raises MalformedOTLP."""
    if json:
        return _status_of_json(_object(data))
    code, message, retry_after = 0, "", None
    for tag, value in _fields(data):
        if tag == 0x08 and isinstance(value, int):
            code = value & 0x7FFFFFFF
        elif tag == 0x12 and isinstance(value, bytes):
            message = read_text(value, 0, len(value))
        elif tag == 0x1A and isinstance(value, bytes):
            detail = dict(_fields(value))
            if detail.get(0x0A) == _RETRY_INFO:
                retry_after = _delay(detail.get(0x12, b""))
    return RpcStatus(code, message, retry_after)


def _status_of_json(body: dict[str, Any]) -> RpcStatus:
    retry_after = None
    for detail in body.get("details") or []:
        if isinstance(detail, dict) and detail.get("@type") == _RETRY_INFO.decode():
            try:
                retry_after = float(str(detail.get("retryDelay", "0s")).removesuffix("s"))
            except ValueError:
                raise MalformedOTLP('a duration such as "1.5s" is expected', "details.retryDelay") from None
    return RpcStatus(
        _json_int(body.get("code"), "code"), _json_text(body.get("message"), "message"), retry_after
    )


def _retry_info(seconds: float) -> bytes:
    whole, nanos = divmod(round(seconds * 1e9), 1_000_000_000)
    duration = _varint_field(b"\x08", whole) + _varint_field(b"\x10", nanos)
    info = b"\x0a" + varint(len(duration)) + duration
    return _field(b"\x1a", _field(b"\x0a", _RETRY_INFO) + _field(b"\x12", info))


def _delay(info: int | bytes) -> float:
    duration = dict(_fields(info)).get(0x0A, b"") if isinstance(info, bytes) else b""
    parts = dict(_fields(duration)) if isinstance(duration, bytes) else {}
    seconds, nanos = parts.get(0x08, 0), parts.get(0x10, 0)
    if not isinstance(seconds, int) or not isinstance(nanos, int):
        raise MalformedOTLP("a google.protobuf.Duration is expected", "RetryInfo.retry_delay")
    return seconds + nanos / 1e9


def _duration_text(seconds: float) -> str:
    return f"{round(seconds, 9):.9f}".rstrip("0").rstrip(".") + "s"


def _field(prefix: bytes, content: bytes) -> bytes:
    return prefix + varint(len(content)) + content if content else b""


def _varint_field(prefix: bytes, value: int) -> bytes:
    return prefix + varint(value) if value else b""


def _fields(data: bytes) -> list[tuple[int, int | bytes]]:
    """The varint and length-delimited fields of a small message; others are passed over."""
    found: list[tuple[int, int | bytes]] = []
    pos, end = 0, len(data)
    try:
        while pos < end:
            tag, pos = varint32(data, pos)
            start = pos
            pos = skip(data, pos, tag, end, 0)
            if tag & 7 == 0:
                found.append((tag, read_varint(data, start)[0]))
            elif tag & 7 == 2:
                size, start = varint32(data, start)
                found.append((tag, data[start : start + size]))
    except IndexError:
        raise malformed_at("the data ends in the middle of a field", end) from None
    return found


def _json(body: dict[str, Any]) -> bytes:
    return json_text.dumps(body, separators=(",", ":")).encode()


def _object(data: bytes) -> dict[str, Any]:
    try:
        body = json_text.loads(data or b"{}")
    except (ValueError, RecursionError) as error:
        raise MalformedOTLP(f"not JSON: {error}", "byte 0") from None
    if not isinstance(body, dict):
        raise MalformedOTLP("an object is expected", "byte 0")
    return body


def _json_int(value: Any, where: str) -> int:
    try:
        return 0 if value is None else int(value)
    except (TypeError, ValueError):
        raise MalformedOTLP("an integer is expected", where) from None


def _json_text(value: Any, where: str) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise MalformedOTLP("a string is expected", where)
    return value
