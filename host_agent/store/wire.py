"""Cuts protobuf messages into fields without decoding them: all that the store needs of OTLP's bytes.

Plain Python that Cython compiles (types in `wire.pxd`), on the core's varints. The bytes were screened at the
door; what is malformed all the same raises MalformedOTLP and is never read past its end.
"""

from typing import Any

from wasm_sdk.otlp.errors import MalformedOTLP, malformed_at
from wasm_sdk.otlp.wire import put_varint, skip, varint, varint32


def fields(data: bytes) -> list[tuple[int, Any]]:
    """The fields of a message in the order of the wire: (tag, value).

    The tag is the field number times 8 plus the wire type, so that a field of an unexpected wire type matches
    nothing. The value is `bytes` for wire type 2, an unsigned `int` for 0 (varint), 1 (fixed64) and 5
    (fixed32). Groups, which OTLP does not use, are skipped.

    Raises:
        MalformedOTLP: the message is cut short or is no protobuf.
    """
    found: list[tuple[int, Any]] = []
    position = 0
    end = len(data)
    try:
        while position < end:
            tag, position = varint32(data, position)
            kind = tag & 7
            if kind == 2:
                size, position = varint32(data, position)
                stop = position + size
                if stop > end:
                    raise malformed_at("a field runs past the end of its message", position)
                found.append((tag, data[position:stop]))
                position = stop
            elif kind == 0:
                value, position = varint(data, position)
                found.append((tag, value))
            elif kind == 1 or kind == 5:
                stop = position + (8 if kind == 1 else 4)
                if stop > end:
                    raise malformed_at("a field runs past the end of its message", position)
                found.append((tag, int.from_bytes(data[position:stop], "little")))
                position = stop
            else:
                position = skip(data, position, tag, end, 0)
    except IndexError:
        raise cut_short(end) from None
    return found


def partition(data: bytes, number: int) -> tuple[bytes, list[bytes]]:
    """The submessages in field `number`, and every other field of the message as it was encoded.

    Raises:
        MalformedOTLP: as `fields`.
    """
    rest: list[bytes] = []
    parts: list[bytes] = []
    position = 0
    end = len(data)
    wanted = number << 3 | 2
    try:
        while position < end:
            begin = position
            tag, position = varint32(data, position)
            if tag == wanted:
                size, position = varint32(data, position)
                stop = position + size
                if stop > end:
                    raise malformed_at("a field runs past the end of its message", position)
                parts.append(data[position:stop])
                position = stop
            else:
                position = skip(data, position, tag, end, 0)
                rest.append(data[begin:position])
    except IndexError:
        raise cut_short(end) from None
    return b"".join(rest), parts


def length_prefixed(number: int, content: bytes) -> bytes:
    """`content` as the length-delimited field `number` (below 16)."""
    prefix = bytearray((number << 3 | 2,))
    put_varint(prefix, len(content))
    return bytes(prefix) + content


def cut_short(position: int) -> MalformedOTLP:
    return malformed_at("the message ends in the middle of a field", position)
