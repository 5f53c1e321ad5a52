"""AnyValue and KeyValue to protobuf: what every encoder here shares, free of the model's import time."""

import struct
from collections.abc import Mapping
from typing import cast

from wasm_sdk.otlp.values import AnyValue, EncodedValue, KeyValue, KeyValues
from wasm_sdk.otlp.wire import MAX_DEPTH

_double = struct.Struct("<d").pack
_U64 = (1 << 64) - 1


def key_value(item: KeyValue, depth: int = 3) -> bytes:
    """A KeyValue message; `depth` as for `encode_value`."""
    key, value, unknown = item
    content = text(key)
    head = b"\n" + varint(len(content)) + content if content else b""
    if type(value) is EncodedValue and value.encoded is None:
        return head + unknown
    encoded = encode_value(value, depth + 1)
    return b"".join((head, b"\x12", varint(len(encoded)), encoded, unknown))


def encode_value(value: AnyValue, depth: int = 4) -> bytes:
    """An AnyValue message (`b""` for None). `depth` counts the messages around it: at least four.

    Raises:
        ValueError: an integer beyond 64 bits, or nesting that no receiver reads.
        TypeError: not one of AnyValue's types.
    """
    if isinstance(value, str):
        content = text(value)
        return b"\n" + varint(len(content)) + content
    if isinstance(value, bool):
        return b"\x10\x01" if value else b"\x10\x00"
    if isinstance(value, int):
        if not -(1 << 63) <= value < 1 << 63:
            raise ValueError(f"an attribute of {value}: integers have 64 bits")
        return b"\x18" + varint(value & _U64)
    if isinstance(value, float):
        return b"!" + _double(value)
    if value is None:
        return b""
    if isinstance(value, bytes | bytearray | memoryview):
        return b":" + varint(len(value)) + bytes(value)
    if isinstance(value, EncodedValue):
        return value.encoded or b""
    if depth > MAX_DEPTH:
        raise ValueError("an attribute nested deeper than a receiver reads, or a list that holds itself")
    out: list[bytes] = []
    if isinstance(value, KeyValues):
        for item in value:
            content = key_value(item, depth + 2)
            out += (b"\n", varint(len(content)), content)
        content = b"".join(out)
        return b"2" + varint(len(content)) + content
    if isinstance(value, Mapping):
        return encode_value(KeyValues([KeyValue(key, item) for key, item in value.items()]), depth)
    if isinstance(value, list | tuple):
        for each in cast("list[AnyValue]", value):
            content = encode_value(each, depth + 2)
            out += (b"\n", varint(len(content)), content)
        content = b"".join(out)
        return b"*" + varint(len(content)) + content
    raise TypeError(
        f"an attribute of type {type(value).__name__}: OTLP has str, bool, int, float, bytes, lists, maps"
    )


def text(value: str) -> bytes:
    """UTF-8; a lone surrogate, which has no UTF-8, becomes "?"."""
    try:
        return value.encode()
    except UnicodeEncodeError:
        return value.encode(errors="replace")


def varint(value: int) -> bytes:
    """Base-128 of an unsigned 64-bit integer."""
    known = _SHORT.get(value)
    if known is not None:
        return known
    if 0 <= value < 16384:
        short = _SHORT[value] = bytes((value & 127 | 128, value >> 7))
        return short
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


# Lengths repeat; those of two bytes are added as they come, 16,256 at most.
_SHORT = {n: bytes((n,)) for n in range(128)}
