"""Just enough of ELF64 (little endian): sections, symbols, and where an address stands in the file."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from host_agent.ebpf.errors import ProbeRefused

_SHT_SYMTAB, _SHT_DYNSYM = 2, 11
_PT_LOAD = 1
_STT_FUNC, _STT_OBJECT, _STT_IFUNC = 2, 1, 10


@dataclass(frozen=True, slots=True)
class Section:
    """A section header, by name."""

    name: str
    kind: int
    address: int
    offset: int
    size: int
    link: int
    entry_size: int


@dataclass(frozen=True, slots=True)
class Symbol:
    """A defined symbol; ``address`` is virtual (an offset in its section in a relocatable file)."""

    name: str
    address: int
    size: int
    kind: int
    section: int

    @property
    def is_function(self) -> bool:
        return self.kind in (_STT_FUNC, _STT_IFUNC)


class Elf:
    """An ELF file in memory.

    Raises:
        ProbeRefused: the bytes are no 64-bit little-endian ELF file.
    """

    def __init__(self, data: bytes | mmap.mmap, name: str = "") -> None:
        if len(data) < 64 or data[:6] != b"\x7fELF\x02\x01":
            raise ProbeRefused(f"{name or 'the file'} is no 64-bit little-endian ELF file")
        self.data = data
        self.name = name
        self.machine = struct.unpack_from("<H", data, 18)[0]
        self._segments = list(self._read_segments())

    @classmethod
    def open(cls, path: Path) -> Elf:
        """Maps a file.

        Raises:
            ProbeRefused: it cannot be read, or is no ELF file.
        """
        try:
            with path.open("rb") as file:
                return cls(mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ), str(path))
        except (OSError, ValueError) as error:
            raise ProbeRefused(f"{path} cannot be read: {error}") from error

    def _read_segments(self) -> Iterator[tuple[int, int, int, int]]:
        (start,) = struct.unpack_from("<Q", self.data, 32)
        size, count = struct.unpack_from("<HH", self.data, 54)
        for index in range(count):
            kind, flags, offset, address, _, in_file = struct.unpack_from(
                "<IIQQQQ", self.data, start + index * size
            )
            if kind == _PT_LOAD:
                yield address, offset, in_file, flags

    @cached_property
    def sections(self) -> list[Section]:
        (start,) = struct.unpack_from("<Q", self.data, 40)
        size, count, names = struct.unpack_from("<HHH", self.data, 58)
        headers = [struct.unpack_from("<IIQQQQIIQQ", self.data, start + i * size) for i in range(count)]
        table = headers[names][4] if headers else 0
        return [Section(self.text(table + h[0]), h[1], h[3], h[4], h[5], h[6], h[9]) for h in headers]

    def text(self, offset: int) -> str:
        """The NUL-terminated string at a file offset."""
        return bytes(self.data[offset : self.data.find(b"\0", offset)]).decode(errors="replace")

    def section(self, name: str) -> Section | None:
        return next((s for s in self.sections if s.name == name), None)

    def content(self, section: Section) -> bytes:
        return bytes(self.data[section.offset : section.offset + section.size])

    @cached_property
    def symbols(self) -> list[Symbol]:
        """Defined symbols of both tables, without version suffixes or duplicates."""
        found: dict[tuple[str, int], Symbol] = {}
        for table in self.sections:
            if table.kind not in (_SHT_SYMTAB, _SHT_DYNSYM):
                continue
            strings = self.sections[table.link].offset
            entries = struct.iter_unpack("<IBBHQQ", self.content(table))
            for name, info, _, section, value, size in entries:
                if section and info & 15 in (0, _STT_OBJECT, _STT_FUNC, _STT_IFUNC) and name:
                    text = self.text(strings + name).split("@")[0]
                    found.setdefault((text, value), Symbol(text, value, size, info & 15, section))
        return list(found.values())

    def file_offset(self, address: int) -> int | None:
        """Where a virtual address stands in the file; None when no segment holds it."""
        for start, offset, size, _ in self._segments:
            if start <= address < start + size:
                return address - start + offset
        return None

    def address_of(self, file_offset: int) -> int | None:
        """The reverse of `file_offset`."""
        for start, offset, size, _ in self._segments:
            if offset <= file_offset < offset + size:
                return file_offset - offset + start
        return None

    @property
    def is_go(self) -> bool:
        """Whether the Go tool chain linked it: its stacks move, and return probes would crash it."""
        return self.section(".go.buildinfo") is not None or self.section(".gopclntab") is not None
