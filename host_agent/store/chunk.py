"""Rows in memory, not flushed yet: Arrow columns, and their attributes as one flat list."""

from dataclasses import dataclass

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
        pairs: For each attribute its place in `labels` and `texts`.
        labels, texts: The distinct attributes.
        size: Bytes of the items, for bounds.
    """

    table: pa.Table
    rows: npt.NDArray[np.int32]
    pairs: npt.NDArray[np.int32]
    labels: pa.StringArray
    texts: pa.StringArray
    size: int

    def __len__(self) -> int:
        return int(self.table.num_rows)

    def having(self, labels: list[str], texts: list[str] | None) -> npt.NDArray[np.bool_]:
        """Which rows have an attribute with one of these labels and, unless None, one of these texts."""
        found = np.zeros(len(self), dtype=np.bool_)
        hits = pc.is_in(self.labels, pa.array(labels, pa.string()))
        if texts is not None:
            hits = pc.and_(hits, pc.is_in(self.texts, pa.array(texts, pa.string())))
        found[self.rows[hits.to_numpy(zero_copy_only=False)[self.pairs]]] = True
        return found


def concat(chunks: list[Chunk]) -> Chunk:
    """The rows of several chunks, in order."""
    if len(chunks) == 1:
        return chunks[0]
    rows: list[npt.NDArray[np.int32]] = []
    pairs: list[npt.NDArray[np.int32]] = []
    first_row = first_pair = 0
    for chunk in chunks:
        rows.append(chunk.rows + np.int32(first_row))
        pairs.append(chunk.pairs + np.int32(first_pair))
        first_row += len(chunk)
        first_pair += len(chunk.labels)
    return Chunk(
        pa.concat_tables([chunk.table for chunk in chunks]).combine_chunks(),
        np.concatenate(rows),
        np.concatenate(pairs),
        pa.concat_arrays([chunk.labels for chunk in chunks]),
        pa.concat_arrays([chunk.texts for chunk in chunks]),
        sum(chunk.size for chunk in chunks),
    )
