"""Each kind of probe and each option, against a small program that does what is probed."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from host_agent.ebpf.errors import ProbeRefused
from host_agent.ebpf.machine import syscall_names
from host_agent.ebpf.tracer import EbpfTracer
from host_agent.ebpf.when import When
from tests.kernel.collecting import collect_until, flat
from wasm_sdk.otlp import ExponentialHistogram, Span, StatusCode

pytestmark = pytest.mark.kernel

# Prints a port (none is listened on: a number is what start_server wants), then runs what comes in as Python.
OBEDIENT = (
    "import os, socket, sys, time, subprocess, threading, mmap, ctypes; print(1, flush=True)\n"
    "for line in sys.stdin: exec(line); print('done', flush=True)"
)


@pytest.fixture
def obedient(start_server: Callable) -> tuple[subprocess.Popen[str], Callable[[str], None]]:
    process, _ = start_server(sys.executable, "-c", OBEDIENT)

    def run(code: str) -> None:
        process.stdin.write(code + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "done\n"

    return process, run


def _named(spans: list[Span], name: str) -> list[Span]:
    return [s for s in spans if s.name == name]


def test_more_than_nine_tenths_of_the_running_kernels_calls_are_known() -> None:
    types = Path("/sys/kernel/btf/vmlinux")
    if not types.exists():
        pytest.skip("the kernel has no BTF")
    prefix = b"__x64_sys_" if os.uname().machine == "x86_64" else b"__arm64_sys_"
    in_kernel = {m.decode() for m in re.findall(rb"\0" + prefix + rb"(\w+)(?=\0)", types.read_bytes())}
    # The kernel's names of a few differ from the table's; calls of other tables (32 bit) are none of ours.
    renamed = {
        "newstat": "stat",
        "newfstat": "fstat",
        "newlstat": "lstat",
        "newuname": "uname",
        "sendfile64": "sendfile",
    }
    known = set(syscall_names().values())
    native = {renamed.get(n, n) for n in in_kernel} & (
        known | {n for n in in_kernel if not re.search(r"32|16|64|old|time32|ia32", n)}
    )
    assert len(native & known) / len(native) > 0.9


def test_system_calls_tell_arguments_results_and_errors(obedient: tuple, tmp_path: Path) -> None:
    process, run = obedient
    tracer = EbpfTracer()
    tracer.attach_syscall(["openat", "renameat2", "rename", "connect", "getppid", "mmap", "kill"])
    tracer.add_target(pid=process.pid)
    with tracer:
        run(
            f"os.getppid(); os.kill(os.getpid(), 0); open('{tmp_path}/a', 'w').close(); "
            f"os.rename('{tmp_path}/a', '{tmp_path}/b')"
        )
        run(
            f"try: open('{tmp_path}/none')\nexcept OSError: pass".replace("\n", "\\n").join(
                ["exec('''", "''')"]
            )
        )
        run("s = socket.socket(); s.connect_ex(('127.0.0.1', 9)); mmap.mmap(-1, 8192).close()")
        spans = collect_until(tracer, lambda found: bool(_named(found, "mmap")))
    assert _named(spans, "getppid")[0].attributes["linux.syscall.result"] == os.getpid()
    assert _named(spans, "kill")[0].attributes["linux.syscall.argument.signal"] == "0"
    created, missing = (
        next(
            s
            for s in _named(spans, "openat")
            if s.attributes["linux.syscall.argument.path"] == f"{tmp_path}/{n}"
        )
        for n in ("a", "none")
    )
    assert "O_CREAT" in str(created.attributes["linux.syscall.argument.flags"])
    assert created.status.code == StatusCode.UNSET
    assert (missing.status.code, missing.status.message) == (StatusCode.ERROR, "ENOENT")
    assert missing.attributes["error.type"] == "ENOENT"
    assert _named(spans, "connect")[0].attributes["linux.syscall.argument.address"] == "127.0.0.1:9"
    assert _named(spans, "connect")[0].status.message == "ECONNREFUSED"
    renamed = next(s for s in spans if s.name.startswith("rename"))
    assert renamed.attributes["linux.syscall.argument.to"] == f"{tmp_path}/b"
    assert _named(spans, "mmap")[-1].attributes["linux.syscall.argument.length"] == "8192"


def test_files_are_told_with_path_and_bytes(obedient: tuple, tmp_path: Path) -> None:
    process, run = obedient
    tracer = EbpfTracer()
    tracer.attach_file_io()
    tracer.add_target(pid=process.pid)
    deep = tmp_path / "a" / "deep" / "folder"
    with tracer:
        run(
            f"os.makedirs('{deep}'); f = open('{deep}/x\\x1b[31m', 'wb', 0); "
            "f.write(b'12345'); os.fsync(f.fileno()); f.close()"
        )
        run(f"os.unlink('{deep}/x\\x1b[31m')")
        spans = collect_until(tracer, lambda found: bool(_named(found, "unlink")))
    (written,) = [s for s in _named(spans, "write") if s.attributes["file.io.bytes"] == 5]
    assert str(written.attributes["file.path"]).endswith("/a/deep/folder/x\ufffd[31m")
    assert _named(spans, "fsync")[0].attributes["file.path"] == written.attributes["file.path"]
    assert written.end_time_unix_nano > written.start_time_unix_nano
    assert not [s for s in spans if s.attributes.get("file.path", "").startswith("pipe")]


def test_connections_tell_addresses_bytes_and_round_trips(obedient: tuple) -> None:
    process, run = obedient
    tracer = EbpfTracer()
    tracer.attach_network(requests=False, connections=True, traffic=True)
    tracer.add_target(pid=process.pid)
    with tracer:
        run(
            "l = socket.create_server(('127.0.0.1', 0)); "
            "c = socket.create_connection(l.getsockname()); a, _ = l.accept()"
        )
        run("c.sendall(b'x' * 1000); a.recv(2000); a.close(); c.recv(1); c.close(); time.sleep(0.05)")
        spans = collect_until(tracer, lambda found: bool(_named(found, "tcp.connection")))
    sent = [s for s in _named(spans, "tcp.send") if s.attributes["network.io.bytes"] == 1000]
    assert len(sent) == 1
    assert {"tcp.connect", "tcp.accept", "tcp.receive"} <= {s.name for s in spans}
    summary = _named(spans, "tcp.connection")[0].attributes
    assert 1000 in (summary["tcp.bytes_sent"], summary["tcp.bytes_received"])
    assert summary["network.peer.address"] == "127.0.0.1"


def test_a_refused_connection_is_an_error(obedient: tuple) -> None:
    process, run = obedient
    tracer = EbpfTracer()
    tracer.attach_network(requests=False, connections=True)
    tracer.add_target(pid=process.pid)
    with tracer:
        run("socket.socket().connect_ex(('127.0.0.1', 9))")
        spans = collect_until(tracer, lambda found: bool(_named(found, "tcp.connect")))
    assert _named(spans, "tcp.connect")[0].status.message == "ECONNREFUSED"


def test_functions_by_glob_with_durations_results_and_stacks(obedient: tuple) -> None:
    process, run = obedient
    tracer = EbpfTracer()
    tracer.add_target(pid=process.pid)
    with tracer:
        tracer.attach_function("libc:getp*id", When(user_stack=True), pid=process.pid)
        run("ctypes.CDLL(None).getpid()")
        spans = collect_until(tracer, lambda found: bool(_named(found, "getpid")))
    span = _named(spans, "getpid")[0]
    assert span.attributes["linux.function.result"] == process.pid
    assert span.attributes["spanweave.probe.mechanism"] in ("uprobe.session", "uprobe.multi", "perf uprobe")
    assert re.match(r"\S+\+0x[0-9a-f]+ \(\S+\)", str(span.attributes["code.stacktrace"])), (
        "the caller, by name"
    )
    assert span.end_time_unix_nano > span.start_time_unix_nano


def test_a_detached_function_is_told_no_more(obedient: tuple) -> None:
    process, run = obedient
    tracer = EbpfTracer()
    tracer.attach_syscall(["getppid"])
    tracer.add_target(pid=process.pid)
    with tracer:
        probe = tracer.attach_function("libc:getpid")
        run("libc = ctypes.CDLL(None); libc.getpid()")
        collect_until(tracer, lambda found: bool(_named(found, "getpid")))
        tracer.detach(probe)
        run("libc.getpid(); os.getppid()")
        spans = collect_until(tracer, lambda found: bool(_named(found, "getppid")))
    assert not _named(spans, "getpid")


def test_go_programs_are_refused_with_the_reason(tmp_path: Path) -> None:
    go = shutil.which("go") or shutil.which("go", path="/usr/local/go/bin")
    if go is None:
        pytest.skip("no Go tool chain: its own binary is the Go program probed here")
    with EbpfTracer() as tracer, pytest.raises(ProbeRefused, match="is a Go program"):
        tracer.attach_function(f"{Path(go).resolve()}:main.main")


def test_kernel_functions_say_which_mechanism_held(obedient: tuple) -> None:
    process, run = obedient
    with EbpfTracer() as tracer:
        tracer.add_target(pid=process.pid)
        probe = tracer.attach_function("kernel:sched_switch")
        run("time.sleep(0.01)")
        spans = collect_until(tracer, lambda found: bool(_named(found, "sched_switch")))
        assert (
            tracer.probes()[probe][1]
            == _named(spans, "sched_switch")[0].attributes["spanweave.probe.mechanism"]
        )
        with pytest.raises(ProbeRefused, match=r"no_such_function_here: kprobe.*fentry.*tracepoint"):
            tracer.attach_function("kernel:no_such_function_here")


def test_static_probes_read_their_arguments(tmp_path: Path, start_server: Callable) -> None:
    compiler = shutil.which("gcc")
    header = "/usr/include/sys/sdt.h", f"/usr/include/{os.uname().machine}-linux-gnu/sys/sdt.h"
    if compiler is None or not any(Path(h).exists() for h in header):
        pytest.skip("gcc and sys/sdt.h (systemtap-sdt-dev) are needed to make a program with static probes")
    source = tmp_path / "probed.c"
    source.write_text(
        "#include <sys/sdt.h>\n#include <stdio.h>\n"
        'int main(void) { setvbuf(stdout, 0, _IONBF, 0); puts("1"); char name[] = "hello";'
        " while (getchar() > 0) DTRACE_PROBE3(shop, sold, 42, (short)-7, name); }"
    )
    binary = tmp_path / "probed"
    subprocess.run([compiler, "-O1", "-o", str(binary), str(source)], check=True)
    process, _ = start_server(str(binary))
    with EbpfTracer() as tracer:
        tracer.add_target(pid=process.pid)
        tracer.attach_function(f"usdt:{binary}:shop:sold(s2)")
        process.stdin.write("x")
        process.stdin.flush()
        spans = collect_until(tracer, lambda found: bool(_named(found, "shop:sold")))
        with pytest.raises(ProbeRefused, match="it has shop:sold"):
            tracer.attach_function(f"usdt:{binary}:shop:bought")
    attributes = _named(spans, "shop:sold")[0].attributes
    assert attributes["usdt.argument.0"] == 42
    assert attributes["usdt.argument.1"] == (1 << 64) - 7
    assert attributes["usdt.strings"] == ["hello"]


def test_page_faults_and_mappings_are_told(obedient: tuple) -> None:
    process, run = obedient
    tracer = EbpfTracer()
    tracer.attach_memory(faults=True)
    tracer.add_target(pid=process.pid)
    with tracer:
        run("m = mmap.mmap(-1, 40960); m[0] = 1; m[4096] = 1; m[8192] = 1")
        spans = collect_until(tracer, lambda found: len(_named(found, "page fault")) >= 3)
        counted = tracer.page_faults()
    assert _named(spans, "mmap")
    assert counted[process.pid] >= 3


def test_thresholds_and_failures_only_keep_the_rest_away(obedient: tuple) -> None:
    process, run = obedient
    tracer = EbpfTracer()
    tracer.attach_syscall(["clock_nanosleep"], When(min_duration_ns=20_000_000))
    tracer.attach_syscall(["openat"], When(failed_only=True))
    tracer.add_target(pid=process.pid)
    with tracer:
        run("time.sleep(0.001); time.sleep(0.03); open('/dev/null').close(); os.access('/', 0)")
        run("exec('try: open(\"/none\")\\nexcept OSError: pass')")
        spans = collect_until(tracer, lambda found: bool(_named(found, "openat")))
    assert len(_named(spans, "clock_nanosleep")) == 1
    assert [s.status.message for s in _named(spans, "openat")] == ["ENOENT"]


def test_histograms_count_in_the_kernel_and_emit_nothing(obedient: tuple) -> None:
    process, run = obedient
    tracer = EbpfTracer()
    tracer.attach_syscall(["getppid"], When(emit=False, histogram=True))
    tracer.add_target(pid=process.pid)
    with tracer:
        run("[os.getppid() for _ in range(1000)]")
        (metric,) = tracer.collect_metrics()
        assert not _named(flat(tracer.collect_spans()), "getppid")
    assert isinstance(metric.data, ExponentialHistogram)
    point = metric.data.data_points[0]
    assert point.attributes["linux.syscall.name"] == "getppid"
    assert point.count == 1000 == sum(point.positive.bucket_counts) + point.zero_count
    # The mean lies within the bounds of the buckets: base 2^(1/4), bucket i holds (base^i, base^(i+1)].
    lowest, highest = (
        2 ** (point.positive.offset / 4),
        2 ** ((point.positive.offset + len(point.positive.bucket_counts)) / 4),
    )
    assert lowest <= (point.sum or 0) / point.count <= highest


def test_sampled_allocations_tell_size_life_and_site(obedient: tuple) -> None:
    process, run = obedient
    tracer = EbpfTracer()
    tracer.add_target(pid=process.pid)
    with tracer:
        run("libc = ctypes.CDLL(None); libc.malloc.restype = ctypes.c_void_p")
        run("libc.free.argtypes = [ctypes.c_void_p]")
        probe = tracer.attach_allocations(one_in=1, pid=process.pid)
        run("p = libc.malloc(987654); time.sleep(0.01); libc.free(p)")
        spans = collect_until(
            tracer,
            lambda found: any(s.attributes.get("linux.memory.allocated_bytes") == 987654 for s in found),
        )
        tracer.detach(probe)
    span = next(s for s in spans if s.attributes.get("linux.memory.allocated_bytes") == 987654)
    assert span.end_time_unix_nano - span.start_time_unix_nano >= 10_000_000
    assert "+0x" in str(span.attributes["code.stacktrace"])


def test_dropped_packets_are_counted_by_reason(obedient: tuple) -> None:
    process, run = obedient
    tracer = EbpfTracer()
    tracer.attach_network(connections=True, tls=False)
    tracer.add_target(pid=process.pid)
    with tracer:
        run("socket.socket().connect_ex(('127.0.0.1', 9))")
        assert all(count > 0 for count in tracer.dropped_packets().values())
