"""Capabilities: what this process has, and giving up all that probes do not need."""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path

CAP_SYS_PTRACE = 19
CAP_SYS_ADMIN = 21
CAP_PERFMON = 38
CAP_BPF = 39
NEEDED = {"CAP_BPF": CAP_BPF, "CAP_PERFMON": CAP_PERFMON}
_VERSION_3 = 0x20080522
_PR_SET_PDEATHSIG, _PR_SET_NO_NEW_PRIVS, _PR_SET_DUMPABLE = 1, 38, 4
_libc = ctypes.CDLL(None, use_errno=True)


def effective() -> int:
    """The effective capabilities of this process, a bit each."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("CapEff:"):
            return int(line.split()[1], 16)
    return 0


def missing() -> list[str]:
    """Names of the capabilities that probes need and this process lacks."""
    held = effective()
    if held >> CAP_SYS_ADMIN & 1:  # before 5.8 it stood for both
        return []
    return [name for name, bit in NEEDED.items() if not held >> bit & 1]


def keep_only(*capabilities: int) -> None:
    """Drops every other capability for good.

    Raises:
        OSError: one of them is not held.
    """
    mask = sum(1 << c for c in capabilities) & effective()
    low, high = mask & 0xFFFFFFFF, mask >> 32
    header = struct.pack("=Ii", _VERSION_3, 0)
    data = struct.pack("=6I", low, low, 0, high, high, 0)
    if _libc.capset(header, data) != 0:
        code = ctypes.get_errno()
        raise OSError(code, f"capset: {os.strerror(code)}")
    _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)


def die_with_parent() -> None:
    """Has the kernel end this process when its parent ends, so that nothing stays attached."""
    _libc.prctl(_PR_SET_PDEATHSIG, 9, 0, 0, 0)
