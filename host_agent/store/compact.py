"""Merges small neighbouring segments into larger ones, sorted and without duplicates.

Segments are merged in tiers, by powers of four of their size, so that a row is rewritten about once a tier.
The
merge reads some rows of each input at a time: its memory is that of one row group of the output.
"""

import asyncio
from collections.abc import Iterator, Sequence

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from host_agent.store.columns import LAYOUTS, MORE, Layout, columns_for
from host_agent.store.partition import Partition
from host_agent.store.segment import ROW_GROUP_ROWS, Segment, SegmentWriter, open_segment, segment_path
from host_agent.store.shred import MAX_COLUMNS, sort_order
from wasm_sdk.otlp.signal import Signal

FAN_IN = 4
MAX_FAN_IN = 8
SMALLEST_TIER = 1 << 20
BLOCK_ROWS = 2048
"""Rows of each input that are in memory at a time."""


async def compact(partition: Partition, segment_bytes: int) -> bool:
    """Merge once, in a thread, when there is something to merge; whether it did. Raises OSError."""
    chosen = choose(partition.segments, segment_bytes)
    if not chosen:
        return False
    merged = await asyncio.to_thread(merge, chosen, partition.signal)
    partition.replace(list(chosen), merged)
    return True


def choose(segments: Sequence[Segment], segment_bytes: int) -> list[Segment]:
    """Neighbours worth merging, the smallest first: at least `FAN_IN`, together within `segment_bytes`, and
    none of them more than half of the whole, so that a row's segment at least doubles whenever it is
    rewritten."""
    ordered = sorted(segments, key=lambda segment: segment.first)
    for limit in sorted({tier(segment.size) for segment in ordered}):
        run: list[Segment] = []
        total = 0
        for segment in ordered:
            small = tier(segment.size) <= limit and segment.size < segment_bytes // 2
            if small and len(run) < MAX_FAN_IN and total + segment.size <= segment_bytes:
                run.append(segment)
                total += segment.size
                continue
            if worthwhile(run):
                return run
            run, total = ([segment], segment.size) if small else ([], 0)
        if worthwhile(run):
            return run
    return []


def worthwhile(run: Sequence[Segment]) -> bool:
    return len(run) >= FAN_IN and 2 * max(segment.size for segment in run) <= sum(
        segment.size for segment in run
    )


def tier(size: int) -> int:
    """Powers of four of the smallest tier's size."""
    return ((size // SMALLEST_TIER).bit_length() + 1) // 2


def merge(segments: Sequence[Segment], signal: Signal) -> Segment:
    """One segment out of several neighbours; the inputs stay. Raises OSError."""
    layout = LAYOUTS[signal]
    columns = _columns(segments)
    demoted = frozenset().union(*(segment.columns for segment in segments)) - set(columns)
    schema = layout.schema
    for name in columns:
        schema = schema.append(pa.field(name, pa.string()))
    schema = schema.append(pa.field(MORE, pa.list_(pa.string())))
    more: set[str] | None = set(demoted)
    for segment in segments:
        more = None if more is None or segment.more is None else more | segment.more
    path = segment_path(segments[0].path.parent, segments[0].first, segments[-1].last)
    position = max(segment.position for segment in segments)
    with SegmentWriter(path, signal, schema, position, more) as writer:
        for table in _gathered(_merged([_blocks(segment, schema, demoted) for segment in segments], layout)):
            writer.write(table)
    merged = open_segment(path)
    assert merged is not None
    return merged


def _columns(segments: Sequence[Segment]) -> list[str]:
    """The attribute columns of the merged segment: those that most rows have."""
    counts: dict[str, int] = {}
    for segment in segments:
        footer = pq.read_metadata(segment.path)
        for index in range(footer.num_row_groups):
            group = footer.row_group(index)
            for number in range(group.num_columns):
                column = group.column(number)
                if column.path_in_schema in segment.columns and column.statistics is not None:
                    name = column.path_in_schema
                    counts[name] = counts.get(name, 0) + column.statistics.num_values
    return sorted(columns_for(sorted(counts, key=lambda name: (-counts[name], name)), MAX_COLUMNS))


def _blocks(segment: Segment, schema: pa.Schema, demoted: frozenset[str]) -> Iterator[pa.Table]:
    """The rows of a segment in the merged schema, some at a time."""
    with pq.ParquetFile(segment.path, pre_buffer=False) as file:
        for batch in file.iter_batches(BLOCK_ROWS, use_threads=False):
            table = pa.Table.from_batches([batch])
            for name in sorted(demoted & segment.columns):
                table = _demote(table, name)
            columns = [
                table[field.name].cast(field.type)
                if field.name in table.column_names
                else pa.nulls(table.num_rows, field.type)
                for field in schema
            ]
            yield pa.Table.from_arrays(columns, schema=schema)


def _gathered(tables: Iterator[pa.Table]) -> Iterator[pa.Table]:
    """The same rows in tables large enough for a row group."""
    waiting: list[pa.Table] = []
    rows = 0
    for table in tables:
        waiting.append(table)
        rows += table.num_rows
        if rows >= ROW_GROUP_ROWS:
            yield pa.concat_tables(waiting)
            waiting, rows = [], 0
    if waiting:
        yield pa.concat_tables(waiting)


def _demote(table: pa.Table, name: str) -> pa.Table:
    """Move an attribute column's values into `attributes_more`."""
    values = table[name].combine_chunks()
    tokens = pc.binary_join_element_wise(name, values, "=").to_pylist()
    joined = [
        each if token is None else [*each, token]
        for each, token in zip(table[MORE].to_pylist(), tokens, strict=True)
    ]
    return table.set_column(table.column_names.index(MORE), MORE, pa.array(joined, pa.list_(pa.string())))


def _merged(inputs: list[Iterator[pa.Table]], layout: Layout) -> Iterator[pa.Table]:
    """Sorted, distinct tables out of sorted inputs.

    Each round takes the rows up to the least of the inputs' last keys: nothing that comes later sorts before
    them.
    """
    blocks: list[pa.Table | None] = [next(each, None) for each in inputs]
    while True:
        alive = [block for block in blocks if block is not None]
        if not alive:
            return
        bound = min(_key(block, block.num_rows - 1, layout) for block in alive)
        taken: list[pa.Table] = []
        for index, block in enumerate(blocks):
            if block is None:
                continue
            count = _count_up_to(block, bound, layout)
            taken.append(block.slice(0, count))
            blocks[index] = block.slice(count) if count < block.num_rows else next(inputs[index], None)
        rows = pa.concat_tables(taken)
        yield rows.take(pa.array(sort_order(rows, layout)))


def _key(table: pa.Table, row: int, layout: Layout) -> tuple[object, ...]:
    return tuple(table[name][row].as_py() for name in layout.order)


def _count_up_to(table: pa.Table, bound: tuple[object, ...], layout: Layout) -> int:
    """How many of the sorted rows have a key up to `bound`."""
    low, high = 0, table.num_rows
    while low < high:
        middle = (low + high) // 2
        if _key(table, middle, layout) <= bound:
            low = middle + 1
        else:
            high = middle
    return low
