"""Processes that die, fork and multiply; full rings; an agent that is killed. Nothing stays attached."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from host_agent.ebpf.errors import HelperGone
from host_agent.ebpf.processes import cgroup_root
from host_agent.ebpf.tracer import EbpfTracer
from tests.kernel.collecting import collect_until, flat
from tests.kernel.programs_loaded import ours_in_kernel

pytestmark = pytest.mark.kernel


def _process_spans(spans: list) -> list:
    return [s for s in spans if s.name.startswith("process ")]


def test_children_follow_through_fork_and_exec_and_root_their_calls(start_server: Callable) -> None:
    process, _ = start_server("/bin/sh", "-c", "echo 1; read x; (/bin/true); /bin/false; echo end")
    tracer = EbpfTracer()
    tracer.attach_syscall(["execve"])
    tracer.add_target(pid=process.pid)
    with tracer:
        process.stdin.write("\n")
        process.stdin.flush()
        spans = collect_until(tracer, lambda found: len(_process_spans(found)) >= 3)
    roots = {s.attributes["process.command"]: s for s in _process_spans(spans)}
    assert roots["false"].parent_span_id == roots["sh"].span_id
    assert roots["false"].trace_id == roots["sh"].trace_id
    assert roots["false"].attributes["process.exit.code"] == 1
    assert roots["false"].status.message == "exit code 1"
    executed = [s for s in spans if s.name == "execve" and s.parent_span_id == roots["false"].span_id]
    assert len(executed) == 1


def test_a_process_that_is_killed_ends_its_span(start_server: Callable) -> None:
    process, _ = start_server("/bin/sh", "-c", "echo 1; read x")
    tracer = EbpfTracer()
    tracer.add_target(pid=process.pid)
    with tracer:
        process.kill()
        spans = collect_until(tracer, lambda found: bool(_process_spans(found)))
    assert _process_spans(spans)[0].status.message == "signal 9"


def test_targets_change_while_it_runs(start_server: Callable) -> None:
    ask = "import os, sys; print(1, flush=True)\nfor l in sys.stdin: os.getppid(); print('done', flush=True)"
    first, _ = start_server(sys.executable, "-c", ask)
    second, _ = start_server(sys.executable, "-c", ask)

    def both() -> None:
        for process in (first, second):
            process.stdin.write("\n")
            process.stdin.flush()
            process.stdout.readline()

    tracer = EbpfTracer()
    tracer.attach_syscall(["getppid"])
    tracer.add_target(pid=first.pid)
    with tracer:
        both()
        assert {int(p) for p in tracer.collect_events(0.5).events["tgid"]} == {first.pid}
        tracer.remove_target(pid=first.pid)
        tracer.add_target(pid=second.pid)
        both()
        assert {int(p) for p in tracer.collect_events(0.5).events["tgid"]} == {second.pid}


def test_a_command_is_found_when_it_starts_later(tmp_path: Path) -> None:
    program = tmp_path / "spw-later"
    program.symlink_to("/bin/cat")
    tracer = EbpfTracer()
    tracer.attach_syscall(["openat"])
    tracer.add_target(command="spw-later")
    with tracer:
        subprocess.run([str(program), "/etc/hostname"], check=True, stdout=subprocess.DEVNULL)
        spans = collect_until(tracer, lambda found: bool(_process_spans(found)))
    paths = [s.attributes.get("linux.syscall.argument.path") for s in spans]
    assert "/etc/hostname" in paths


def test_a_cgroup_is_followed_with_all_below_it() -> None:
    root = cgroup_root()
    try:
        assert root is not None
        above = root / f"spanweave-test-{os.getpid()}"
        below = above / "below"
        below.mkdir(parents=True)
    except (AssertionError, OSError) as error:
        pytest.skip(f"no cgroup can be made here: {error!r}")
    tracer = EbpfTracer()
    tracer.attach_syscall(["openat"])
    try:
        tracer.add_target(cgroup=above.name)
        with tracer:
            join = f"echo $$ > {below}/cgroup.procs; exec cat /etc/hostname"
            subprocess.run(["/bin/sh", "-c", join], check=True, stdout=subprocess.DEVNULL)
            spans = collect_until(tracer, lambda found: bool(_process_spans(found)))
        opened = [s for s in spans if s.attributes.get("linux.syscall.argument.path") == "/etc/hostname"]
        assert opened[0].attributes["linux.cgroup.id"] == below.stat().st_ino
    finally:
        below.rmdir()
        above.rmdir()


THREADS = """
#define _GNU_SOURCE
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <unistd.h>
static pthread_barrier_t all;
static void *one(void *unused) { pthread_barrier_wait(&all); getppid(); return 0; }
int main(void)
{
    static pthread_t threads[10000];
    pthread_attr_t small;
    pthread_attr_init(&small);
    pthread_attr_setstacksize(&small, 65536);
    puts("1"); fflush(stdout); getchar();
    pthread_barrier_init(&all, 0, 10001);
    for (int i = 0; i < 10000; i++)
        if (pthread_create(&threads[i], &small, one, 0)) { puts("0"); return 1; }
    pthread_barrier_wait(&all);
    for (int i = 0; i < 10000; i++) pthread_join(threads[i], 0);
    puts("10000"); fflush(stdout); getchar();
}
"""


def test_ten_thousand_threads_are_followed(tmp_path: Path, start_server: Callable) -> None:
    compiler = shutil.which("gcc")
    if compiler is None:
        pytest.skip("gcc is needed to make a program with 10,000 threads")
    binary = tmp_path / "threads"
    subprocess.run(
        [compiler, "-O1", "-pthread", "-x", "c", "-", "-o", str(binary)], input=THREADS, text=True, check=True
    )
    process, _ = start_server(str(binary))
    tracer = EbpfTracer()
    tracer.attach_syscall(["getppid"])
    tracer.add_target(pid=process.pid)
    with tracer:
        process.stdin.write("\n")
        process.stdin.flush()
        if process.stdout.readline() != "10000\n":
            pytest.skip("this machine does not allow 10,000 threads")
        events = tracer.collect_events(1.0).events
        assert tracer.statistics()["lost_threads"] == 0
        assert len(events) == 10_000 == len(set(events["tid"].tolist()))


def test_a_full_ring_drops_counts_and_goes_on(start_server: Callable) -> None:
    code = (
        "import os, sys; print(1, flush=True)\n"
        "for l in sys.stdin: [os.getppid() for _ in range(int(l))]; print('done', flush=True)"
    )
    process, _ = start_server(sys.executable, "-c", code)
    tracer = EbpfTracer(ring_bytes=1 << 16)
    tracer.attach_syscall(["getppid"])
    tracer.add_target(pid=process.pid)
    with tracer:
        process.stdin.write("5000\n")
        process.stdin.flush()
        process.stdout.readline()
        got = len(tracer.collect_events().events)
        assert got + tracer.statistics()["dropped_events"] == 5000
        assert got == (1 << 16) // 144
        process.stdin.write("10\n")
        process.stdin.flush()
        process.stdout.readline()
        assert len(tracer.collect_events(1.0).events) == 10


def test_nothing_stays_when_the_agent_is_killed(start_server: Callable) -> None:
    before = ours_in_kernel()
    code = (
        "import os, time\nfrom host_agent.ebpf.tracer import EbpfTracer\n"
        "t = EbpfTracer(); t.attach_network(); t.attach_syscall(); t.add_target(pid=os.getpid()); t.start()\n"
        "print(t.helper_pid, flush=True); time.sleep(60)"
    )
    process, helper = start_server(sys.executable, "-c", code)
    assert ours_in_kernel() - before
    process.send_signal(signal.SIGKILL)
    process.wait()
    end = time.monotonic() + 10
    while ours_in_kernel() - before or Path(f"/proc/{helper}").exists():
        assert time.monotonic() < end, "the helper or its programs outlived the agent"
        time.sleep(0.05)


def test_the_helper_keeps_two_capabilities_and_its_end_is_told() -> None:
    tracer = EbpfTracer()
    tracer.attach_syscall(["getppid"])
    with tracer:
        status = Path(f"/proc/{tracer.helper_pid}/status").read_text()
        held = {
            line.split()[0]: int(line.split()[1], 16)
            for line in status.splitlines()
            if line.startswith("Cap")
        }
        assert held["CapEff:"] == held["CapPrm:"] == 1 << 38 | 1 << 39
        os.kill(tracer.helper_pid, signal.SIGKILL)
        with pytest.raises(HelperGone, match="its probes are detached"):
            tracer.statistics()
        assert flat(tracer.collect_spans()) == []


def test_an_unprivileged_agent_drains_what_a_helper_of_root_attaches(tmp_path: Path) -> None:
    place = tmp_path / "helper.sock"
    for folder in (tmp_path, *tmp_path.parents):
        if folder.owner() == "root" and folder != Path("/") and not folder.stat().st_mode & 1:
            folder.chmod(folder.stat().st_mode | 0o711)
    helper = subprocess.Popen(
        [sys.executable, "-m", "host_agent.ebpf.helper", "--socket", str(place), "--uid", "65534"]
    )
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom host_agent.ebpf.tracer import EbpfTracer\n"
        "os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "t = EbpfTracer(helper_socket=Path(sys.argv[1])); t.attach_syscall(['getppid'])\n"
        "t.add_target(pid=os.getpid()); t.start(); os.getppid()\n"
        "print(os.getuid(), [int(p) for p in t.collect_events(1.0).events['probe']]); t.stop()"
    )
    try:
        end = time.monotonic() + 10
        while not place.exists():
            assert time.monotonic() < end
            time.sleep(0.02)
        result = subprocess.run(
            [sys.executable, "-c", code, str(place)], capture_output=True, text=True, timeout=30, check=False
        )
        assert result.stdout.startswith("65534 ["), result.stderr
        assert "[]" not in result.stdout
    finally:
        helper.terminate()
        helper.wait()
