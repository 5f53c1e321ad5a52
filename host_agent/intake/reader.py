"""Reads an intake log: at random, once through, or following its growth; here or in another process."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

from host_agent.intake.bell import Bell
from host_agent.intake.position import ORIGIN, Position
from host_agent.intake.record import ALIGNMENT, DamagedRecordError, Header, Record
from host_agent.intake.segment import FIRST_OFFSET, SegmentReader, list_segments, segment_path

logger = logging.getLogger(__name__)

MAX_OPEN_SEGMENTS = 4


class RecordGoneError(LookupError):
    """The segment of that position was deleted, or never was."""


class IntakeReader:
    """A reader of the log in `directory`. Every follower has one of its own; it is used by one thread.

    Args:
        end: Where the log ends, where its writer is in this process: nothing is read beyond.
        bell: Tells of new records, where the writer is on this event loop.
        poll: Seconds between looks at the directory otherwise.
    """

    def __init__(
        self,
        directory: Path,
        *,
        end: Callable[[], Position] | None = None,
        bell: Bell | None = None,
        poll: float = 0.05,
    ) -> None:
        self.directory = directory
        self.skipped_bytes = 0
        """What was damaged and therefore passed over."""
        self._end = end
        self._bell = bell
        self._poll = poll
        self._segments: OrderedDict[int, SegmentReader] = OrderedDict()

    def read(self, position: Position) -> Record:
        """The record at a position.

        Raises:
            RecordGoneError: its segment was deleted.
            DamagedRecordError: no whole record stands there.
        """
        return self._segment(position.segment).read(position.offset)

    def header(self, position: Position) -> Header:
        """The record's header, without reading its body. Raises as `read` does."""
        return self._segment(position.segment).header(position.offset)

    def next(self, position: Position) -> Record | None:
        """The first whole record at or behind a position; None when there is none yet.

        What is damaged in between is passed over, logged and counted.
        """
        if self._end is not None and position >= self._end():
            return None
        try:
            return self.read(position)
        except (DamagedRecordError, RecordGoneError):
            return self._search(position)

    def records(self, start: Position = ORIGIN) -> Iterator[Record]:
        """The records that are there now, from `start` on."""
        while (record := self.next(start)) is not None:
            yield record
            start = record.after

    async def follow(self, start: Position = ORIGIN) -> AsyncIterator[Record]:
        """The records from `start` on, waiting for new ones for ever."""
        while True:
            record = self.next(start)
            if record is None:
                await self._wait()
            else:
                yield record
                start = record.after
                await asyncio.sleep(0)  # catching up leaves the event loop to others

    def close(self) -> None:
        while self._segments:
            self._segments.popitem()[1].close()

    async def _wait(self) -> None:
        if self._bell is not None:
            await self._bell.wait()
        else:
            await asyncio.sleep(self._poll)

    def _search(self, position: Position) -> Record | None:
        numbers = [number for number in list_segments(self.directory) if number >= position.segment]
        for number in numbers:
            offset = max(FIRST_OFFSET, position.offset) if number == position.segment else FIRST_OFFSET
            try:
                segment = self._segment(number)
                found = self._from(segment, offset)
            except (DamagedRecordError, RecordGoneError):  # not a segment yet, or deleted meanwhile
                continue
            if found is not None:
                return found
        return None

    def _from(self, segment: SegmentReader, offset: int) -> Record | None:
        # This look comes after the one at the directory: had the writer gone on to a next segment, then
        # everything that it wrote to this one is there now.
        try:
            return segment.read(offset)
        except DamagedRecordError:
            found = segment.find(offset + ALIGNMENT)
        if found is None:
            return None
        try:
            return segment.read(offset)  # it was being written when it was looked at first
        except DamagedRecordError as error:
            self.skipped_bytes += found - offset
            logger.error(
                "%s: %d bytes at offset %d passed over: %s",
                segment_path(self.directory, segment.number),
                found - offset,
                offset,
                error,
            )
            return segment.read(found)

    def _segment(self, number: int) -> SegmentReader:
        segment = self._segments.get(number)
        if segment is None:
            try:
                segment = SegmentReader(self.directory, number)
            except FileNotFoundError as error:
                raise RecordGoneError(f"segment {number} of {self.directory} is gone") from error
            self._segments[number] = segment
            while len(self._segments) > MAX_OPEN_SEGMENTS:
                self._segments.popitem(last=False)[1].close()
        else:
            self._segments.move_to_end(number)
        return segment
