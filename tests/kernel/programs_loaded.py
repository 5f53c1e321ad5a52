"""What the kernel holds of ours, asked of the kernel itself (bpf(2)), not of our books."""

from __future__ import annotations

import ctypes
import errno
import struct
from functools import cache
from importlib.resources import files

from host_agent.ebpf import bpf_calls
from host_agent.ebpf.elf import Elf

_PROG_GET_NEXT_ID, _PROG_GET_FD_BY_ID, _GET_INFO_BY_FD = 11, 13, 15


@cache
def our_names() -> set[str]:
    """Names of all programs in the objects, cut to the 15 bytes that the kernel keeps."""
    found = set()
    for entry in files("bpf").iterdir():
        if entry.name.endswith(".bpf.o"):
            found |= {s.name[:15] for s in Elf(entry.read_bytes()).symbols if s.is_function}
    return found


def ours_in_kernel() -> set[tuple[int, str]]:
    """Ids and names of the loaded programs that have a name of ours."""
    import os

    found = set()
    current = 0
    while True:
        try:
            attributes = ctypes.create_string_buffer(struct.pack("=III", current, 0, 0), 12)
            bpf_calls._system_call(321, _PROG_GET_NEXT_ID, attributes, 12)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EPERM):
                return found
            raise
        current = struct.unpack_from("=I", attributes, 4)[0]
        try:
            fd = bpf_calls._bpf(_PROG_GET_FD_BY_ID, struct.pack("=III", current, 0, 0))
        except OSError:
            continue
        info = ctypes.create_string_buffer(256)
        bpf_calls._bpf(_GET_INFO_BY_FD, struct.pack("=IIQ", fd, 256, ctypes.addressof(info)))
        os.close(fd)
        name = info.raw[64:80].split(b"\0")[0].decode()
        if name in our_names():
            found.add((current, name))
