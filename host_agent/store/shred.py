"""Rows as a segment holds them: sorted, without duplicates, frequent attributes in columns of their own.

Measured on a million spans of ten attributes, DuckDB with two threads, a value that stands once: a column of
its own 20 ms, a list of 64-bit hashes 65 ms, a list of `key=value` 220 ms, a map 240 ms.
"""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from host_agent.store.chunk import Chunk
from host_agent.store.columns import MORE, Layout, columns_for

MAX_COLUMNS = 96
"""Attribute columns of one segment; the labels beyond the most frequent go into `attributes_more`."""


def shred(chunk: Chunk, layout: Layout) -> pa.Table:
    """The table of a segment: the layout's columns, one for each frequent attribute, and
    `attributes_more`."""
    count = len(chunk)
    order = sort_order(chunk.table, layout)
    table = chunk.table.take(pa.array(order))
    place = np.full(count, -1, dtype=np.int64)  # from a row of the chunk to its row in the segment
    place[order] = np.arange(len(order))

    rows = place[chunk.rows]
    labelled = chunk.labels.dictionary_encode()
    codes = labelled.indices.to_numpy(zero_copy_only=False)[chunk.pairs]
    kept = np.flatnonzero(rows >= 0)
    sequence = kept[np.lexsort((kept, rows[kept], codes[kept]))]  # by label, row, position
    rows, codes = rows[sequence], codes[sequence]
    first = np.ones(
        len(sequence), dtype=np.bool_
    )  # a row's second value for a label has no room in the column
    first[1:] = (rows[1:] != rows[:-1]) | (codes[1:] != codes[:-1])

    labels = labelled.dictionary.to_pylist()
    counts = np.bincount(codes, minlength=len(labels))
    by_count = [int(code) for code in np.argsort(-counts, kind="stable") if counts[code]]
    chosen = set(columns_for((labels[code] for code in by_count), MAX_COLUMNS))
    frequent = {code for code in by_count if labels[code] in chosen}
    bounds = np.concatenate(([0], np.cumsum(counts)))
    more = ~first
    for code in range(len(labels)):
        if code not in frequent:
            more[bounds[code] : bounds[code + 1]] = True
    for code in sorted(frequent, key=lambda code: labels[code]):
        part = slice(bounds[code], bounds[code + 1])
        picked = np.full(len(order), -1, dtype=np.int64)
        picked[rows[part][first[part]]] = chunk.pairs[sequence[part][first[part]]]
        column = chunk.texts.take(pa.array(picked, mask=picked < 0))
        table = table.append_column(labels[code], column)
    return table.append_column(MORE, _more(chunk, sequence[more], rows[more], len(order)))


def sort_order(table: pa.Table, layout: Layout) -> npt.NDArray[np.int64]:
    """The rows in the layout's order, the first of each key only."""
    order: npt.NDArray[np.int64] = pc.sort_indices(
        table, [(name, "ascending") for name in layout.order]
    ).to_numpy()
    fresh = distinct(table.select(list(layout.key)).take(pa.array(order)), layout.key)
    return order if fresh is None else order[fresh]


def distinct(table: pa.Table, key: tuple[str, ...]) -> npt.NDArray[np.int64] | None:
    """The first row of each key, ascending; None when every row is one."""
    numbered = table.select(list(key)).append_column("row", pa.array(np.arange(table.num_rows)))
    firsts = numbered.group_by(list(key)).aggregate([("row", "min")])["row_min"]
    if len(firsts) == table.num_rows:
        return None
    return np.sort(np.asarray(firsts, dtype=np.int64))


def _more(
    chunk: Chunk, sequence: npt.NDArray[np.int64], rows: npt.NDArray[np.int64], count: int
) -> pa.ListArray:
    """`label=text` of the given attributes, as one list a row."""
    by_row = np.argsort(rows, kind="stable")
    picked = pa.array(chunk.pairs[sequence[by_row]])
    tokens = pc.binary_join_element_wise(chunk.labels.take(picked), chunk.texts.take(picked), "=")
    ends = np.cumsum(np.bincount(rows, minlength=count)) if count else np.zeros(0, dtype=np.int64)
    offsets = np.concatenate(([0], ends)).astype(np.int32)
    return pa.ListArray.from_arrays(pa.array(offsets), tokens)
