"""Whatever the bytes are, the answer is a model or MalformedOTLP; and all readers agree which."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from google.protobuf.message import DecodeError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import Sample
from tests.wasm_sdk.otlp import oracle
from tests.wasm_sdk.otlp.fuzz import SEEDS, mutated
from wasm_sdk import otlp
from wasm_sdk.otlp import MalformedOTLP, Signal
from wasm_sdk.otlp.screen import screen
from wasm_sdk.otlp.wire import iter_spans

REQUEST = SEEDS[0]


def outcome(read: Callable[[], Any]) -> str:
    try:
        read()
    except (MalformedOTLP, DecodeError):
        return "refused"
    return "read"


def test_cut_at_any_byte_it_is_read_or_refused_as_the_official_library_does() -> None:
    for length in range(len(REQUEST)):
        data = REQUEST[:length]
        official = outcome(lambda data=data: oracle.parse("traces", data))
        assert outcome(lambda data=data: otlp.decode_traces(data)) == official, length
        assert outcome(lambda data=data: screen(Signal.TRACES, data)) == official, length
        assert outcome(lambda data=data: list(iter_spans(data))) == official, length


def test_every_sample_cut_anywhere_is_refused_with_its_end(otlp_samples: list[Sample]) -> None:
    chosen = random.Random(7)
    for sample in otlp_samples:
        if sample.encoding != "protobuf":
            continue
        data = sample.path.read_bytes()
        for length in chosen.sample(range(len(data)), min(8, len(data))):
            cut = data[:length]
            official = outcome(lambda cut=cut, sample=sample: oracle.parse(sample.signal, cut))
            assert outcome(lambda cut=cut, sample=sample: otlp.decode(Signal(sample.signal), cut)) == official
            assert outcome(lambda cut=cut, sample=sample: screen(Signal(sample.signal), cut)) == official


@pytest.mark.parametrize("signal", oracle.SIGNALS)
def test_mutated_requests_are_judged_alike_by_all_readers(signal: str) -> None:
    def check(message: Any, seed: int) -> None:
        data = mutated(message.SerializeToString(), random.Random(seed))
        mine = outcome(lambda: otlp.decode(Signal(signal), data))
        assert outcome(lambda: screen(Signal(signal), data)) == mine
        if mine == "read":  # a known field of another wire type is refused here, and unknown to protobuf
            encoded = otlp.encode(Signal(signal), otlp.decode(Signal(signal), data))
            assert oracle.canonical(oracle.parse(signal, encoded)) == oracle.canonical(
                oracle.parse(signal, data)
            )

    settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))(
        given(oracle.requests(signal), st.integers(0, 1 << 32))(check)
    )()


@given(st.binary(max_size=60))
def test_noise_is_judged_alike_by_all_readers(data: bytes) -> None:
    for signal in Signal:
        assert outcome(lambda signal=signal: otlp.decode(signal, data)) == outcome(
            lambda signal=signal: screen(signal, data)
        )


@pytest.mark.parametrize(
    ("span", "reason", "where"),
    [
        (b"\x08\x01", "trace_id (field 1) with wire type 0", "byte 0"),
        (b"\x4a\x02\x08\x01", "KeyValue.key (field 1) with wire type 0", "byte 2"),
        (b"\x4a\x04\x12\x02\x08\x01", "AnyValue.string_value (field 1) with wire type 0", "byte 4"),
        (b"\x3a\x00", "start_time_unix_nano (field 7) with wire type 2", "byte 0"),
        (b"\x2a\x02\xc3\x28", "not UTF-8", "byte 2"),
        (b"\x4a\x06\x12\x04\x0a\x02a\xff", "not UTF-8", "byte 7"),
        (b"\x30\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "more than 10 bytes", "byte 1"),
        (b"\x2a\xff\xff\xff\xff\xff\x01", "more than 32 bits", "byte 1"),
        (b"\x2a\x7f", "past the end", "byte 2"),
        (b"\x00\x00", "field number 0", "byte 0"),
        (b"\xfe\x07", "wire type 6", "byte 1"),
        (b"\xfb\x07\x08", "ends", "byte 3"),
        (b"\xfc\x07", "wire type 4", "byte 1"),
        (b"\x39\x00", "middle of a field", "byte 2"),
    ],
)
def test_the_fault_is_named_with_its_byte(span: bytes, reason: str, where: str) -> None:
    with pytest.raises(MalformedOTLP) as caught:
        otlp.decode_span(span)
    assert reason in caught.value.reason
    assert caught.value.where == where
    assert str(caught.value) == f"{caught.value.reason} (at {where})"


def nested(levels: int, group: bool = False) -> bytes:
    """A span attribute with so many messages (or groups of a later version) inside it."""
    value = b""
    for _ in range(levels // 2):
        for tag in (b"\x0a", b"\x2a"):
            size = bytearray()
            length = len(value)
            while length > 127:
                size.append(length & 127 | 128)
                length >>= 7
            value = tag + bytes([*size, length]) + value
    if group:
        value = b"\xfb\x07" * levels + b"\xfc\x07" * levels
    for tag in (b"\x12", b"\x4a", b"\x12", b"\x12", b"\x0a"):
        size = bytearray()
        length = len(value)
        while length > 127:
            size.append(length & 127 | 128)
            length >>= 7
        value = tag + bytes([*size, length]) + value
    return value


@pytest.mark.parametrize("group", [False, True])
def test_nesting_is_bounded_where_protobuf_bounds_it(group: bool) -> None:
    outcomes = []
    for levels in range(90, 102, 2):
        data = nested(levels, group)
        official = outcome(lambda data=data: oracle.parse("traces", data))
        assert outcome(lambda data=data: otlp.decode_traces(data)) == official, levels
        assert outcome(lambda data=data: screen(Signal.TRACES, data)) == official, levels
        outcomes.append(official)
        if official == "read":
            assert otlp.encode_traces(otlp.decode_traces(data)) == data
    assert set(outcomes) == {"read", "refused"}
    assert outcome(lambda: otlp.decode_traces(nested(20_000, group))) == "refused"


def test_the_exception_survives_a_process_boundary() -> None:
    import pickle

    error = pickle.loads(pickle.dumps(MalformedOTLP("why", "byte 3")))
    assert (error.reason, error.where) == ("why", "byte 3")
