"""A segment: the file of up to some ten megabytes that holds consecutive records.

It begins with 64 bytes: magic "SPWVSEG1", the salt (4), zeros (4), its number (8), when it was created (8,
Unix ns), zeros (28), the CRC of all that (4).
"""

import logging
import os
import re
import struct
import time
from collections.abc import Iterator
from pathlib import Path

from host_agent.intake.disk import DiskFile
from host_agent.intake.encoding import crc32
from host_agent.intake.position import Position
from host_agent.intake.record import (
    ALIGNMENT,
    MAGIC,
    MAX_HEAD_BYTES,
    DamagedRecordError,
    Header,
    Record,
    decode_header,
    make_record,
)

logger = logging.getLogger(__name__)

FIRST_OFFSET = 64
_MAGIC = b"SPWVSEG1"
_HEADER = struct.Struct("<8sI4xQQ28x")
_CRC = struct.Struct("<I")
_NAME = re.compile(r"(\d{16})\.log")
_SEARCH_BYTES = 1 << 20


def segment_path(directory: Path, number: int) -> Path:
    return directory / f"{number:016d}.log"


def list_segments(directory: Path) -> list[int]:
    """The numbers of the segments in a directory, oldest first."""
    try:
        names = [path.name for path in directory.iterdir()]
    except FileNotFoundError:
        return []
    return sorted(int(match[1]) for name in names if (match := _NAME.fullmatch(name)))


def create_segment(directory: Path, number: int) -> tuple[DiskFile, int]:
    """A new, empty segment and its salt."""
    salt = int.from_bytes(os.urandom(4), "little")
    file = DiskFile(segment_path(directory, number), "x")
    header = _HEADER.pack(_MAGIC, salt, number, time.time_ns())
    try:
        file.write(0, header + _CRC.pack(crc32(header)))
    except OSError:
        file.close()
        file.path.unlink()
        raise
    return file, salt


class SegmentReader:
    """Reads one segment, also while it is written.

    Raises:
        FileNotFoundError: there is no such segment.
        DamagedRecordError: the file does not begin as a segment does (or does not yet).
    """

    def __init__(self, directory: Path, number: int) -> None:
        self.number = number
        self._file = DiskFile(segment_path(directory, number), "r")
        head = self._file.read(0, FIRST_OFFSET)
        if (
            len(head) < FIRST_OFFSET
            or head[:8] != _MAGIC
            or _CRC.unpack_from(head, _HEADER.size)[0] != crc32(head[: _HEADER.size])
        ):
            self._file.close()
            raise DamagedRecordError(f"{self._file.path} does not begin as a segment")
        self.salt: int = _HEADER.unpack_from(head)[1]

    @property
    def size(self) -> int:
        return self._file.size

    def header(self, offset: int) -> Header:
        """The header of the record at `offset`. Raises DamagedRecordError."""
        return decode_header(self._file.read(offset, MAX_HEAD_BYTES), self.salt)

    def read(self, offset: int) -> Record:
        """The record at `offset`. Raises DamagedRecordError."""
        header = self.header(offset)
        body = self._file.read(offset + header.body_offset, header.body_bytes)
        return make_record(header, body, Position(self.number, offset))

    def find(self, offset: int) -> int | None:
        """Where the first whole record at or behind `offset` begins; None when none does."""
        start = max(FIRST_OFFSET, -(-offset // ALIGNMENT) * ALIGNMENT)
        while chunk := self._file.read(start, _SEARCH_BYTES):
            at = chunk.find(MAGIC)
            while at >= 0:
                if at % ALIGNMENT == 0 and self._is_record(start + at):
                    return start + at
                at = chunk.find(MAGIC, at + 1)
            start += _SEARCH_BYTES  # a multiple of the alignment: no magic is cut in two
        return None

    def _is_record(self, offset: int) -> bool:
        try:
            self.read(offset)
        except DamagedRecordError:
            return False
        return True

    def records(self, offset: int = FIRST_OFFSET) -> Iterator[Record]:
        """The whole records from `offset` on; what is damaged between them is passed over."""
        found: int | None = offset
        while found is not None:
            try:
                record = self.read(found)
            except DamagedRecordError:
                found = self.find(found + ALIGNMENT)
            else:
                yield record
                found = record.after.offset

    def close(self) -> None:
        self._file.close()


def recover_segments(directory: Path) -> dict[int, int]:
    """The segments that a former writer left, with their sizes, after repairing the last one.

    What a crash left half written behind the last whole record is cut: it was never acknowledged, or was lost
    with the power. A file that does not begin as a segment is set aside as `.damaged`.
    """
    sizes: dict[int, int] = {}
    numbers = list_segments(directory)
    for number in numbers:
        path = segment_path(directory, number)
        try:
            segment = SegmentReader(directory, number)
        except DamagedRecordError as error:
            logger.warning("%s (%d bytes): set aside", error, path.stat().st_size)
            path.replace(path.with_suffix(".damaged"))
            continue
        sizes[number] = segment.size
        if number == numbers[-1]:
            sizes[number] = max((record.after.offset for record in segment.records()), default=FIRST_OFFSET)
        segment.close()
    if numbers and numbers[-1] in sizes:
        _cut(segment_path(directory, numbers[-1]), sizes[numbers[-1]])
    return sizes


def _cut(path: Path, size: int) -> None:
    file = DiskFile(path, "w")
    if file.size > size:
        logger.warning("%s: cut %d bytes behind the last whole record", path, file.size - size)
        file.truncate(size)
        file.sync()
    file.close()
