"""Which traces a segment may hold, in two bytes each, so that a look-up opens only the files that matter.

A Bloom filter (double hashing after Kirsch and Mitzenmacher, "Less Hashing, Same Performance", 2006). A list
of fifty traces asks it fifty times, so one foreign trace in some two thousand may pass, not one in a hundred.
"""

import base64
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

BITS_PER_TRACE = 16
PROBES = 8
TRACE_ID_BYTES = 16

Hashes = npt.NDArray[np.uint64]


class TraceFilter:
    """Immutable; made by `of_hashes` or `parse`."""

    def __init__(self, words: Hashes) -> None:
        self._words = words

    @classmethod
    def of_hashes(cls, parts: Sequence[Hashes]) -> "TraceFilter":
        """A filter that lets the traces of these hashes (`hashes`) through."""
        every = np.unique(np.concatenate(parts)) if parts else np.zeros(0, np.uint64)
        words = np.zeros(max(1, len(every) * BITS_PER_TRACE // 64), np.uint64)
        bits = _bits(every, len(words)).ravel()
        np.bitwise_or.at(words, bits >> np.uint64(6), np.uint64(1) << (bits & np.uint64(63)))
        return cls(words)

    @classmethod
    def parse(cls, data: bytes) -> "TraceFilter":
        """The filter that `bytes()` wrote. Raises ValueError."""
        words = np.frombuffer(base64.b85decode(data), "<u8").astype(np.uint64)
        if not len(words):
            raise ValueError("an empty trace filter")
        return cls(words)

    def __bytes__(self) -> bytes:
        return base64.b85encode(self._words.astype("<u8").tobytes())

    def may_have(self, wanted: Hashes) -> bool:
        """Whether one of the traces (their `hashes`) may be there; False is certain."""
        bits = _bits(wanted, len(self._words))
        set_ = self._words[bits >> np.uint64(6)] >> (bits & np.uint64(63)) & np.uint64(1)
        return bool(np.any(np.all(set_, axis=1)))


def hashes_of(trace_ids: Sequence[bytes]) -> Hashes:
    """As `hashes`, of some ids."""
    return hashes(pa.array(trace_ids, pa.binary()))


def hashes(trace_ids: pa.Array | pa.ChunkedArray) -> Hashes:
    """One number for each distinct trace id of 16 bytes; others are left out."""
    distinct = pc.unique(trace_ids)
    distinct = distinct.filter(pc.equal(pc.binary_length(distinct), TRACE_ID_BYTES))
    halves = np.frombuffer(b"".join(distinct.to_pylist()), "<u8").reshape(-1, 2)
    return _mixed(_mixed(halves[:, 0]) ^ halves[:, 1])


def _mixed(numbers: npt.NDArray[np.uint64]) -> Hashes:
    """The finaliser of SplitMix64: ids of senders that do not draw them at random spread all the same."""
    mixed: Hashes = numbers ^ (numbers >> np.uint64(30))
    mixed = mixed * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> np.uint64(31))


def _bits(numbers: Hashes, words: int) -> npt.NDArray[np.uint64]:
    """The bits of each number, one row each."""
    step = (numbers >> np.uint64(32)) | np.uint64(1)
    bits: npt.NDArray[np.uint64] = numbers[:, None] + np.arange(PROBES, dtype=np.uint64) * step[:, None]
    return bits % np.uint64(64 * words)
