"""The store of one agent: a partition for each tenant and signal."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from host_agent.intake.position import Position
from host_agent.intake.record import Record
from host_agent.store.chunk import concat
from host_agent.store.columns import LAYOUTS
from host_agent.store.compact import compact
from host_agent.store.partition import SEALED_ROWS, Flush, Partition, Snapshot
from host_agent.store.retention import expired
from host_agent.store.segment import Segment, why_unreadable, write_segment
from host_agent.store.shred import shred
from host_agent.tenant import Tenant
from wasm_sdk.otlp.signal import Signal

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """Attributes:
    flush_interval: Seconds that a row waits in memory at most.
    flush_bytes: Bytes of items in memory that begin a flush before its time.
    segment_bytes: Largest file that compaction makes.
    retention: Seconds that a row is kept, by the time it was accepted; None: for ever.
    max_bytes: Of all segments; beyond it the oldest go first. None: no bound.
    """

    flush_interval: float = 5.0
    flush_bytes: int = 8 << 20
    segment_bytes: int = 32 << 20
    retention: float | None = 7 * 86_400.0
    max_bytes: int | None = 20 << 30


@dataclass(slots=True)
class StoreCounts:
    """What happened since the agent started."""

    rows: int = 0
    duplicates: int = 0
    malformed: int = 0
    flushes: int = 0
    failed_flushes: int = 0
    compactions: int = 0
    dropped_segments: int = 0
    dropped_rows: int = 0


class Store:
    """Rows in, segments on disk, snapshots out. Used from the event loop's thread; writing runs in
    threads."""

    def __init__(self, root: Path, limits: StoreLimits | None = None) -> None:
        self.root = root
        self.limits = limits or StoreLimits()
        self.counts = StoreCounts()
        self.last_error: str | None = None
        self.last_flush_failed = False
        self._partitions: dict[tuple[Tenant, Signal], Partition] = {}
        self._maintaining = asyncio.Lock()

    def load(self) -> None:
        """Read what is on disk. Raises OSError when the folder cannot be read or made."""
        self.root.mkdir(parents=True, exist_ok=True)
        for folder in sorted(self.root.glob("tenant=*/signal=*")):
            try:
                tenant = Tenant(folder.parent.name.removeprefix("tenant="))
                signal = Signal(folder.name.removeprefix("signal="))
            except ValueError as error:
                logger.warning("%s is left alone, being no folder of this store: %s", folder, error)
                continue
            self.partition(tenant, signal)
        for message in self.damaged:
            logger.error("%s", message)

    def partition(self, tenant: Tenant, signal: Signal) -> Partition:
        """The partition, made when this is its first row."""
        found = self._partitions.get((tenant, signal))
        if found is None:
            found = Partition(self.root / f"tenant={tenant}" / f"signal={signal}", signal)
            found.load()
            self._partitions[tenant, signal] = found
        return found

    @contextmanager
    def snapshot(self, tenant: Tenant, signal: Signal) -> Iterator[Snapshot]:
        """What a query of one tenant reads; nothing when the tenant has stored nothing."""
        found = self._partitions.get((tenant, signal))
        if found is None:
            yield Snapshot(LAYOUTS[signal], (), ())
            return
        with found.snapshot() as snapshot:
            yield snapshot

    def convert(self, record: Record) -> Iterator[None]:
        """Add a record's rows, yielding now and then so that the caller may pause.

        A record that is in a segment already (the agent was killed between writing the segment and the
        checkpoint) adds nothing. One that cannot be read is counted and its readable part kept.
        """
        partition = self.partition(record.tenant, record.signal)
        if record.position < partition.covered:
            return
        rows = partition.rows
        before, duplicates = rows.total, rows.duplicates
        try:
            yield from rows.add(record.data(), record.received_unix_nano, record.batch_id)
        except ValueError as error:
            self.counts.malformed += 1
            self.last_error = f"record {record.position}: {error}"
        self.counts.rows += rows.total - before
        self.counts.duplicates += rows.duplicates - duplicates
        if len(rows) >= SEALED_ROWS:
            partition.seal()

    @property
    def gathered_bytes(self) -> int:
        return sum(partition.gathered_bytes for partition in self._partitions.values())

    @property
    def unflushed_bytes(self) -> int:
        return sum(partition.unflushed_bytes for partition in self._partitions.values())

    @property
    def unflushed_rows(self) -> int:
        return sum(partition.unflushed_rows for partition in self._partitions.values())

    @property
    def segments(self) -> list[Segment]:
        return [segment for partition in self._partitions.values() for segment in partition.segments]

    @property
    def damaged(self) -> list[str]:
        return [message for partition in self._partitions.values() for message in partition.damaged]

    @property
    def tenants(self) -> list[Tenant]:
        return sorted({tenant for tenant, _ in self._partitions})

    def begin_flush(self, position: Position) -> list[tuple[Partition, Flush]]:
        """Set everything in memory aside to be written. `position`: the log's, after the last record
        converted."""
        started = [(each, each.begin_flush(position)) for each in self._partitions.values()]
        return [(partition, flush) for partition, flush in started if flush is not None]

    async def finish_flush(self, started: list[tuple[Partition, Flush]]) -> bool:
        """Write what was set aside; whether all of it is on disk. What is not goes back and is tried
        again."""
        complete = True
        for partition, flush in started:
            try:
                segment = await asyncio.to_thread(_write, flush, partition.signal)
            except OSError as error:
                partition.fail_flush()
                self.counts.failed_flushes += 1
                self.last_error = f"{flush.path}: {error}"
                logger.error("rows stay in memory and in the log: %s", self.last_error)
                complete = False
            else:
                partition.end_flush(segment)
                self.counts.flushes += 1
        self.last_flush_failed = not complete
        return complete

    async def check(self, tenant: Tenant, signal: Signal) -> bool:
        """Read all segments of a partition, and set the damaged ones aside; whether there were any."""
        found = self._partitions.get((tenant, signal))
        if found is None:
            return False
        async with self._maintaining:
            return await self._check(found)

    async def _check(self, partition: Partition) -> bool:
        damaged = False
        for segment in list(partition.segments):
            why = await asyncio.to_thread(why_unreadable, segment.path)
            if why is not None and segment in partition.segments:
                partition.set_aside(segment, why)
                self.last_error = f"{why}; its {segment.rows} rows are set aside"
                logger.error("%s", self.last_error)
                damaged = True
        return damaged

    async def maintain(self, now: int) -> None:
        """Merge small segments, drop expired ones. `now`: Unix nanoseconds."""
        async with self._maintaining:
            for partition in list(self._partitions.values()):
                try:
                    while await compact(partition, self.limits.segment_bytes):
                        self.counts.compactions += 1
                except (OSError, ValueError) as error:  # of Arrow too: a full disk, a damaged file
                    self.last_error = f"segments were not merged: {error}"
                    logger.error("%s: %s", partition.folder, self.last_error)
                    await self._check(partition)
            victims = expired(self.segments, now, self.limits.retention, self.limits.max_bytes)
            for partition in self._partitions.values():
                for segment in [each for each in partition.segments if each in victims]:
                    partition.replace([segment], None)
                    self.counts.dropped_segments += 1
                    self.counts.dropped_rows += segment.rows


def _write(flush: Flush, signal: Signal) -> Segment:
    return write_segment(flush.path, signal, shred(concat(flush.chunks), LAYOUTS[signal]), flush.position)
