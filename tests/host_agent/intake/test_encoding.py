import gzip as reference
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_agent.intake.encoding import (
    BodyTooLargeError,
    Encoding,
    NotGzipError,
    crc32,
    decompress,
    gunzip,
    gzip,
)


@given(st.binary(max_size=4096), st.binary(max_size=64))
def test_reads_what_the_standard_library_writes_and_the_reverse(data: bytes, more: bytes) -> None:
    assert gunzip(reference.compress(data), 8192) == data
    assert gunzip(reference.compress(data) + reference.compress(more), 8192) == data + more
    assert reference.decompress(gzip(data)) == data
    assert crc32(more, crc32(data)) == zlib.crc32(data + more)


def test_the_bound_is_exact() -> None:
    packed = reference.compress(b"x" * 1000)
    assert gunzip(packed, 1000) == b"x" * 1000
    with pytest.raises(BodyTooLargeError, match="more than 999 bytes after decompression"):
        gunzip(packed, 999)
    with pytest.raises(BodyTooLargeError):
        gunzip(packed * 2, 1999)
    with pytest.raises(BodyTooLargeError):
        decompress(b"abc", Encoding.IDENTITY, 2)


@pytest.mark.parametrize(
    "data",
    [b"", b"no gzip", b"\x1f\x8b", reference.compress(b"x" * 99)[:-4], reference.compress(b"x") + b"junk"],
)
def test_what_is_no_whole_gzip_stream_is_refused(data: bytes) -> None:
    with pytest.raises(NotGzipError):
        gunzip(data, 1000)


def test_a_flipped_bit_is_noticed() -> None:
    packed = bytearray(reference.compress(bytes(range(256)) * 8))
    packed[-6] ^= 1  # in the CRC
    with pytest.raises(NotGzipError):
        gunzip(bytes(packed), 10_000)
