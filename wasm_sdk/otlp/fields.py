"""Cuts protobuf messages into fields without decoding what they hold: for whoever needs a few of them.

Plain Python that Cython compiles (types in `fields.pxd`).
"""

from typing import Any

from wasm_sdk.otlp.errors import malformed_at
from wasm_sdk.otlp.wire import delimited, put_varint, skip, varint, varint32


def fields(data: bytes) -> list[tuple[int, Any]]:
    """The fields of a message in the order of the wire: (tag, value).

    The tag is the field number times 8 plus the wire type, so that a field of an unexpected wire type matches
    nothing. The value is `bytes` for wire type 2, an unsigned `int` for 0 (varint), 1 (fixed64) and 5
    (fixed32). Groups, which OTLP does not use, are skipped.

    Raises:
        MalformedOTLP: the message is cut short or is no protobuf.
    """
    found: list[tuple[int, Any]] = []
    pos = 0
    end = len(data)
    try:
        while pos < end:
            tag, pos = varint32(data, pos)
            kind = tag & 7
            if kind == 2:
                start, stop = delimited(data, pos, end)
                found.append((tag, data[start:stop]))
                pos = stop
            elif kind == 0:
                value, pos = varint(data, pos)
                found.append((tag, value))
            elif kind == 1 or kind == 5:
                stop = pos + (8 if kind == 1 else 4)
                if stop > end:
                    raise malformed_at("a field runs past the end of its message", end)
                found.append((tag, int.from_bytes(data[pos:stop], "little")))
                pos = stop
            else:
                pos = skip(data, pos, tag, end, 0)
    except IndexError:
        raise malformed_at("the message ends in the middle of a field", end) from None
    return found


def partition(data: bytes, number: int) -> tuple[bytes, list[bytes]]:
    """The submessages in field `number`, and every other field of the message as it was encoded.

    Raises:
        MalformedOTLP: as `fields`.
    """
    rest: list[bytes] = []
    parts: list[bytes] = []
    pos = 0
    end = len(data)
    wanted = number << 3 | 2
    try:
        while pos < end:
            begin = pos
            tag, pos = varint32(data, pos)
            if tag == wanted:
                start, stop = delimited(data, pos, end)
                parts.append(data[start:stop])
                pos = stop
            else:
                pos = skip(data, pos, tag, end, 0)
                rest.append(data[begin:pos])
    except IndexError:
        raise malformed_at("the message ends in the middle of a field", end) from None
    return b"".join(rest), parts


def length_prefixed(number: int, content: bytes) -> bytes:
    """`content` as the length-delimited field `number` (below 16)."""
    prefix = bytearray((number << 3 | 2,))
    put_varint(prefix, len(content))
    return bytes(prefix) + content
