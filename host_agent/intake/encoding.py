"""How a record's body is compressed, and undoing it within a bound."""

import zlib
from enum import IntEnum
from types import ModuleType
from typing import Protocol

fast_zlib: ModuleType
try:
    from isal import isal_zlib as fast_zlib
except ImportError:  # no wheel for this platform: the same interface, four times slower
    fast_zlib = zlib
_ERRORS: tuple[type[Exception], ...] = (zlib.error, fast_zlib.error)


class Encoding(IntEnum):
    """How the body is compressed: the number that stands in the record's header."""

    IDENTITY = 0
    GZIP = 1


class BodyTooLargeError(ValueError):
    """The body exceeds its bound once decompressed: at least `size` bytes."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"more than {limit} bytes after decompression")
        self.size = size
        self.limit = limit


class NotGzipError(ValueError):
    """The bytes are no complete gzip stream."""


class _Decompressor(Protocol):
    eof: bool
    unused_data: bytes
    unconsumed_tail: bytes

    def decompress(self, data: bytes, max_length: int = 0, /) -> bytes: ...


def crc32(data: bytes | bytearray | memoryview, value: int = 0) -> int:
    """CRC-32 (ISO 3309), continued from `value`."""
    return int(fast_zlib.crc32(data, value))


def gunzip(data: bytes, limit: int) -> bytes:
    """The contents of a gzip stream (RFC 1952; several members are allowed), within a bound.

    Raises:
        BodyTooLargeError: as soon as the output exceeds `limit` bytes; what follows is never inflated.
        NotGzipError: when the stream is damaged, cut short, or followed by something else.
    """
    parts: list[bytes] = []
    size = 0
    rest = data
    while rest:
        stream: _Decompressor = fast_zlib.decompressobj(wbits=31)
        try:
            part = stream.decompress(rest, limit - size + 1)
        except _ERRORS as error:
            raise NotGzipError(f"not gzip: {error}") from error
        size += len(part)
        if size > limit:
            raise BodyTooLargeError(size, limit)
        if not stream.eof:
            raise NotGzipError("the gzip stream is cut short")
        parts.append(part)
        rest = stream.unused_data
    if not parts:
        raise NotGzipError("the gzip stream is empty")
    return parts[0] if len(parts) == 1 else b"".join(parts)


def gzip(data: bytes) -> bytes:
    """`data` as a gzip stream, at the level that costs least (isal 1: five-fold on spans)."""
    stream = fast_zlib.compressobj(level=1, wbits=31)
    return bytes(stream.compress(data) + stream.flush())


def decompress(data: bytes, encoding: Encoding, limit: int) -> bytes:
    """`data` as it was before it was compressed. Raises BodyTooLargeError and NotGzipError."""
    if encoding is Encoding.IDENTITY:
        if len(data) > limit:
            raise BodyTooLargeError(len(data), limit)
        return data
    return gunzip(data, limit)
