"""Which functions a specification means, and where in the file their probes stand."""

from __future__ import annotations

import ctypes.util
import fnmatch
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from host_agent.ebpf.elf import Elf
from host_agent.ebpf.errors import ProbeRefused
from host_agent.ebpf.prologue import cheap_offset

MOST_FUNCTIONS = 4000
_EM_X86_64 = 62


@dataclass(frozen=True, slots=True)
class Function:
    """A function and the offset in its file where the probe is put."""

    name: str
    offset: int


def find_file(name: str, pid: int = 0) -> Path:
    """The file that a specification names: a path, a program on the PATH, or a library by its short name.

    Args:
        pid: looks in what this process has mapped first.

    Raises:
        ProbeRefused: there is no such file.
    """
    if "/" in name:
        path = Path(f"/proc/{pid}/root{name}") if pid and name.startswith("/") else Path(name)
        if path.exists():
            return path
        raise ProbeRefused(f"there is no file {name}")
    if pid and (mapped := _mapped(name, pid)):
        return mapped
    if found := shutil.which(name):
        return Path(found).resolve()
    soname = ctypes.util.find_library(name.removeprefix("lib").removesuffix(".so"))
    for directory in ("/lib", "/usr/lib", "/usr/lib64", "/usr/local/lib"):
        for path in sorted(Path(directory).glob(f"**/{soname}")) if soname else ():
            return path.resolve()
    raise ProbeRefused(f"no program or library is called {name}: give its path")


def _mapped(name: str, pid: int) -> Path | None:
    pattern = re.compile(rf"^(lib)?{re.escape(name.removeprefix('lib'))}([-.].*)?$")
    try:
        lines = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    paths = {line.split(None, 5)[5] for line in lines if " r-xp " in line and "/" in line}
    found = next((p for p in sorted(paths) if pattern.match(Path(p).name)), None)
    return Path(f"/proc/{pid}/root{found}") if found else None


def find_functions(spec: str, pid: int = 0) -> tuple[Path, list[Function]]:
    """Resolves ``FILE:SYMBOL``, ``FILE:GLOB`` or ``FILE:0xADDRESS``.

    Raises:
        ProbeRefused: no such file or function, or a Go program.
    """
    name, separator, wanted = spec.rpartition(":")
    if not separator or not name or not wanted:
        raise ProbeRefused(f"{spec!r}: write FILE:SYMBOL, for example libssl:SSL_*")
    path = find_file(name, pid)
    elf = Elf.open(path)
    if elf.is_go:
        raise ProbeRefused(
            f"{path} is a Go program: its stacks move, and a return probe would crash it. "
            "Trace its requests instead."
        )
    if re.fullmatch(r"0x[0-9a-fA-F]+", wanted):
        offset = elf.file_offset(int(wanted, 16))
        if offset is None:
            raise ProbeRefused(f"{path} has nothing at address {wanted}")
        return path, [Function(wanted, offset)]
    by_offset: dict[int, str] = {}
    for symbol in elf.symbols:
        if symbol.is_function and fnmatch.fnmatchcase(symbol.name, wanted):
            offset = elf.file_offset(symbol.address)
            if offset is None:
                continue
            if elf.machine == _EM_X86_64:
                offset += cheap_offset(bytes(elf.data[offset : offset + 48]))
            by_offset.setdefault(offset, symbol.name)
    if not by_offset:
        raise ProbeRefused(f"{path} has no function {wanted} (is it stripped?)")
    if len(by_offset) > MOST_FUNCTIONS:
        raise ProbeRefused(f"{wanted} matches {len(by_offset)} functions, more than {MOST_FUNCTIONS}")
    return path, [Function(symbol, offset) for offset, symbol in sorted(by_offset.items())]
