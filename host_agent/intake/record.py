"""One accepted request as it stands in the log: a header of 128 bytes, the tenant's name, the body.

    offset bytes                             offset bytes
    0   4  magic "SPWV"                      64   1  decision: state
    4   1  version                           65   1  attempts
    5   1  signal                            66   2  zero
    6   1  encoding of the body              68   4  rule generation
    7   1  length of the tenant's name       72   8  threshold
    8   4  length of the body                80   8  routes
    12  4  its length when decompressed      88   8  decided (Unix ns)
    16  4  items                             96   8  detail
    20  4  CRC of the body                   104 20  zero
    24  8  received (Unix ns)                124  4  CRC of 64..124
    32 16  batch id
    48 12  zero                              128     tenant's name, body, zeros up to a multiple of 64
    60  4  CRC of 0..60 and the tenant's name

Numbers are little endian, CRCs are CRC-32. The header's is seeded with the salt of its segment, so that bytes
that a client chose never pass for a record. Records begin at multiples of 64: the decision room lies within
one disk sector and is overwritten in place, whole or not at all.
"""

import os
import struct
import time
from dataclasses import dataclass, field
from typing import NamedTuple

from host_agent.intake.decision import EMPTY_ROOM, ROOM_BYTES, UNDECIDED, Decision
from host_agent.intake.encoding import Encoding, crc32, decompress
from host_agent.intake.position import ORIGIN, Position
from host_agent.tenant import MAX_NAME_BYTES, Tenant
from wasm_sdk.otlp import Signal

MAGIC = b"SPWV"
VERSION = 1
ALIGNMENT = 64
HEADER_BYTES = 128
ROOM_OFFSET = 64
MAX_HEAD_BYTES = HEADER_BYTES + MAX_NAME_BYTES
MAX_BODY_BYTES = 2**31

_FIXED = struct.Struct("<4sBBBBIIIIQ16s12x")
_CRC = struct.Struct("<I")
_SIGNALS = {Signal.TRACES: 1, Signal.METRICS: 2, Signal.LOGS: 3}
_SIGNAL_OF = {number: signal for signal, number in _SIGNALS.items()}


class DamagedRecordError(Exception):
    """The bytes at a position are no whole record: half written, or changed since."""


class Header(NamedTuple):
    """A record without its body."""

    tenant: Tenant
    signal: Signal
    encoding: Encoding
    body_bytes: int
    decoded_bytes: int
    items: int
    body_crc: int
    received_unix_nano: int
    batch_id: bytes
    decision: Decision

    @property
    def body_offset(self) -> int:
        """Bytes from the record's beginning to its body's."""
        return HEADER_BYTES + len(self.tenant.name)

    @property
    def record_bytes(self) -> int:
        """Bytes from the record's beginning to the next one's."""
        return padded(self.body_offset + self.body_bytes)


@dataclass(frozen=True, slots=True)
class Record:
    """An accepted export request.

    Attributes:
        body: The request in protobuf, compressed as `encoding` says.
        items: Spans, data points or log records in it.
        decoded_bytes: Length of the request when decompressed.
        received_unix_nano: When it was accepted.
        batch_id: 16 bytes that name this request wherever its items go.
        decision: What was decided about it when it was read.
        position: Where it stands.
        after: Where the next record stands: what a follower that has finished with this one saves.
    """

    tenant: Tenant
    signal: Signal
    body: bytes
    items: int
    encoding: Encoding = Encoding.IDENTITY
    decoded_bytes: int = 0
    received_unix_nano: int = field(default_factory=time.time_ns)
    batch_id: bytes = field(default_factory=lambda: os.urandom(16))
    decision: Decision = UNDECIDED
    position: Position = ORIGIN
    after: Position = ORIGIN

    def data(self) -> bytes:
        """The request in protobuf. Raises BodyTooLargeError or NotGzipError: not what the header says."""
        return decompress(self.body, self.encoding, self.decoded_bytes or len(self.body))


def padded(size: int) -> int:
    """`size` rounded up to where a record may begin."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def encode_record(record: Record, salt: int) -> bytes:
    """The record's bytes in a segment with that salt, undecided.

    Raises:
        ValueError: when the body has 2 GiB or more.
    """
    name = record.tenant.name.encode()
    body = record.body
    if len(body) >= MAX_BODY_BYTES:
        raise ValueError(f"a body of {len(body)} bytes does not fit into a record")
    fixed = _FIXED.pack(
        MAGIC,
        VERSION,
        _SIGNALS[record.signal],
        record.encoding,
        len(name),
        len(body),
        record.decoded_bytes or len(body),
        record.items,
        crc32(body),
        record.received_unix_nano,
        record.batch_id,
    )
    crc = _CRC.pack(crc32(name, crc32(fixed, salt)))
    padding = bytes(-(HEADER_BYTES + len(name) + len(body)) % ALIGNMENT)
    return b"".join((fixed, crc, EMPTY_ROOM, name, body, padding))


def decode_header(head: bytes, salt: int) -> Header:
    """The header at the beginning of `head`, which has MAX_HEAD_BYTES or whatever the segment still holds.

    Raises:
        DamagedRecordError: when it is none of a segment with that salt.
    """
    if len(head) < HEADER_BYTES or head[:4] != MAGIC:
        raise DamagedRecordError("no record begins here")
    _, version, signal, encoding, name_bytes, body, decoded, items, body_crc, received, batch = (
        _FIXED.unpack_from(head)
    )
    name = head[HEADER_BYTES : HEADER_BYTES + name_bytes]
    if _CRC.unpack_from(head, _FIXED.size)[0] != crc32(name, crc32(head[: _FIXED.size], salt)):
        raise DamagedRecordError("the header is damaged")
    if version != VERSION:
        raise DamagedRecordError(f"written in format {version}; this version reads {VERSION}")
    return Header(
        Tenant(name.decode()),
        _SIGNAL_OF[signal],
        Encoding(encoding),
        body,
        decoded,
        items,
        body_crc,
        received,
        batch,
        Decision.decode(head[ROOM_OFFSET : ROOM_OFFSET + ROOM_BYTES]),
    )


def make_record(header: Header, body: bytes, position: Position) -> Record:
    """The record that a header and its body are.

    Raises:
        DamagedRecordError: when the body is cut short or changed.
    """
    if len(body) != header.body_bytes or crc32(body) != header.body_crc:
        raise DamagedRecordError("the body is damaged")
    return Record(
        header.tenant,
        header.signal,
        body,
        header.items,
        header.encoding,
        header.decoded_bytes,
        header.received_unix_nano,
        header.batch_id,
        header.decision,
        position,
        Position(position.segment, position.offset + header.record_bytes),
    )
