import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_agent.intake.decision import UNDECIDED, Decision, DecisionState
from host_agent.intake.encoding import Encoding, gzip
from host_agent.intake.position import Position
from host_agent.intake.record import (
    ALIGNMENT,
    MAX_BODY_BYTES,
    MAX_HEAD_BYTES,
    DamagedRecordError,
    Record,
    decode_header,
    encode_record,
    make_record,
)
from host_agent.tenant import DEFAULT_TENANT, Tenant
from wasm_sdk.otlp import Signal

SALT = 0x5EED
u64 = st.integers(0, 2**64 - 1)
tenants = st.from_regex(r"[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?", fullmatch=True).map(Tenant)
records = st.builds(
    Record,
    tenant=tenants,
    signal=st.sampled_from(list(Signal)),
    body=st.binary(max_size=600),
    items=st.integers(0, 2**32 - 1),
    encoding=st.sampled_from(list(Encoding)),
    decoded_bytes=st.integers(1, 2**32 - 1),
    received_unix_nano=u64,
    batch_id=st.binary(min_size=16, max_size=16),
)
decisions = st.builds(
    Decision,
    state=st.sampled_from(list(DecisionState)),
    attempts=st.integers(0, 255),
    generation=st.integers(0, 2**32 - 1),
    threshold=st.integers(0, 2**56 - 1),
    routes=u64,
    decided_unix_nano=u64,
    detail=u64,
)


def decode(data: bytes, salt: int = SALT) -> Record:
    header = decode_header(data[:MAX_HEAD_BYTES], salt)
    body = data[header.body_offset : header.body_offset + header.body_bytes]
    return make_record(header, body, Position(7, 64))


@given(records)
def test_a_record_reads_back_as_it_was_written(record: Record) -> None:
    data = encode_record(record, SALT)
    assert len(data) % ALIGNMENT == 0
    back = decode(data)
    assert back.after == Position(7, 64 + len(data))
    assert back == Record(
        record.tenant,
        record.signal,
        record.body,
        record.items,
        record.encoding,
        record.decoded_bytes,
        record.received_unix_nano,
        record.batch_id,
        UNDECIDED,
        Position(7, 64),
        back.after,
    )


@given(records, st.data())
def test_a_changed_byte_outside_the_decision_room_is_noticed(record: Record, data: st.DataObject) -> None:
    encoded = bytearray(encode_record(record, SALT))
    end = 128 + len(record.tenant.name) + len(record.body)
    at = data.draw(st.integers(0, end - 1).filter(lambda i: not 64 <= i < 128))
    encoded[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(DamagedRecordError):
        decode(bytes(encoded))


@given(records, st.integers(0, 2**32 - 1).filter(lambda salt: salt != SALT))
def test_a_record_of_another_segment_does_not_pass(record: Record, salt: int) -> None:
    with pytest.raises(DamagedRecordError):
        decode(encode_record(record, SALT), salt)


@given(decisions)
def test_a_decision_reads_back_from_its_room(decision: Decision) -> None:
    encoded = bytearray(encode_record(Record(DEFAULT_TENANT, Signal.LOGS, b"x", 1), SALT))
    encoded[64:128] = decision.encode()
    assert decode(bytes(encoded)).decision == decision


@given(decisions, st.integers(0, 59), st.integers(1, 255))
def test_a_half_written_decision_reads_as_undecided(decision: Decision, at: int, flip: int) -> None:
    room = bytearray(decision.encode())
    room[at] ^= flip
    assert Decision.decode(bytes(room)) == UNDECIDED


def test_a_decision_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="Decision"):
        Decision(attempts=256).encode()


def test_data_is_the_request_decompressed() -> None:
    record = Record(DEFAULT_TENANT, Signal.TRACES, gzip(b"request"), 1, Encoding.GZIP, 7)
    assert record.data() == b"request"
    assert Record(DEFAULT_TENANT, Signal.TRACES, b"request", 1).data() == b"request"


def test_a_body_beyond_the_format_is_refused() -> None:
    class Huge(bytes):
        def __len__(self) -> int:
            return MAX_BODY_BYTES

    with pytest.raises(ValueError, match="does not fit"):
        encode_record(Record(DEFAULT_TENANT, Signal.TRACES, Huge(), 1), SALT)
