"""Reading and writing BPF maps by file descriptor."""

from __future__ import annotations

import ctypes
import errno
from collections.abc import Iterator

from host_agent.ebpf.libbpf import library


class Map:
    """A map with keys and values as bytes; sizes are those of its definition (per-CPU values: all CPUs)."""

    def __init__(self, fd: int, key_size: int, value_size: int) -> None:
        self.fd = fd
        self._key_size = key_size
        self._value_size = value_size

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._sized(key, value)
        library().check("bpf_map_update_elem", self.fd, key, value, 0)

    def __getitem__(self, key: bytes) -> bytes:
        value = ctypes.create_string_buffer(self._value_size)
        try:
            library().check("bpf_map_lookup_elem", self.fd, key, value)
        except OSError as error:
            if error.errno == errno.ENOENT:
                raise KeyError(key) from None
            raise
        return value.raw

    def __delitem__(self, key: bytes) -> None:
        try:
            library().check("bpf_map_delete_elem", self.fd, key)
        except OSError as error:
            if error.errno == errno.ENOENT:
                raise KeyError(key) from None
            raise

    def __iter__(self) -> Iterator[bytes]:
        key: bytes | None = None
        following = ctypes.create_string_buffer(self._key_size)
        while True:
            try:
                library().check("bpf_map_get_next_key", self.fd, key, following)
            except OSError as error:
                if error.errno == errno.ENOENT:
                    return
                raise
            key = following.raw
            yield key

    def _sized(self, key: bytes, value: bytes) -> None:
        if len(key) != self._key_size or len(value) != self._value_size:
            raise ValueError(f"key of {len(key)}, value of {len(value)} bytes: the map has others")


def possible_cpus() -> int:
    """How many values a per-CPU map holds for a key."""
    with open("/sys/devices/system/cpu/possible", encoding="ascii") as file:  # noqa: PTH123
        last = file.read().strip().split(",")[-1].split("-")[-1]
    return int(last) + 1
