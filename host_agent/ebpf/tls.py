"""OpenSSL in traced processes: probes on its reads and writes, so that encrypted requests are seen too."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from host_agent.ebpf.elf import Elf
from host_agent.ebpf.errors import ProbeRefused

# Function → cookie: 1 reads, 2 writes, plus 4 for the forms that return the count through a pointer;
# a handshake (8) moves no data, but its socket calls tell which connection it is.
FUNCTIONS = {
    "SSL_do_handshake": 8,
    "SSL_connect": 8,
    "SSL_accept": 8,
    "SSL_read": 1,
    "SSL_write": 2,
    "SSL_read_ex": 5,
    "SSL_write_ex": 6,
}
_PROGRAMS = "tls_entered+tls_returned"


class TlsProbes:
    """The files that hold OpenSSL and are probed; every one once, for all processes that map it.

    Args:
        ask: sends a request to the helper.
    """

    def __init__(self, ask: Callable[..., dict[str, Any]]) -> None:
        self._ask = ask
        self._seen: set[tuple[int, int]] = set()
        self.links: list[int] = []
        self.refused: dict[str, str] = {}

    def probe_processes(self, pids: Iterable[int]) -> None:
        """Probes libraries that these processes have mapped, and programs that OpenSSL is linked into."""
        for pid in pids:
            for path in _mapped(pid):
                self.probe_file(path)

    def probe_file(self, path: Path) -> None:
        try:
            status = path.stat()
        except OSError:
            return
        identity = (status.st_dev, status.st_ino)
        if identity in self._seen:
            return
        self._seen.add(identity)
        try:
            elf = Elf.open(path)
            offsets = {
                s.name: elf.file_offset(s.address)
                for s in elf.symbols
                if s.is_function and s.name in FUNCTIONS
            }
            found = {name: offset for name, offset in offsets.items() if offset is not None}
            if not found or elf.is_go:
                return
            answer = self._ask(
                "functions",
                path=str(path),
                offsets=list(found.values()),
                cookies=[FUNCTIONS[name] for name in found],
                pid=0,
                program=_PROGRAMS,
            )
        except ProbeRefused as error:
            self.refused[str(path)] = str(error)
            return
        self.links.append(int(answer["link"]))


def system_libraries() -> list[Path]:
    """The host's own OpenSSL, for programs that have not started yet."""
    return sorted(
        {
            p.resolve()
            for d in ("/usr/lib", "/usr/lib64")
            for p in (*Path(d).glob("libssl.so.*"), *Path(d).glob("*/libssl.so.*"))
        }
    )


def _mapped(pid: int) -> list[Path]:
    """The executable, and libraries called libssl, as the process sees them."""
    try:
        lines = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8", errors="replace").splitlines()
        executable = os.readlink(f"/proc/{pid}/exe")  # noqa: PTH115
    except OSError:
        return []
    found = {line.split(None, 5)[5] for line in lines if "libssl" in line and " r-xp " in line}
    return [Path(f"/proc/{pid}/root{name}") for name in sorted(found | {executable})]
