"""The rows of one tenant and signal: segments on disk, and what is not flushed yet."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from host_agent.intake.position import ORIGIN, Position
from host_agent.store.chunk import Chunk, concat
from host_agent.store.columns import LAYOUTS, Layout
from host_agent.store.rows import Rows
from host_agent.store.segment import TEMPORARY, Segment, last_flush, open_segment, segment_path
from wasm_sdk.otlp.signal import Signal

SEALED_ROWS = 1024
"""Rows gathered in Python before they become Arrow columns."""
MANY_CHUNKS = 32


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a query reads: it stays as it is while rows are flushed, merged and dropped."""

    layout: Layout
    segments: tuple[Segment, ...]
    fresh: tuple[Chunk, ...]


@dataclass(slots=True)
class Flush:
    """Rows on their way into a segment; queries still find them in memory."""

    chunks: list[Chunk]
    path: Path
    position: Position


@dataclass(slots=True)
class _Lease:
    paths: frozenset[Path] = field(default_factory=frozenset)


class Partition:
    """Used from the event loop's thread only; what threads work on (chunks, segments) is immutable."""

    def __init__(self, folder: Path, signal: Signal) -> None:
        self.folder = folder
        self.signal = signal
        self.layout = LAYOUTS[signal]
        self.rows = Rows(signal)
        self.segments: list[Segment] = []
        self.damaged: list[str] = []
        self._chunks: list[Chunk] = []
        self._flush: Flush | None = None
        self._leases: list[_Lease] = []
        self._condemned: list[Path] = []
        self._next = 1

    def load(self) -> None:
        """Read the footers of the segments; drop what a crash left behind. Damaged files are listed, not
        touched."""
        if not self.folder.is_dir():
            return
        found: list[Segment] = []
        for path in sorted(self.folder.iterdir()):
            if path.suffix == TEMPORARY:
                path.unlink()
                continue
            self._next = max(self._next, 1 + last_flush(path))  # no damaged file is written over either
            try:
                segment = open_segment(path)
            except ValueError as error:
                self.damaged.append(str(error))
                continue
            if segment is not None:
                found.append(segment)
        for segment in found:
            if any(other.covers(segment) for other in found):
                segment.path.unlink()
            else:
                self.segments.append(segment)

    @property
    def covered(self) -> Position:
        """Records before this position are in segments already."""
        return max((segment.position for segment in self.segments), default=ORIGIN)

    @property
    def gathered_bytes(self) -> int:
        """Of the items that the next flush will write."""
        return self.rows.size + sum(chunk.size for chunk in self._chunks)

    @property
    def unflushed_bytes(self) -> int:
        """Of those, and of the ones on their way to the disk."""
        return self.gathered_bytes + sum(chunk.size for chunk in (self._flush.chunks if self._flush else ()))

    @property
    def unflushed_rows(self) -> int:
        flushing = self._flush.chunks if self._flush else []
        return len(self.rows) + sum(len(chunk) for chunk in [*self._chunks, *flushing])

    def seal(self) -> None:
        """Make what was gathered visible to queries."""
        chunk = self.rows.seal()
        if chunk is not None:
            self._chunks.append(chunk)
            if len(self._chunks) >= MANY_CHUNKS:
                self._chunks = _tiered(self._chunks)

    @contextmanager
    def snapshot(self) -> Iterator[Snapshot]:
        """Everything stored; the segment files stay until the context is left."""
        self.seal()
        flushing = self._flush.chunks if self._flush else []
        lease = _Lease(frozenset(segment.path for segment in self.segments))
        self._leases.append(lease)
        try:
            yield Snapshot(self.layout, tuple(self.segments), (*flushing, *self._chunks))
        finally:
            self._leases.remove(lease)
            self.sweep()

    def begin_flush(self, position: Position) -> Flush | None:
        """Set the gathered rows aside to be written; None when there are none. `position`: the log's, after
        them."""
        self.seal()
        if not self._chunks:
            return None
        self._flush = Flush(self._chunks, segment_path(self.folder, self._next, self._next), position)
        self._next += 1
        self._chunks = []
        self.rows.recent.turn()
        return self._flush

    def end_flush(self, segment: Segment) -> None:
        """The rows set aside are in this segment now."""
        self._flush = None
        self.segments.append(segment)

    def fail_flush(self) -> None:
        """The rows set aside could not be written: they wait for the next flush."""
        if self._flush is not None:
            self._chunks = self._flush.chunks + self._chunks
            self._flush = None

    def replace(self, old: list[Segment], new: Segment | None) -> None:
        """Let `new` take the place of `old`, which lie next to each other; None drops them."""
        index = self.segments.index(old[0])
        self.segments[index : index + len(old)] = [] if new is None else [new]
        self._condemned.extend(segment.path for segment in old if new is None or segment.path != new.path)
        self.sweep()

    def set_aside(self, segment: Segment, why: str) -> None:
        """A segment turned out to be damaged: it is read no more, and kept as `.damaged` where it lay."""
        self.segments.remove(segment)
        self.damaged.append(why)
        with suppress(OSError):  # gone: there is nothing to keep
            segment.path.rename(segment.path.with_suffix(".damaged"))

    def sweep(self) -> None:
        """Delete the files that no segment and no running query needs."""
        leased = {path for lease in self._leases for path in lease.paths}
        waiting = []
        for path in self._condemned:
            try:
                if path in leased:
                    waiting.append(path)
                else:
                    path.unlink(missing_ok=True)
            except PermissionError:  # Windows: someone has it open
                waiting.append(path)
        self._condemned = waiting


def _tiered(chunks: list[Chunk]) -> list[Chunk]:
    """Small chunks joined, so that a trickle of requests does not become thousands of them."""
    small = [chunk for chunk in chunks if len(chunk) < SEALED_ROWS]
    large = [chunk for chunk in chunks if len(chunk) >= SEALED_ROWS]
    return [*large, concat(small)] if small else large
