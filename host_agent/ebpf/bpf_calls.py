"""The bpf(2) and perf_event_open(2) calls that the installed libbpf has no function for.

Numbers and layouts are those of ``include/uapi/linux/bpf.h`` and ``perf_event.h``.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import platform
import struct
from collections.abc import Sequence
from pathlib import Path

_NUMBERS = {"x86_64": (321, 298), "aarch64": (280, 241)}
BPF_LINK_CREATE = 28
ATTACH_PERF_EVENT = 41
ATTACH_UPROBE_MULTI = 48
ATTACH_UPROBE_SESSION = 57
ATTACH_KPROBE_MULTI = 42
_PERF_FLAG_FD_CLOEXEC = 8
_PERF_EVENT_IOC_ENABLE = 0x2400
_PERF_EVENT_IOC_SET_BPF = 0x40042408
_libc = ctypes.CDLL(None, use_errno=True)


def _system_call(number: int, *arguments: object) -> int:
    result = int(_libc.syscall(number, *arguments))
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


def _bpf(command: int, attributes: bytes) -> int:
    buffer = ctypes.create_string_buffer(attributes, len(attributes))
    return _system_call(_NUMBERS[platform.machine()][0], command, buffer, len(attributes))


def link_uprobes(
    program_fd: int,
    path: str,
    offsets: Sequence[int],
    *,
    cookies: Sequence[int],
    pid: int = 0,
    on_return: bool = False,
    session: bool = False,
    semaphores: Sequence[int] = (),
) -> int:
    """Attaches one program to many offsets of one file (kernel 6.6; sessions 6.13).

    Args:
        path: the binary or shared library.
        offsets: bytes from the start of the file.
        cookies: what ``bpf_get_attach_cookie`` returns, one for each offset.
        pid: only this process; 0 means every process that maps the file.
        semaphores: file offsets of counters that the kernel raises while the probe is on (USDT), or none.

    Returns:
        The link: closing it detaches.

    Raises:
        OSError: what the kernel answered.
    """
    name = ctypes.create_string_buffer(path.encode())
    places = (ctypes.c_uint64 * len(offsets))(*offsets)
    marks = (ctypes.c_uint64 * len(cookies))(*cookies)
    counters = (ctypes.c_uint64 * len(offsets))(*semaphores) if any(semaphores) else None
    attributes = struct.pack(
        "=IIII QQQQ III",
        program_fd,
        0,
        ATTACH_UPROBE_SESSION if session else ATTACH_UPROBE_MULTI,
        0,
        ctypes.addressof(name),
        ctypes.addressof(places),
        ctypes.addressof(counters) if counters else 0,
        ctypes.addressof(marks),
        len(offsets),
        1 if on_return else 0,
        pid,
    )
    return _bpf(BPF_LINK_CREATE, attributes)


def perf_uprobe(
    program_fd: int, path: str, offset: int, *, cookie: int, pid: int = -1, on_return: bool = False
) -> tuple[int, int]:
    """The older way, one event a function (a BPF link with a cookie: kernel 5.15).

    Returns:
        The link and the perf event; closing both detaches.
    """
    kind = int(Path("/sys/bus/event_source/devices/uprobe/type").read_text(encoding="ascii"))
    name = ctypes.create_string_buffer(path.encode())
    attributes = bytearray(120)
    struct.pack_into("=IIQ", attributes, 0, kind, 120, 1 if on_return else 0)
    struct.pack_into("=QQ", attributes, 56, ctypes.addressof(name), offset)
    buffer = ctypes.create_string_buffer(bytes(attributes), len(attributes))
    cpu = -1 if pid > 0 else 0
    event = _system_call(
        _NUMBERS[platform.machine()][1], buffer, pid, cpu, -1, ctypes.c_ulong(_PERF_FLAG_FD_CLOEXEC)
    )
    try:
        link = _bpf(
            BPF_LINK_CREATE,
            struct.pack("=IIIIQ", program_fd, event, ATTACH_PERF_EVENT, 0, cookie).ljust(64, b"\0"),
        )
        fcntl.ioctl(event, _PERF_EVENT_IOC_ENABLE, 0)
    except OSError:
        os.close(event)
        raise
    return link, event
