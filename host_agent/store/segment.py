"""A segment: one immutable Parquet file that appears whole or not at all.

Its name says which flushes it holds, `FIRST-LAST.parquet`. Compaction writes `1-4` out of `1-1` to `4-4`; a
segment whose flushes another one covers too is superseded, so a crash between the two steps leaves no row
twice. What the agent needs to know beyond the columns stands in the footer under `spanweave`, as JSON.
"""

import contextlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from inspect import signature
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from host_agent.intake.position import Position
from host_agent.store.columns import LAYOUTS, MORE
from host_agent.store.trace_filter import Hashes, TraceFilter, hashes
from wasm_sdk.otlp.signal import Signal

_NAME = re.compile(r"(\d{8,})-(\d{8,})\.parquet")
METADATA = b"spanweave"
TRACES = b"spanweave.traces"
PAGE_BYTES = 64 << 10
"""Small pages: a look-up decompresses few of them."""
TEMPORARY = ".tmp"
ROW_GROUP_BYTES = 8 << 20
ROW_GROUP_ROWS = 16_384
VARIED = 8
"""A column with more than one value in so many rows gets a Bloom filter."""
MAX_NAMED = 4096
"""Labels of `attributes_more` that the footer lists; with more than these it lists none, and a query must
look."""


@dataclass(frozen=True, slots=True)
class Segment:
    """What is known of a segment without reading its rows.

    Attributes:
        first, last: The flushes that it holds.
        start, end: The least and greatest time of its rows, Unix nanoseconds.
        received: When its newest row was accepted, Unix nanoseconds.
        position: The log position up to which the partition's rows are in this segment or earlier ones.
        columns: The labels of its attribute columns.
        more: The labels in `attributes_more`; None when they are too many to list.
        traces: Which traces it may hold; None for signals without traces.
    """

    path: Path
    first: int
    last: int
    rows: int
    size: int
    start: int
    end: int
    received: int
    position: Position
    columns: frozenset[str]
    more: frozenset[str] | None
    traces: TraceFilter | None = None

    def may_hold(self, traces: Hashes) -> bool:
        """Whether a row may belong to one of these traces."""
        return self.traces is None or self.traces.may_have(traces)

    def in_more(self, label: str) -> bool:
        """Whether `attributes_more` may have the attribute."""
        return self.more is None or label in self.more

    def covers(self, other: "Segment") -> bool:
        """Whether `other` is superseded by this one."""
        return self is not other and self.first <= other.first and other.last <= self.last


def segment_path(folder: Path, first: int, last: int) -> Path:
    return folder / f"{first:08d}-{last:08d}.parquet"


def last_flush(path: Path) -> int:
    """The last flush that a segment of that name holds; 0 when the name is no segment's."""
    match = _NAME.fullmatch(path.name)
    return int(match[2]) if match else 0


class SegmentWriter:
    """Writes one segment, row group by row group. A context manager: left normally, the segment is there and
    durable; left by an exception, nothing is.

    Args:
        schema: The columns, as of the first table.
        about: `position` and the labels of `attributes_more`.
    """

    def __init__(
        self, path: Path, signal: Signal, schema: pa.Schema, position: Position, more: Iterable[str] | None
    ) -> None:
        named = None if more is None else sorted(more)
        if named is not None and len(named) > MAX_NAMED:
            named = None
        self._path = path
        self._layout = LAYOUTS[signal]
        self._about: dict[str, Any] = {"signal": str(signal), "position": str(position), "more": named}
        self._start, self._end, self._received = (1 << 64) - 1, 0, 0
        self._traces: list[Hashes] = []
        path.parent.mkdir(parents=True, exist_ok=True)
        self._temporary = path.with_suffix(TEMPORARY)
        self._file = self._temporary.open("wb")
        self._schema = schema
        self._parquet: pq.ParquetWriter | None = None
        self.rows = 0

    def _open(self, first: pa.Table) -> pq.ParquetWriter:
        return pq.ParquetWriter(
            self._file,
            self._schema,
            compression="zstd",
            compression_level=1,
            data_page_size=PAGE_BYTES,
            use_dictionary=[name for name in self._schema.names if name not in UNIQUE],
            write_statistics=True,
            **bloom_filters(first, set(self._schema.names) - set(self._layout.schema.names) - {MORE}),
        )

    def write(self, table: pa.Table) -> None:
        """Append rows; they must follow those before in the layout's order."""
        if not table.num_rows:
            return
        if self._parquet is None:
            self._parquet = self._open(table)
        average = max(1, table.nbytes // table.num_rows)
        self._parquet.write_table(
            table, row_group_size=max(256, min(ROW_GROUP_ROWS, ROW_GROUP_BYTES // average))
        )
        self.rows += table.num_rows
        self._start = min(self._start, _extreme(table[self._layout.first], "min"))
        self._end = max(self._end, _extreme(table[self._layout.last], "max"))
        self._received = max(self._received, _extreme(table["received_unix_nano"], "max"))
        if "trace_id" in table.column_names:
            self._traces.append(hashes(table["trace_id"]))

    def __enter__(self) -> "SegmentWriter":
        return self

    def __exit__(self, failed: type[BaseException] | None, *_: object) -> None:
        try:
            if failed is None:
                self._finish()
            elif self._parquet is not None:
                with contextlib.suppress(OSError, ValueError):
                    self._parquet.close()
        finally:
            self._file.close()
            self._temporary.unlink(missing_ok=True)

    def _finish(self) -> None:
        parquet = self._parquet or self._open(self._schema.empty_table())
        self._about.update(start=self._start, end=self._end, received=self._received)
        metadata = {METADATA: json.dumps(self._about).encode()}
        if "trace_id" in self._layout.schema.names:
            metadata[TRACES] = bytes(TraceFilter.of_hashes(self._traces))
        parquet.add_key_value_metadata(metadata)
        parquet.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._temporary.replace(self._path)
        sync_folder(self._path.parent)


UNIQUE = frozenset({"span_id", "item", "duration_ns", "start_unix_nano", "end_unix_nano", "time_unix_nano"})
"""Columns whose values seldom repeat: a dictionary would cost time and save nothing."""


def bloom_filters(table: pa.Table, columns: Iterable[str]) -> dict[str, Any]:
    """Options of ParquetWriter: filters for the columns of many different values, with which DuckDB passes
    over row groups. One order among a million spans is found in a third of the time, for 1 % more bytes a
    column.

    Older versions of Arrow cannot write them.
    """
    if "bloom_filter_options" not in signature(pq.ParquetWriter.__init__).parameters:
        return {}
    many = [name for name in columns if pc.count_distinct(table[name]).as_py() * VARIED > table.num_rows > 0]
    return {"bloom_filter_options": {name: {"ndv": ROW_GROUP_ROWS, "fpp": 0.05} for name in many}}


def write_segment(path: Path, signal: Signal, table: pa.Table, position: Position) -> Segment:
    """Write sorted rows as one segment and tell what is in it."""
    with SegmentWriter(path, signal, table.schema, position, labels_in(table[MORE])) as writer:
        writer.write(table)
    segment = open_segment(path)
    assert segment is not None
    return segment


def open_segment(path: Path) -> Segment | None:
    """What the footer of a segment says; None when the name is no segment's.

    Raises:
        ValueError: the file is damaged, or not written by an agent; says which.
    """
    match = _NAME.fullmatch(path.name)
    if match is None:
        return None
    try:
        footer = pq.read_metadata(path)
        metadata = footer.metadata or {}
        about: Mapping[str, Any] = json.loads(metadata[METADATA])
        names = footer.schema.to_arrow_schema().names
        return Segment(
            path=path,
            first=int(match[1]),
            last=int(match[2]),
            rows=footer.num_rows,
            size=path.stat().st_size,
            start=about["start"],
            end=about["end"],
            received=about["received"],
            position=Position.parse(about["position"]),
            columns=frozenset(names) - set(LAYOUTS[Signal(about["signal"])].schema.names) - {MORE},
            more=None if about["more"] is None else frozenset(about["more"]),
            traces=TraceFilter.parse(metadata[TRACES]) if TRACES in metadata else None,
        )
    except (OSError, KeyError, ValueError, pa.ArrowException) as error:
        raise ValueError(f"{path}: not a segment of this store ({error}); move it elsewhere") from error


def why_unreadable(path: Path) -> str | None:
    """Reads every page of a segment; what is wrong with it, or None."""
    try:
        with pq.ParquetFile(path) as file:
            for _ in file.iter_batches():
                pass
    except (OSError, ValueError, pa.ArrowException) as error:
        return f"{path}: cannot be read ({error})"
    return None


def labels_in(more: pa.ChunkedArray) -> set[str]:
    """The labels of `attributes_more`. A label may contain `=`; then what stands before the first one is its
    name too, so that no label is missed."""
    labels: set[str] = set()
    for chunk in more.chunks:
        for token in chunk.flatten().unique().to_pylist():
            parts = token.split("=")
            labels.update("=".join(parts[:count]) for count in range(1, len(parts)))
    return labels


def sync_folder(folder: Path) -> None:
    """Make a rename in the folder survive a power cut (Windows does that by itself)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _extreme(column: pa.ChunkedArray, which: str) -> int:
    return int(getattr(pc, which)(column).as_py())
