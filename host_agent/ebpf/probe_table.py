"""The table that tells the programs what to do with each system call, by name."""

from __future__ import annotations

from dataclasses import dataclass, field

from host_agent.ebpf.layout import Action, ProbeFlag
from host_agent.ebpf.machine import syscall_names

# name → (action, argument with a path, argument with a second path, argument with MSG_ flags), 1-based.
_CALLS: dict[str, tuple[Action, int, int, int]] = {
    "read": (Action.READ, 0, 0, 0),
    "pread64": (Action.READ, 0, 0, 0),
    "recvfrom": (Action.READ, 0, 0, 4),
    "readv": (Action.READV, 0, 0, 0),
    "preadv": (Action.READV, 0, 0, 0),
    "preadv2": (Action.READV, 0, 0, 0),
    "recvmsg": (Action.RECVMSG, 0, 0, 3),
    "write": (Action.WRITE, 0, 0, 0),
    "pwrite64": (Action.WRITE, 0, 0, 0),
    "sendto": (Action.WRITE, 0, 0, 4),
    "writev": (Action.WRITEV, 0, 0, 0),
    "pwritev": (Action.WRITEV, 0, 0, 0),
    "pwritev2": (Action.WRITEV, 0, 0, 0),
    "sendmsg": (Action.SENDMSG, 0, 0, 3),
    "sendmmsg": (Action.SENDMMSG, 0, 0, 4),
    "sendfile": (Action.SENDFILE, 0, 0, 0),
    "connect": (Action.CONNECT, 0, 0, 0),
    "accept": (Action.ACCEPT, 0, 0, 0),
    "accept4": (Action.ACCEPT, 0, 0, 0),
    "close": (Action.CLOSE, 0, 0, 0),
    "open": (Action.OPEN, 1, 0, 0),
    "creat": (Action.OPEN, 1, 0, 0),
    "openat": (Action.OPEN, 2, 0, 0),
    "openat2": (Action.OPEN, 2, 0, 0),
    "fsync": (Action.FILE, 0, 0, 0),
    "fdatasync": (Action.FILE, 0, 0, 0),
    "ftruncate": (Action.FILE, 0, 0, 0),
    "fallocate": (Action.FILE, 0, 0, 0),
    "rename": (Action.PATH, 1, 2, 0),
    "renameat": (Action.PATH, 2, 4, 0),
    "renameat2": (Action.PATH, 2, 4, 0),
    "unlink": (Action.PATH, 1, 0, 0),
    "unlinkat": (Action.PATH, 2, 0, 0),
    "link": (Action.PATH, 1, 2, 0),
    "linkat": (Action.PATH, 2, 4, 0),
    "symlink": (Action.PATH, 1, 2, 0),
    "symlinkat": (Action.PATH, 1, 3, 0),
    "mkdir": (Action.PATH, 1, 0, 0),
    "mkdirat": (Action.PATH, 2, 0, 0),
    "rmdir": (Action.PATH, 1, 0, 0),
    "truncate": (Action.PATH, 1, 0, 0),
    "epoll_wait": (Action.LOOP, 0, 0, 0),
    "epoll_pwait": (Action.LOOP, 0, 0, 0),
    "epoll_pwait2": (Action.LOOP, 0, 0, 0),
    "io_uring_enter": (Action.LOOP, 0, 0, 0),
    "poll": (Action.POLL, 0, 0, 0),
    "ppoll": (Action.POLL, 0, 0, 0),
    "select": (Action.SELECT, 0, 0, 0),
    "pselect6": (Action.SELECT, 0, 0, 0),
}
# Paths of calls that need no action of their own.
_PATHS: dict[str, tuple[int, int]] = {
    "stat": (1, 0),
    "lstat": (1, 0),
    "newfstatat": (2, 0),
    "statx": (2, 0),
    "access": (1, 0),
    "faccessat": (2, 0),
    "faccessat2": (2, 0),
    "readlink": (1, 0),
    "readlinkat": (2, 0),
    "chdir": (1, 0),
    "chmod": (1, 0),
    "fchmodat": (2, 0),
    "chown": (1, 0),
    "fchownat": (2, 0),
    "statfs": (1, 0),
    "mount": (1, 2),
    "umount2": (1, 0),
}
_ADDRESSES = {"connect": 2, "bind": 2}


@dataclass(slots=True)
class Probe:
    """One row of the table (bpf/event.h, struct probe)."""

    flags: int = 0
    action: int = 0
    string_a: int = 0
    string_b: int = 0
    flags_argument: int = 0
    min_duration_ns: int = 0

    def row(self) -> list[int]:
        return [
            self.flags,
            self.action,
            self.string_a,
            self.string_b,
            self.flags_argument,
            self.min_duration_ns,
        ]


@dataclass(slots=True)
class ProbeTable:
    """Rows by probe id; begins with the actions of this machine's system calls, nothing emitted."""

    rows: dict[int, Probe] = field(default_factory=dict)

    @classmethod
    def with_actions(cls) -> ProbeTable:
        table = cls()
        for number, name in syscall_names().items():
            if name in _CALLS:
                action, first, second, flags = _CALLS[name]
                table.rows[number] = Probe(0, action, first, second, flags)
        return table

    def want_syscall(self, number: int, flags: int, min_duration_ns: int) -> None:
        """Emits this call, with its paths or address."""
        name = syscall_names()[number]
        row = self.rows.setdefault(number, Probe())
        if not row.string_a and name in _PATHS:
            row.string_a, row.string_b = _PATHS[name]
        if name in _ADDRESSES:
            row.string_a = _ADDRESSES[name]
            flags |= ProbeFlag.SOCKADDR
        row.flags, row.min_duration_ns = flags, min_duration_ns

    def drop_syscall(self, number: int) -> None:
        """Emits it no more; its action stays."""
        row = self.rows.get(number)
        if row:
            row.flags = 0

    def encoded(self) -> dict[str, list[int]]:
        return {str(number): row.row() for number, row in self.rows.items()}
