"""Arguments of the system calls that matter most, as people read them."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from functools import cache

from host_agent.ebpf.machine import syscall_names

_OPEN = {
    0o100: "O_CREAT",
    0o200: "O_EXCL",
    0o1000: "O_TRUNC",
    0o2000: "O_APPEND",
    0o4000: "O_NONBLOCK",
    0o10000: "O_DSYNC",
    0o200000: "O_DIRECTORY",
    0o2000000: "O_CLOEXEC",
    0o20000000: "O_TMPFILE",
}
_PROT = {1: "PROT_READ", 2: "PROT_WRITE", 4: "PROT_EXEC"}
_MAP = {1: "MAP_SHARED", 2: "MAP_PRIVATE", 0x10: "MAP_FIXED", 0x20: "MAP_ANONYMOUS", 0x20000: "MAP_STACK"}
_FAMILY = {1: "AF_UNIX", 2: "AF_INET", 10: "AF_INET6", 16: "AF_NETLINK", 17: "AF_PACKET"}
_SOCKET = {1: "SOCK_STREAM", 2: "SOCK_DGRAM", 3: "SOCK_RAW", 5: "SOCK_SEQPACKET"}
_WHENCE = {0: "SEEK_SET", 1: "SEEK_CUR", 2: "SEEK_END", 3: "SEEK_DATA", 4: "SEEK_HOLE"}
_EPOLL = {1: "EPOLL_CTL_ADD", 2: "EPOLL_CTL_DEL", 3: "EPOLL_CTL_MOD"}
_ADVICE = {0: "MADV_NORMAL", 3: "MADV_WILLNEED", 4: "MADV_DONTNEED", 8: "MADV_FREE", 14: "MADV_HUGEPAGE"}
_FUTEX = {
    0: "FUTEX_WAIT",
    1: "FUTEX_WAKE",
    9: "FUTEX_WAIT_BITSET",
    10: "FUTEX_WAKE_BITSET",
    6: "FUTEX_LOCK_PI",
}
_CLONE = {
    0x100: "CLONE_VM",
    0x200: "CLONE_FS",
    0x400: "CLONE_FILES",
    0x800: "CLONE_SIGHAND",
    0x4000: "CLONE_VFORK",
    0x10000: "CLONE_THREAD",
}
_SHUTDOWN = {0: "SHUT_RD", 1: "SHUT_WR", 2: "SHUT_RDWR"}
_FCNTL = {0: "F_DUPFD", 1: "F_GETFD", 2: "F_SETFD", 3: "F_GETFL", 4: "F_SETFL", 1030: "F_DUPFD_CLOEXEC"}


def _signed(value: int) -> str:
    value &= 0xFFFFFFFF
    return str(value - (1 << 32) if value >> 31 else value)


def _directory(value: int) -> str:
    return "AT_FDCWD" if _signed(value) == "-100" else _signed(value)


def _flags(names: dict[int, str], zero: str = "0") -> Callable[[int], str]:
    def show(value: int) -> str:
        found = [name for bit, name in names.items() if value & bit == bit]
        rest = value & ~sum(bit for bit in names if value & bit == bit)
        return "|".join(found + ([hex(rest)] if rest else [])) or zero

    return show


def _one_of(names: dict[int, str], mask: int = 0xFFFFFFFF) -> Callable[[int], str]:
    return lambda value: names.get(value & mask, str(value & mask))


def _open_flags(value: int) -> str:
    access = ("O_RDONLY", "O_WRONLY", "O_RDWR", "3")[value & 3]
    rest = _flags(_OPEN, "")(value & 0xFFFFFFFF & ~3)
    return f"{access}|{rest}" if rest else access


def _signal(value: int) -> str:
    try:
        return signal.Signals(value & 0xFFFFFFFF).name
    except ValueError:
        return _signed(value)


def _octal(value: int) -> str:
    return f"0{value & 0o7777:o}"


_number, _pointer = str, hex
_Decoder = Callable[[int], str]
_fd: tuple[str, _Decoder] = ("fd", _signed)
_io: list[tuple[str, _Decoder]] = [_fd, ("buf", _pointer), ("count", _number)]
_vector: list[tuple[str, _Decoder]] = [_fd, ("iov", _pointer), ("iovcnt", _number)]
_path: tuple[str, _Decoder] = ("path", _pointer)

DECODED: dict[str, list[tuple[str, _Decoder]]] = {
    "read": _io,
    "write": _io,
    "pread64": [*_io, ("offset", _number)],
    "pwrite64": [*_io, ("offset", _number)],
    "readv": _vector,
    "writev": _vector,
    "open": [_path, ("flags", _open_flags), ("mode", _octal)],
    "openat": [("dirfd", _directory), _path, ("flags", _open_flags), ("mode", _octal)],
    "close": [_fd],
    "lseek": [_fd, ("offset", _number), ("whence", _one_of(_WHENCE))],
    "mmap": [
        ("addr", _pointer),
        ("length", _number),
        ("prot", _flags(_PROT, "PROT_NONE")),
        ("flags", _flags(_MAP)),
        _fd,
        ("offset", _number),
    ],
    "mprotect": [("addr", _pointer), ("length", _number), ("prot", _flags(_PROT, "PROT_NONE"))],
    "munmap": [("addr", _pointer), ("length", _number)],
    "madvise": [("addr", _pointer), ("length", _number), ("advice", _one_of(_ADVICE))],
    "brk": [("addr", _pointer)],
    "socket": [("domain", _one_of(_FAMILY)), ("type", _one_of(_SOCKET, 0xF)), ("protocol", _signed)],
    "connect": [_fd, ("address", _pointer), ("length", _number)],
    "bind": [_fd, ("address", _pointer), ("length", _number)],
    "listen": [_fd, ("backlog", _signed)],
    "accept": [_fd],
    "accept4": [_fd, ("address", _pointer), ("length", _pointer), ("flags", _pointer)],
    "sendto": [*_io, ("flags", _pointer)],
    "recvfrom": [*_io, ("flags", _pointer)],
    "sendmsg": [_fd, ("msg", _pointer), ("flags", _pointer)],
    "recvmsg": [_fd, ("msg", _pointer), ("flags", _pointer)],
    "shutdown": [_fd, ("how", _one_of(_SHUTDOWN))],
    "sendfile": [("out_fd", _signed), ("in_fd", _signed), ("offset", _pointer), ("count", _number)],
    "fsync": [_fd],
    "fdatasync": [_fd],
    "ftruncate": [_fd, ("length", _number)],
    "fcntl": [_fd, ("cmd", _one_of(_FCNTL)), ("arg", _number)],
    "ioctl": [_fd, ("request", _pointer)],
    "futex": [("uaddr", _pointer), ("op", _one_of(_FUTEX, 0x7F)), ("value", _signed)],
    "clone": [("flags", _flags(_CLONE))],
    "kill": [("pid", _signed), ("signal", _signal)],
    "tgkill": [("tgid", _signed), ("tid", _signed), ("signal", _signal)],
    "wait4": [("pid", _signed), ("status", _pointer), ("options", _pointer)],
    "epoll_ctl": [("epfd", _signed), ("op", _one_of(_EPOLL)), _fd],
    "epoll_wait": [("epfd", _signed), ("events", _pointer), ("maxevents", _signed), ("timeout", _signed)],
    "poll": [("fds", _pointer), ("nfds", _number), ("timeout", _signed)],
    "unlink": [_path],
    "unlinkat": [("dirfd", _directory), _path, ("flags", _pointer)],
    "mkdir": [_path, ("mode", _octal)],
    "rename": [("from", _pointer), ("to", _pointer)],
    "nanosleep": [("request", _pointer)],
    "dup2": [("oldfd", _signed), ("newfd", _signed)],
    "exit_group": [("status", _signed)],
}
"""Argument names and how each is shown, by system call."""

_POINTS_TO_TEXT = {"path", "from", "to", "address"}


@cache
def _described(number: int, prefix: str) -> list[tuple[str, _Decoder, bool]] | None:
    described = DECODED.get(syscall_names().get(number, ""))
    if described is None:
        return None
    return [(prefix + name, show, name in _POINTS_TO_TEXT) for name, show in described]


def decode(number: int, args: Sequence[int], strings: Sequence[str] = (), prefix: str = "") -> dict[str, str]:
    """The arguments by name; of a call that is not described, by position.

    Args:
        strings: paths or addresses that the kernel side read, in the order of the pointers to them.
        prefix: goes before each name.
    """
    described = _described(number, prefix)
    if described is None:
        shown = {f"{prefix}arg{i}": hex(value) for i, value in enumerate(args)}
        return shown | ({f"{prefix}path": strings[0]} if strings else {})
    if not strings:
        return {name: show(value) for (name, show, _), value in zip(described, args, strict=False)}
    texts = list(strings)
    return {
        name: texts.pop(0) if is_text and texts else show(value)
        for (name, show, is_text), value in zip(described, args, strict=False)
    }
