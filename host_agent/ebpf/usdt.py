"""Static probes (USDT) as SystemTap's notes describe them: https://sourceware.org/systemtap/wiki/UserSpaceProbeImplementation"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from host_agent.ebpf.elf import Elf
from host_agent.ebpf.errors import ProbeRefused
from host_agent.ebpf.functions import find_file

_PLACE = struct.Struct("=qIBBBB")
_MOST_ARGUMENTS = 6
_NONE, _CONSTANT, _REGISTER, _MEMORY = range(4)
# Offsets in struct pt_regs of x86-64; the 32-, 16- and 8-bit names of a register share its place.
_OFFSETS = {
    "r15": 0, "r14": 8, "r13": 16, "r12": 24, "bp": 32, "bx": 40, "r11": 48, "r10": 56, "r9": 64, "r8": 72,
    "ax": 80, "cx": 88, "dx": 96, "si": 104, "di": 112, "ip": 128, "sp": 152,
}  # fmt: skip
_ARGUMENT = re.compile(r"(-?\d+)@(.+)")
_INDIRECT = re.compile(r"(-?(?:0x)?[0-9a-f]+)?\(%(\w+)\)")


@dataclass(frozen=True, slots=True)
class ProbePlace:
    """One place of a static probe in a file."""

    offset: int
    semaphore: int
    arguments: bytes


@dataclass(frozen=True, slots=True)
class StaticProbe:
    """A static probe; the compiler may have copied it to several places."""

    path: Path
    label: str
    places: list[ProbePlace]


def find_static_probe(spec: str, pid: int = 0) -> StaticProbe:
    """Resolves ``usdt:FILE:PROVIDER:NAME``; ``NAME(s0,s1)`` reads arguments 0 and 1 as strings.

    Raises:
        ProbeRefused: no such file, or no such probe in it.
    """
    match = re.fullmatch(r"usdt:(.+):([\w.-]+):([\w.-]+)(?:\((.*)\))?", spec)
    if match is None:
        raise ProbeRefused(f"{spec!r}: write usdt:FILE:PROVIDER:NAME")
    file, provider, name, texts = match.groups()
    strings = {int(t.strip().removeprefix("s")) for t in texts.split(",")} if texts else set()
    path = find_file(file, pid)
    elf = Elf.open(path)
    places = [
        ProbePlace(offset, semaphore, _encode(arguments, strings))
        for found_provider, found_name, offset, semaphore, arguments in _notes(elf)
        if (found_provider, found_name) == (provider, name)
    ]
    if not places:
        known = sorted({f"{p}:{n}" for p, n, *_ in _notes(elf)})
        listed = f"; it has {', '.join(known[:10])}" if known else "; it has none"
        raise ProbeRefused(f"{path} has no static probe {provider}:{name}{listed}")
    return StaticProbe(path, f"{provider}:{name}", places)


def _notes(elf: Elf) -> Iterator[tuple[str, str, int, int, str]]:
    """Provider, name, file offset, file offset of the semaphore (0: none) and arguments of each probe."""
    section = elf.section(".note.stapsdt")
    if section is None:
        return
    base = elf.section(".stapsdt.base")
    data = elf.content(section)
    at = 0
    while at + 12 <= len(data):
        name_size, size, kind = struct.unpack_from("=III", data, at)
        at += 12 + (name_size + 3) // 4 * 4
        body = data[at : at + size]
        at += (size + 3) // 4 * 4
        if kind != 3:
            continue
        address, linked_base, semaphore = struct.unpack_from("=QQQ", body)
        moved = base.address - linked_base if base else 0
        provider, name, arguments = (t.decode(errors="replace") for t in body[24:].split(b"\0")[:3])
        offset = elf.file_offset(address + moved)
        if offset is None:
            continue
        counter = elf.file_offset(semaphore + moved) if semaphore else 0
        yield provider, name, offset, counter or 0, arguments


def _register(name: str) -> int | None:
    name = name.removeprefix("%")
    for candidate in (name, name[1:], name.rstrip("bwd"), name.rstrip("l") + "x", name.rstrip("l")):
        if candidate in _OFFSETS:
            return _OFFSETS[candidate]
    return None


def _encode(text: str, strings: set[int]) -> bytes:
    """The argument string as ``struct places`` of bpf/functions.bpf.c; what is not understood is left out."""
    places = []
    for index, word in enumerate(text.split()[:_MOST_ARGUMENTS]):
        how, offset, register, size, signed = _NONE, 0, 0, 8, False
        if match := _ARGUMENT.fullmatch(word):
            size, signed = abs(int(match[1])), match[1].startswith("-")
            operand = match[2]
            indirect = _INDIRECT.fullmatch(operand)
            if operand.startswith("$"):
                how, offset = _CONSTANT, int(operand[1:], 0)
            elif indirect and (place := _register(indirect[2])) is not None:
                how, offset, register = _MEMORY, int(indirect[1] or "0", 0), place
            elif operand.startswith("%") and (place := _register(operand)) is not None:
                how, register = _REGISTER, place
        places.append(
            _PLACE.pack(offset, register, how, size if size in (1, 2, 4, 8) else 8, signed, index in strings)
        )
    return b"".join(places).ljust(_PLACE.size * _MOST_ARGUMENTS, b"\0")
