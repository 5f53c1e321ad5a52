"""The objects in the repository are the build of its sources, and the reader's structures are theirs."""

from __future__ import annotations

import os
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from host_agent.ebpf import layout, records
from host_agent.ebpf.elf import Elf

BPF = Path(__file__).parents[3] / "bpf"
OBJECTS = sorted(BPF.glob("*.bpf.o"))


def test_every_source_has_its_object() -> None:
    assert {p.name for p in OBJECTS} == {p.name[:-1] + "o" for p in BPF.glob("*.bpf.c")}


def test_objects_are_the_build_of_the_sources(tmp_path: Path) -> None:
    clang = shutil.which("clang")
    if (
        clang is None
        or shutil.which("llvm-strip") is None
        or not Path("/usr/include/bpf/bpf_helpers.h").exists()
    ):
        pytest.skip("clang, llvm-strip and libbpf-dev are needed to build the programs")
    version = subprocess.run(
        [clang, "--version"], capture_output=True, text=True, check=True
    ).stdout.splitlines()[0]
    if version != (BPF / "built-with.txt").read_text().strip():
        pytest.skip(f"another compiler gives other bytes: {version}")
    for file in BPF.iterdir():
        if file.is_file() and not file.name.endswith(".bpf.o"):
            shutil.copy(file, tmp_path)
    done = subprocess.run(
        ["make", "-s", "-j2", "-C", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    for built in OBJECTS:
        assert (tmp_path / built.name).read_bytes() == built.read_bytes(), f"make bpf: {built.name} is stale"


@pytest.mark.parametrize("path", OBJECTS, ids=lambda p: p.name)
def test_objects_carry_types_but_no_debug_sections_and_no_folder(path: Path) -> None:
    names = {section.name for section in Elf(path.read_bytes()).sections}
    assert ".BTF" in names
    assert not [name for name in names if name.startswith(".debug")]
    assert str(Path.home()).encode() not in path.read_bytes()


def _structures(data: bytes) -> dict[str, tuple[int, dict[str, int]]]:
    """Size and member offsets (bytes) of the structs in an object's BTF (Documentation/bpf/btf.rst)."""
    header = struct.unpack_from("=HBBIIIII", data)
    types, strings = header[3] + header[4], header[3] + header[6]

    def name(offset: int) -> str:
        return data[strings + offset : data.index(b"\0", strings + offset)].decode()

    trailing = {1: 4, 3: 12, 14: 4, 17: 4}
    each = {4: 12, 5: 12, 6: 8, 13: 8, 15: 12, 19: 12}
    found = {}
    at, end = types, types + header[5]
    while at < end:
        text, info, size = struct.unpack_from("=III", data, at)
        kind, count = info >> 24 & 31, info & 0xFFFF
        at += 12
        if kind == 4:
            members = [struct.unpack_from("=III", data, at + i * 12) for i in range(count)]
            found[name(text)] = (size, {name(m[0]): (m[2] & 0xFFFFFF) // 8 for m in members})
        at += trailing.get(kind, 0) + each.get(kind, 0) * count
    return found


def test_records_have_the_layout_of_the_programs(tmp_path: Path) -> None:
    if shutil.which("clang") is None or not Path("/usr/include/bpf/bpf_helpers.h").exists():
        pytest.skip("clang and libbpf-dev are needed to ask the compiler")
    source = tmp_path / "all.c"
    source.write_text(
        '#include "event.h"\nstruct message m; struct probe p; struct target t; struct histogram h;\n'
    )
    system = f"-I/usr/include/{os.uname().machine}-linux-gnu"
    command = ["clang", "-O2", "-g", "-target", "bpf", f"-I{BPF}", system, "-c", str(source)]
    subprocess.run([*command, "-o", str(tmp_path / "all.o")], check=True)
    elf = Elf((tmp_path / "all.o").read_bytes())
    section = elf.section(".BTF")
    assert section is not None
    structures = _structures(elf.content(section))
    for name, dtype in (
        ("event", records.EVENT),
        ("message", records.MESSAGE),
        ("endpoints", records.ENDPOINTS),
    ):
        size, members = structures[name]
        assert size == dtype.itemsize
        assert {n: dtype.fields[n][1] for n in dtype.names} == members
    assert structures["probe"][0] == layout.PROBE_STRUCT.size
    assert structures["target"][0] == layout.TARGET_STRUCT.size
    assert structures["histogram"][0] == layout.HISTOGRAM_STRUCT.size


@pytest.mark.parametrize(
    ("prefix", "names"),
    [
        ("KIND", layout.Kind),
        ("RELATION", layout.Relation),
        ("ACTION", layout.Action),
        ("PROBE", layout.ProbeFlag),
        ("TARGET", layout.TargetFlag),
        ("EVENT", layout.EventFlag),
        ("COUNTER", layout.Counter),
    ],
)
def test_names_and_numbers_are_those_of_the_header(prefix: str, names: type) -> None:
    text = (BPF / "event.h").read_text()
    value = -1
    found = {}
    for line in re.findall(rf"^\t{prefix}_(\w+(?: = \d+)?),", text, re.M):
        name, _, number = line.partition(" = ")
        value = int(number) if number else value + 1
        found[name] = value
    assert found == {member.name: member.value for member in names}
