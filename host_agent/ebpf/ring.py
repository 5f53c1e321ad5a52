"""The reader's side of a BPF ring buffer, without libbpf and without privileges: two mappings of the map.

The layout is that of ``kernel/bpf/ringbuf.c``: a page with the consumer position (writable), a page with the
producer position, then the data twice in a row so that no record wraps. Every record has an 8-byte header
whose first word is its length, bit 31 while it is being written and bit 30 when it was discarded.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

_BUSY = np.uint32(1 << 31)
_DISCARDED = np.uint32(1 << 30)
_FEW = 32
"""Up to so many records are read one by one: an array of them costs more to set up than it saves."""

_length = struct.Struct("<I").unpack_from


class Ring:
    """A ring whose records all have one type.

    Args:
        fd: the map; it stays the caller's.
        size: bytes of data (``max_entries`` of the map).
        record: the type of a record, a multiple of 8 bytes.
        read: one record at an offset of a buffer, as ``tolist`` of an array of `record` would give it.
    """

    def __init__(
        self, fd: int, size: int, record: np.dtype[Any], read: Callable[[Any, int], tuple[Any, ...]]
    ) -> None:
        if record.itemsize % 8:
            raise ValueError("records of a ring are whole words")
        page = mmap.PAGESIZE
        self.fd = fd
        self._mask = size - 1
        self._framed = np.dtype([("length", "<u4"), ("page", "<u4"), ("record", record)])
        self._consumer = mmap.mmap(fd, page, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE, offset=0)
        self._producer = mmap.mmap(fd, page + 2 * size, mmap.MAP_SHARED, mmap.PROT_READ, offset=page)
        self._read = read
        self._read_at = memoryview(self._consumer).cast("Q")
        self._written_to = memoryview(self._producer)[:8].cast("Q")
        self._data_offset = page

    @property
    def pending_bytes(self) -> int:
        return self._written_to[0] - self._read_at[0]

    def take(self, limit: int = 65536) -> list[tuple[Any, ...]]:
        """Like `drain`, as Python values; the quick way when a record is wanted as soon as it is written."""
        start = self._read_at[0]
        step = self._framed.itemsize
        count = (self._written_to[0] - start) // step
        if count > _FEW:
            return list(self.drain(limit).tolist())
        found = []
        first = self._data_offset + (start & self._mask)
        for at in range(first, first + min(count, limit) * step, step):
            (length,) = _length(self._producer, at)
            if length & 1 << 31:
                break
            if not length & 1 << 30:
                found.append(self._read(self._producer, at + 8))
            start += step
        self._read_at[0] = start
        return found

    def drain(self, limit: int = 65536) -> npt.NDArray[Any]:
        """Copies out up to `limit` finished records and frees their room; empty when there are none."""
        start = self._read_at[0]
        count = min((self._written_to[0] - start) // self._framed.itemsize, limit)
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
        self._read_at.release()
        self._written_to.release()
        self._consumer.close()
        self._producer.close()
