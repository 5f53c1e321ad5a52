"""Addresses of a stack into frames: ``function+offset (file)``."""

from __future__ import annotations

import bisect
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path

from host_agent.ebpf.elf import Elf
from host_agent.ebpf.errors import EbpfError, ProbeRefused


@lru_cache(maxsize=64)
def _functions(path: str) -> tuple[Elf, list[int], list[str]] | None:
    try:
        elf = Elf.open(Path(path))
    except ProbeRefused:
        return None
    found = sorted((s.address, s.name) for s in elf.symbols if s.is_function)
    return elf, [address for address, _ in found], [name for _, name in found]


class Symbolizer:
    """Names frames by the symbols of the files that a process has mapped, and kernel frames by kallsyms.

    Args:
        read: the addresses of stack ids, innermost first, from the kernel's table.
    """

    def __init__(self, read: Callable[[list[int]], dict[int, list[int]]]) -> None:
        self._read = read
        self._stacks: dict[int, list[int]] = {}
        self._maps: dict[int, list[tuple[int, int, int, str]]] = {}
        self._kernel: tuple[list[int], list[str]] | None = None

    def frames(self, stack: int, pid: int) -> list[str]:
        """The frames of a stack id, innermost first; `pid` 0 means a kernel stack."""
        if stack not in self._stacks:
            try:
                self._stacks |= self._read([stack])
            except EbpfError:
                return []
        return [self._frame(address, pid) for address in self._stacks.get(stack, [])]

    def _frame(self, address: int, pid: int) -> str:
        return self._kernel_frame(address) if pid == 0 else self._user_frame(address, pid)

    def _user_frame(self, address: int, pid: int) -> str:
        for start, end, offset, path in self._mappings(pid):
            if not start <= address < end:
                continue
            known = _functions(path) if path.startswith("/") else None
            name = Path(path).name or "[anonymous]"
            if known is None:
                return f"{address:#x} ({name})"
            elf, addresses, names = known
            virtual = elf.address_of(address - start + offset)
            at = bisect.bisect_right(addresses, virtual) - 1 if virtual is not None else -1
            if virtual is None or at < 0:
                return f"{address:#x} ({name})"
            return f"{names[at]}+{virtual - addresses[at]:#x} ({name})"
        return f"{address:#x}"

    def _mappings(self, pid: int) -> list[tuple[int, int, int, str]]:
        if pid not in self._maps:
            found = []
            try:
                text = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8", errors="replace")
            except OSError:
                text = ""
            for line in text.splitlines():
                parts = line.split(None, 5)
                if "x" in parts[1]:
                    start, _, end = parts[0].partition("-")
                    path = parts[5] if len(parts) > 5 else ""
                    found.append((int(start, 16), int(end, 16), int(parts[2], 16), path))
            self._maps[pid] = found
        return self._maps[pid]

    def _kernel_frame(self, address: int) -> str:
        if self._kernel is None:
            pairs = []
            try:
                text = Path("/proc/kallsyms").read_text(encoding="ascii", errors="replace")
            except OSError:
                text = ""
            for line in text.splitlines():
                value, kind, name = line.split()[:3]
                if kind in "tT" and int(value, 16):
                    pairs.append((int(value, 16), name))
            pairs.sort()
            self._kernel = ([a for a, _ in pairs], [n for _, n in pairs])
        addresses, names = self._kernel
        at = bisect.bisect_right(addresses, address) - 1
        return f"{names[at]}+{address - addresses[at]:#x} [kernel]" if at >= 0 else f"{address:#x} [kernel]"
