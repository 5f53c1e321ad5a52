"""The reader's side of a BPF ring buffer, without libbpf and without privileges: two mappings of the map.

The layout is that of ``kernel/bpf/ringbuf.c``: a page with the consumer position (writable), a page with the
producer position, then the data twice in a row so that no record wraps. Every record has an 8-byte header
whose first word is its length, bit 31 while it is being written and bit 30 when it was discarded.
"""

from __future__ import annotations

import mmap
from typing import Any

import numpy as np
import numpy.typing as npt

_BUSY = np.uint32(1 << 31)
_DISCARDED = np.uint32(1 << 30)


class Ring:
    """A ring whose records all have one type.

    Args:
        fd: the map; it stays the caller's.
        size: bytes of data (``max_entries`` of the map).
        record: the type of a record, a multiple of 8 bytes.
    """

    def __init__(self, fd: int, size: int, record: np.dtype[Any]) -> None:
        if record.itemsize % 8:
            raise ValueError("records of a ring are whole words")
        page = mmap.PAGESIZE
        self.fd = fd
        self._mask = size - 1
        self._framed = np.dtype([("length", "<u4"), ("page", "<u4"), ("record", record)])
        self._consumer = mmap.mmap(fd, page, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE, offset=0)
        self._producer = mmap.mmap(fd, page + 2 * size, mmap.MAP_SHARED, mmap.PROT_READ, offset=page)
        self._read_at = np.frombuffer(self._consumer, np.uint64, 1)
        self._written_to = np.frombuffer(self._producer, np.uint64, 1)
        self._data_offset = page

    @property
    def pending_bytes(self) -> int:
        return int(self._written_to[0]) - int(self._read_at[0])

    def drain(self, limit: int = 65536) -> npt.NDArray[Any]:
        """Copies out up to `limit` finished records and frees their room; empty when there are none."""
        start = int(self._read_at[0])
        count = min((int(self._written_to[0]) - start) // self._framed.itemsize, limit)
        if count <= 0:
            return np.empty(0, self._framed["record"])
        view = np.frombuffer(self._producer, self._framed, count, self._data_offset + (start & self._mask))
        unfinished = view["length"] & _BUSY != 0
        if unfinished.any():
            view = view[: int(unfinished.argmax())]
        kept = view["record"]
        discarded = view["length"] & _DISCARDED != 0
        copied = kept[~discarded] if discarded.any() else kept.copy()
        self._read_at[0] = start + len(view) * self._framed.itemsize
        return copied

    def close(self) -> None:
        """Unmaps; the ring must not be used afterwards."""
        del self._read_at, self._written_to
        self._consumer.close()
        self._producer.close()
