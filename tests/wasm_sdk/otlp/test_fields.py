"""Cutting messages into fields, against official protobuf."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span

from wasm_sdk.otlp.errors import MalformedOTLP
from wasm_sdk.otlp.fields import fields, length_prefixed, partition


def test_gives_tags_and_values_in_the_order_of_the_wire() -> None:
    span = Span(trace_id=b"t" * 16, name="é", kind=3, start_time_unix_nano=2**63, flags=257)
    assert fields(span.SerializeToString()) == [
        (0x0A, b"t" * 16),
        (0x2A, "é".encode()),
        (0x30, 3),
        (0x39, 2**63),
        (0x85, 257),
    ]


def test_negative_enumerations_are_unsigned_64_bit_numbers() -> None:
    assert fields(b"\x30" + b"\xff" * 9 + b"\x01") == [(0x30, 2**64 - 1)]


def test_skips_groups() -> None:
    assert fields(b"\x0b\x08\x01\x0c\x10\x05") == [(0x10, 5)]


@given(st.lists(st.binary(max_size=300), max_size=5), st.text(max_size=200))
def test_partition_and_length_prefixed_put_a_message_together_again(
    parts: list[bytes], schema_url: str
) -> None:
    around = ResourceSpans(schema_url=schema_url).SerializeToString()
    whole = b"".join(length_prefixed(2, part) for part in parts) + around
    assert partition(whole, 2) == (around, parts)


@given(st.binary(max_size=64))
def test_any_bytes_give_fields_or_one_exception(data: bytes) -> None:
    for cut in (fields, lambda data: partition(data, 2)):
        try:
            cut(data)
        except MalformedOTLP as error:
            assert error.where.startswith("byte ")


@pytest.mark.parametrize(
    "data", [b"\x0a", b"\x0a\x05abc", b"\x09\x00", b"\x0d\x00", b"\x08", b"\x08\x80", b"\x0c", b"\x0f"]
)
def test_says_where_a_message_is_cut_short_or_none(data: bytes) -> None:
    with pytest.raises(MalformedOTLP, match="byte"):
        fields(data)
    with pytest.raises(MalformedOTLP, match="byte"):
        partition(data, 15)
