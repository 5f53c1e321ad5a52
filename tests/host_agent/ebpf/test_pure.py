"""The parts that need no kernel: arguments, prologues, histograms, tables, trees, /proc."""

from __future__ import annotations

import math
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_agent.ebpf import arguments, machine
from host_agent.ebpf.elf import Elf
from host_agent.ebpf.errors import EbpfUnavailable, ProbeRefused
from host_agent.ebpf.functions import find_file, find_functions
from host_agent.ebpf.histograms import to_metric
from host_agent.ebpf.layout import Kind, kind_probe
from host_agent.ebpf.live_tree import LiveTree
from host_agent.ebpf.processes import Processes, container_id
from host_agent.ebpf.prologue import cheap_offset
from host_agent.ebpf.settings import KernelConfig
from host_agent.ebpf.usdt import find_static_probe
from host_agent.ebpf.without_bpf import ProcWatcher
from wasm_sdk.otlp import KeyValues, Resource, ResourceSpans, ScopeSpans, Span


def _number(name: str) -> int:
    number = machine.syscall_number(name)
    assert number is not None
    return number


def test_arguments_read_as_people_write_them() -> None:
    shown = arguments.decode(_number("openat"), [0xFFFFFF9C, 0x7F, 0o2102, 0o644, 0, 0], ["/etc/passwd"])
    assert shown == {
        "dirfd": "AT_FDCWD",
        "path": "/etc/passwd",
        "flags": "O_RDWR|O_CREAT|O_APPEND",
        "mode": "0644",
    }
    mapped = arguments.decode(_number("mmap"), [0, 4096, 3, 0x22, (1 << 64) - 1, 0])
    assert (mapped["prot"], mapped["flags"], mapped["fd"]) == (
        "PROT_READ|PROT_WRITE",
        "MAP_PRIVATE|MAP_ANONYMOUS",
        "-1",
    )
    assert arguments.decode(_number("kill"), [1, 9, 0, 0, 0, 0]) == {"pid": "1", "signal": "SIGKILL"}
    assert arguments.decode(_number("getppid"), [1, 2])["arg1"] == "0x2"
    assert len(arguments.DECODED) >= 30
    assert set(arguments.DECODED) <= set(machine.syscall_names("x86_64").values())


@given(
    st.sampled_from(sorted(machine.syscall_names())),
    st.lists(st.integers(0, 2**64 - 1), min_size=6, max_size=6),
)
def test_no_argument_makes_decoding_fail(number: int, values: list[int]) -> None:
    assert all(isinstance(v, str) for v in arguments.decode(number, values).values())


def test_machines_differ_and_unknown_ones_are_told() -> None:
    assert machine.syscall_names("aarch64")[172] == "getpid"
    assert machine.syscall_names("x86_64")[39] == "getpid"
    assert machine.syscall_names("x86_64")[462] == machine.syscall_names("aarch64")[462] == "mseal"
    with pytest.raises(EbpfUnavailable, match="this machine is vax"):
        machine.registers("vax")


@pytest.mark.parametrize(
    ("code", "offset"),
    [
        ("55", 0),  # push rbp
        ("f30f1efa 55", 4),  # endbr64; push rbp
        ("f30f1efa 4154", 4),  # endbr64; push r12
        ("f30f1efa 31c0 53", 6),  # endbr64; xor eax,eax; push rbx
        ("4889f8 0f1f440000", 3),  # mov rax,rdi; nop5
        ("4885ff 53", 3),  # test rdi,rdi; push rbx
        ("488d442408 55", 5),  # lea rax,[rsp+8]; push
        ("83ff05 55", 3),  # cmp edi,5; push
        ("b801000000 55", 5),  # mov eax,1; push
        ("89c7 55", 0),  # mov edi,eax: a parameter changes
        ("4883ec08 55", 0),  # sub rsp,8: the stack changes
        ("bf01000000 55", 0),  # mov edi,1: a parameter changes
        ("e800000000 55", 0),  # call
        ("7405 55", 0),  # a jump
        ("f30f1efa c3", 0),  # nothing cheap follows
    ],
)
def test_a_probe_stands_where_it_is_cheap_and_nothing_has_changed(code: str, offset: int) -> None:
    assert cheap_offset(bytes.fromhex(code.replace(" ", "")).ljust(48, b"\xc3")) == offset


@given(st.binary(max_size=64))
def test_any_bytes_have_a_cheap_offset(code: bytes) -> None:
    assert 0 <= cheap_offset(code) < 48


def test_functions_are_found_by_name_glob_and_address() -> None:
    path, found = find_functions("libc:getpid")
    assert [f.name for f in found] == ["getpid"]
    elf = Elf.open(path)
    address = next(s.address for s in elf.symbols if s.name == "getpid")
    _, exact = find_functions(f"{path}:{address:#x}")
    assert exact[0].offset == elf.file_offset(address)
    assert elf.address_of(exact[0].offset) == address
    assert {"getpid", "getppid"} <= {f.name for f in find_functions("libc:getp*id", os.getpid())[1]}


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("nothing", "write FILE:SYMBOL"),
        ("/no/such/file:x", "there is no file"),
        ("no-such-lib:x", "give its path"),
        ("libc:no_such_function_*", "has no function"),
        ("libc:0xffffffffffff", "nothing at address"),
        (f"{__file__}:main", "is no 64-bit"),
    ],
)
def test_a_function_that_cannot_be_found_says_why(spec: str, says: str) -> None:
    with pytest.raises(ProbeRefused, match=says):
        find_functions(spec)


def test_a_static_probe_that_cannot_be_found_says_why() -> None:
    with pytest.raises(ProbeRefused, match="write usdt:FILE:PROVIDER:NAME"):
        find_static_probe("usdt:libc")
    with pytest.raises(ProbeRefused, match="no static probe"):
        find_static_probe("usdt:/bin/true:a:b")
    assert find_file("sh").exists()


@given(st.lists(st.integers(1, 2**39), min_size=1, max_size=50))
def test_a_histogram_has_the_bounds_that_opentelemetry_defines(durations: list[int]) -> None:
    buckets = [0] * 160
    for duration in durations:
        # (2^(i/4), 2^((i+1)/4)]; exact for powers of two, where floating point is exact too.
        index = math.ceil(math.log2(duration) * 4) - 1
        buckets[max(index, 0)] += 1
    counted = {
        "count": len(durations),
        "sum": sum(durations),
        "zero": 0,
        "max": max(durations),
        "buckets": buckets,
    }
    metric = to_metric(kind_probe(Kind.FILE), counted, {}, 1)
    point = metric.data.data_points[0]
    assert sum(point.positive.bucket_counts) == point.count
    assert point.positive.bucket_counts[0] > 0
    assert point.attributes["spanweave.probe.kind"] == "file"


def test_a_tree_is_printed_when_its_trace_is_quiet() -> None:
    now = [0.0]
    printed: list[list[str]] = []
    tree = LiveTree(printed.append, lambda: now[0])
    span = Span(trace_id=b"t" * 16, span_id=b"s" * 8, name="GET", attributes=KeyValues.of({"url.path": "/x"}))
    group = ResourceSpans(
        resource=Resource(attributes=KeyValues.of({"service.name": "shop"})),
        scope_spans=[ScopeSpans(spans=[span])],
    )
    tree.add([group])
    tree.print_quiet()
    assert not printed
    now[0] = 1.0
    tree.print_quiet()
    assert "GET /x" in printed[0][1]
    assert span.name == "GET"


def test_a_child_is_under_the_request_or_the_process_that_started_it() -> None:
    processes = Processes()
    above = processes.get(10, 5)
    child = processes.forked(11, 10, "sh", 6)
    assert (child.trace_id, child.parent_span_id) == (above.trace_id, above.span_id)
    served = processes.forked(12, 10, "cgi", 7, b"t" * 16, b"p" * 8)
    assert (served.trace_id, served.parent_span_id) == (b"t" * 16, b"p" * 8)
    processes.exited(11, 9, 256)
    assert processes.ended[0] is processes.get(11, 10)
    again = processes.forked(11, 10, "again", 11)
    assert processes.get(11, 12) is again
    assert container_id(1) == ""


def test_without_bpf_proc_tells_of_a_process_and_its_end() -> None:
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    watcher = ProcWatcher([process.pid])
    assert watcher.look() == []
    process.communicate(b"\n")
    end = time.monotonic() + 5
    while not (ended := watcher.look()):
        assert time.monotonic() < end
        time.sleep(0.01)
    span = ended[0].scope_spans[0].spans[0]
    assert span.attributes["process.memory.usage"] > 0
    assert span.attributes["spanweave.source"] == "/proc"
    assert watcher.finish() == []


def test_the_configuration_becomes_a_plan() -> None:
    config = KernelConfig.model_validate({"files": True, "min_duration_us": 1.5, "syscalls": ["openat"]})
    assert config.targets.empty
    plan = config.plan()
    assert (plan.files, plan.http, plan.syscalls, plan.when.min_duration_ns) == (
        True,
        True,
        ("openat",),
        1500,
    )


def test_cut_off_and_foreign_files_are_refused(tmp_path: Path) -> None:
    for content in (b"", b"\x7fELF", b"\x7fELF\x01\x01" + bytes(100)):
        (tmp_path / "f").write_bytes(content)
        with pytest.raises(ProbeRefused):
            Elf.open(tmp_path / "f")
