"""The intake log: what was accepted, on disk before it is acknowledged."""

import asyncio
import logging
import os
import time
from enum import StrEnum
from functools import partial
from pathlib import Path

from host_agent.intake.bell import Bell
from host_agent.intake.decision import Decision
from host_agent.intake.disk import FULL, DirectoryLock, DiskFile, sync_directory
from host_agent.intake.encoding import Encoding
from host_agent.intake.followers import Followers
from host_agent.intake.position import ORIGIN, Checkpoint, Position
from host_agent.intake.reader import IntakeReader
from host_agent.intake.record import ALIGNMENT, MAX_HEAD_BYTES, ROOM_OFFSET, Record, encode_record
from host_agent.intake.segment import FIRST_OFFSET, create_segment, recover_segments, segment_path
from host_agent.intake.sync import Syncer, cancel, sync_regularly
from host_agent.tenant import Tenant
from wasm_sdk.otlp import Signal

logger = logging.getLogger(__name__)

MAX_OVERHEAD = FIRST_OFFSET + MAX_HEAD_BYTES + ALIGNMENT
"""Bytes that a record takes besides its body, at most, with a new segment's header."""


class Fsync(StrEnum):
    """When what was written is forced to the disk itself. A killed process loses nothing with any of them."""

    NEVER = "never"
    """When the system likes: a power cut loses some 30 seconds."""
    INTERVAL = "interval"
    """Several times a second: a power cut loses at most that interval."""
    ALWAYS = "always"
    """Before each acknowledgement, one sync for all that arrived together: a power cut loses nothing."""


class IntakeFullError(Exception):
    """There is no room for the record, and nothing of it was kept. Says which bound was met."""


class IntakeFailedError(Exception):
    """The disk failed: nobody knows whether the record was kept, so it must not be acknowledged."""


class IntakeLog:
    """An append-only log in a directory of segments, of which this object is the only writer.

    Made and used within one event loop. Readers may be anywhere: `reader()` here, `IntakeReader(directory)`
    in other processes.

    Args:
        directory: Is created when it is missing.
        fsync: What an acknowledged record survives, see docs/durability.md.
        sync_interval: Seconds between syncs with `Fsync.INTERVAL`.
        segment_bytes: A segment that has reached this size is followed by a new one.
        max_bytes: Bound of all segments together; appends beyond it raise IntakeFullError.

    Raises:
        DirectoryInUseError: another process writes here.
        OSError: the directory cannot be written.
    """

    def __init__(
        self,
        directory: Path,
        *,
        fsync: Fsync = Fsync.INTERVAL,
        sync_interval: float = 0.2,
        segment_bytes: int = 64 << 20,
        max_bytes: int = 4 << 30,
    ) -> None:
        self.directory = directory
        self.fsync = fsync
        self.segment_bytes = segment_bytes
        self.max_bytes = max_bytes
        self.last_error = ""
        self._lock = DirectoryLock(directory)
        self._followers = Followers(directory / "followers")
        self._sealed = recover_segments(directory)
        last = max(self._sealed, default=0)
        self._end = Position(last, self._sealed[last]) if last else ORIGIN
        self._sealed_bytes = sum(self._sealed.values())
        self._file: DiskFile | None = None
        self._salt = 0
        self._bell = Bell()
        self._syncer = Syncer()
        self._timer = (
            asyncio.create_task(sync_regularly(self._syncer, sync_interval, self._sync_failed))
            if fsync is Fsync.INTERVAL
            else None
        )

    @property
    def end(self) -> Position:
        """The position behind the last record: where a follower that wants only what is new begins."""
        return self._end

    @property
    def size(self) -> int:
        """Bytes of all segments."""
        return self._sealed_bytes + (self._end.offset if self._file is not None else 0)

    @property
    def syncs(self) -> int:
        """How often files were forced to the disk."""
        return self._syncer.count

    async def append(
        self,
        tenant: Tenant,
        signal: Signal,
        encoding: Encoding,
        body: bytes,
        items: int,
        *,
        decoded_bytes: int = 0,
        batch_id: bytes | None = None,
    ) -> Position:
        """Keep a request; when this returns, it survives what `fsync` promises.

        Args:
            body: The export request in protobuf, compressed as `encoding` says.
            items: Spans, data points or log records in it.
            decoded_bytes: Length of the request when decompressed.
            batch_id: 16 bytes that name the request; made when there are none.

        Raises:
            IntakeFullError: no room; nothing was kept.
            IntakeFailedError: the disk failed.
        """
        position = self._write(
            Record(
                tenant,
                signal,
                body,
                items,
                encoding,
                decoded_bytes or len(body),
                time.time_ns(),
                batch_id or os.urandom(16),
            )
        )
        if self.fsync is Fsync.ALWAYS:
            try:
                await self._syncer.sync()
            except OSError as error:
                self._sync_failed(error)
                raise IntakeFailedError(f"the intake log cannot be synced: {error}") from error
        return position

    def decide(self, position: Position, decision: Decision) -> None:
        """Write a decision into the room of a record, in place of what stands there.

        Raises:
            RecordGoneError, DamagedRecordError: no record stands at `position`.
            OSError: the disk failed; the room holds the old decision or reads as undecided.
        """
        reader = IntakeReader(self.directory)
        try:
            reader.header(position)
        finally:
            reader.close()
        room = decision.encode()
        if self._file is not None and position.segment == self._end.segment:
            self._file.write(position.offset + ROOM_OFFSET, room)
            self._touch(self._file)
        else:
            file = DiskFile(segment_path(self.directory, position.segment), "w")
            try:
                file.write(position.offset + ROOM_OFFSET, room)
            finally:
                self._retire(file)

    def reader(self) -> IntakeReader:
        """A reader in this event loop, which is woken as soon as a record was appended."""
        return IntakeReader(self.directory, end=lambda: self._end, bell=self._bell)

    def follower(self, name: str) -> Checkpoint:
        """Registers a follower: no record is deleted before the position that it saves here.

        It holds everything that is there now until it has saved one.
        """
        return self._followers.register(name)

    def forget(self, name: str) -> None:
        """The follower is gone for good: it holds nothing any more."""
        self._followers.forget(name)

    def trim(self) -> None:
        """Delete the segments that every registered follower has passed; without followers, none."""
        passed = self._followers.passed()
        if passed is None:
            return
        for number, size in list(self._sealed.items()):
            if Position(number, size) <= passed:
                try:
                    segment_path(self.directory, number).unlink(missing_ok=True)
                except PermissionError:  # Windows: still open in a reader
                    continue
                del self._sealed[number]
                self._sealed_bytes -= size

    async def close(self) -> None:
        """Sync, and give the directory free. Raises IntakeFailedError."""
        await cancel(self._timer)
        self._seal()
        try:
            await self._syncer.close()
        except OSError as error:
            raise IntakeFailedError(f"the intake log cannot be synced: {error}") from error
        finally:
            self._lock.release()

    def _write(self, record: Record) -> Position:
        if self._file is not None and self._end.offset >= self.segment_bytes:
            self._seal()
            self.trim()
        self._make_room(len(record.body) + MAX_OVERHEAD)
        file = self._file or self._create()
        data = encode_record(record, self._salt)
        position = self._end
        try:
            file.write(position.offset, data)
        except OSError as error:
            self._undo(file)
            raise self._refusal(error) from error
        self._end = Position(position.segment, position.offset + len(data))
        self._touch(file)
        self._bell.ring()
        return position

    def _make_room(self, size: int) -> None:
        if self.size + size <= self.max_bytes:
            return
        self.trim()
        if self.size + size > self.max_bytes and self._file is not None:
            self._seal()  # what everyone has passed need not wait until the segment is full
            self.trim()
        if self.size + size > self.max_bytes:
            raise IntakeFullError(
                f"the intake log holds {self.size} bytes that its followers have not passed yet "
                f"(intake.max_bytes is {self.max_bytes})"
            )

    def _create(self) -> DiskFile:
        self.trim()
        known = max(self._end.segment, self._followers.furthest())
        number = max(known + 1, time.time_ns() // 1_000_000)
        try:
            self._file, self._salt = create_segment(self.directory, number)
        except OSError as error:
            raise self._refusal(error) from error
        self._end = Position(number, FIRST_OFFSET)
        if self.fsync is not Fsync.NEVER:
            self._syncer.also(partial(sync_directory, self.directory))
        return self._file

    def _seal(self) -> None:
        if self._file is not None:
            self._sealed[self._end.segment] = self._end.offset
            self._sealed_bytes += self._end.offset
            self._retire(self._file)
            self._file = None

    def _undo(self, file: DiskFile) -> None:
        """Take back what was written of a record; where even that fails, nothing follows it there."""
        try:
            file.truncate(self._end.offset)
        except OSError:
            self._seal()

    def _refusal(self, error: OSError) -> IntakeFullError | IntakeFailedError:
        self.last_error = f"{self.directory}: {error.strerror}"
        if error.errno in FULL:
            return IntakeFullError(f"no room for the intake log: {error.strerror}")
        return IntakeFailedError(f"the intake log cannot be written: {error.strerror}")

    def _sync_failed(self, error: OSError) -> None:
        self.last_error = f"{self.directory}: {error.strerror}"
        logger.error("%s: what was accepted since the last sync may be lost in a power cut", self.last_error)
        self._seal()

    def _touch(self, file: DiskFile) -> None:
        if self.fsync is not Fsync.NEVER:
            self._syncer.touch(file)

    def _retire(self, file: DiskFile) -> None:
        if self.fsync is Fsync.NEVER:
            file.close()
        else:
            self._syncer.retire(file)
