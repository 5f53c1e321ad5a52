"""Rows in memory, not flushed yet: Arrow columns, and their attributes as one flat list."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc


@dataclass(frozen=True, slots=True)
class Chunk:
    """Immutable rows.

    Attributes:
        table: The columns of the signal's layout.
        rows: For each attribute the row that it belongs to, ascending.
        labels, texts: The attributes (labels are dictionary-encoded).
        size: Bytes of the items, for bounds.
    """

    table: pa.Table
    rows: npt.NDArray[np.int32]
    labels: pa.DictionaryArray
    texts: pa.StringArray
    size: int

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def having(self, labels: list[str], texts: list[str] | None) -> npt.NDArray[np.bool_]:
        """Which rows have an attribute with one of these labels and, unless None, one of these texts."""
        found = np.zeros(len(self), dtype=np.bool_)
        if not len(self.rows):
            return found
        codes = pc.index_in(pa.array(labels, pa.string()), self.labels.dictionary).drop_null()
        hits = pc.is_in(self.labels.indices, codes.cast(self.labels.indices.type))
        if texts is not None:
            hits = pc.and_(hits, pc.is_in(self.texts, pa.array(texts, pa.string())))
        found[self.rows[hits.to_numpy(zero_copy_only=False)]] = True
        return found


def concat(chunks: list[Chunk]) -> Chunk:
    """The rows of several chunks, in order."""
    if len(chunks) == 1:
        return chunks[0]
    offset = 0
    rows: list[npt.NDArray[np.int32]] = []
    for chunk in chunks:
        rows.append(chunk.rows + np.int32(offset))
        offset += len(chunk)
    labels: Any = pa.chunked_array([chunk.labels for chunk in chunks]).unify_dictionaries().combine_chunks()
    if isinstance(labels, pa.ChunkedArray):
        labels = labels.chunk(0)
    return Chunk(
        pa.concat_tables([chunk.table for chunk in chunks]).combine_chunks(),
        np.concatenate(rows),
        labels,
        pa.concat_arrays([chunk.texts for chunk in chunks]),
        sum(chunk.size for chunk in chunks),
    )
