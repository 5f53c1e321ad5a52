"""Kernel tracing: what it costs the traced, the others, and the machine. Needs root and gcc."""

from __future__ import annotations

import http.client
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.result import Result
from host_agent.ebpf.machine import syscall_names
from host_agent.ebpf.tracer import EbpfTracer
from host_agent.ebpf.when import When
from wasm_sdk.otlp.wire import iter_spans

ROUNDS = 5
RATE = 1000  # requests a second
RATE_SECONDS = 2.0
CALLER = r"""
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <sys/syscall.h>
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}
int main(void)
{
    long count, pause_us;
    puts("1"); fflush(stdout);
    while (scanf("%ld %ld", &count, &pause_us) == 2) {
        double start = now();
        for (long i = 0; i < count; i++) {
            syscall(SYS_getppid);
            if (pause_us) usleep(pause_us);
        }
        printf("%f\n", (now() - start) / count); fflush(stdout);
    }
}
"""
PYTHON_SERVER = """
import http.server
class H(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200); self.send_header("Content-Length", "2"); self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *a): pass
s = http.server.ThreadingHTTPServer(("127.0.0.1", 0), H); s.socket.listen(128)
print(s.server_address[1], flush=True); s.serve_forever()
"""


class Caller:
    """A C program that makes system calls on request and says what each took."""

    def __init__(self, folder: Path) -> None:
        binary = folder / "caller"
        subprocess.run(["gcc", "-O2", "-x", "c", "-", "-o", str(binary)], input=CALLER, text=True, check=True)
        self.process = subprocess.Popen(
            [str(binary)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.finish()

    def finish(self) -> float:
        """Waits for what `begin` began: nanoseconds a call."""
        assert self.process.stdout
        return float(self.process.stdout.readline())

    def begin(self, count: int, pause_us: int = 0) -> None:
        assert self.process.stdin
        self.process.stdin.write(f"{count} {pause_us}\n")
        self.process.stdin.flush()

    def call(self, count: int, pause_us: int = 0) -> float:
        """Nanoseconds a call."""
        self.begin(count, pause_us)
        return self.finish()

    def close(self) -> None:
        self.process.kill()
        self.process.wait()


@contextmanager
def tracing(
    pid: int, attach: Callable[[EbpfTracer], object], ring_bytes: int = 1 << 22
) -> Iterator[EbpfTracer]:
    """A tracer that drains in a thread of this process, as an agent does."""
    tracer = EbpfTracer(ring_bytes=ring_bytes)
    attach(tracer)
    tracer.add_target(pid=pid)
    tracer.start()
    stop = threading.Event()

    def drain() -> None:
        while not stop.is_set():
            tracer.collect_events(0.05)
            stop.wait(0.01)

    thread = threading.Thread(target=drain)
    thread.start()
    try:
        yield tracer
    finally:
        stop.set()
        thread.join()
        tracer.stop()


def _requests(tracer: EbpfTracer) -> None:
    tracer.attach_network(connections=True)


def run() -> list[Result]:
    """All figures of the group; one that needs a tool that is missing is left out, and said so."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        caller = Caller(folder)
        try:
            results = [
                *_costs_of_a_call(caller),
                *_latency(caller),
                *_drain(caller),
                *_memory(caller),
                _covered(),
            ]
        finally:
            caller.close()
        for label, server in _servers(folder):
            try:
                results += _server(label, *server())
            except FileNotFoundError as error:
                print(f"kernel: no figure for {label}: {error}", file=sys.stderr)
    return _worst(results)


def _worst(results: list[Result]) -> list[Result]:
    """The named figures are those of the server that suffers most."""
    for name in ("http_overhead_percent_1000rps", "saturation_overhead_percent"):
        found = [r for r in results if r.name.startswith(name + "_")]
        if found:
            results.append(Result(name, max(r.value for r in found), "%"))
    return results


def _costs_of_a_call(caller: Caller) -> list[Result]:
    count = 300_000
    base = min(caller.call(count) for _ in range(ROUNDS))
    with tracing(os.getpid(), lambda t: t.attach_syscall(["getppid"])):  # the caller is no target
        other = min(caller.call(count) for _ in range(ROUNDS))
    with tracing(
        caller.process.pid, lambda t: t.attach_syscall(["getppid"], When(emit=False, histogram=True))
    ):
        counted = min(caller.call(count) for _ in range(ROUNDS))
    with tracing(caller.process.pid, lambda t: t.attach_syscall(["getppid"]), 1 << 24):
        event = min(caller.call(count // 10) for _ in range(ROUNDS))
    return [
        Result("not_a_target_ns_per_syscall", other - base, "ns"),
        Result("not_a_target_cpu_percent_at_500k_syscalls", (other - base) * 500_000 / 1e7, "%"),
        Result("histogram_ns_per_syscall", counted - base, "ns"),
        Result("event_ns", event - base, "ns"),
    ]


def _latency(caller: Caller) -> list[Result]:
    """From the end of a call to its span as OTLP, ready to send; calls come one at a time; the best round."""
    tracer = EbpfTracer()
    tracer.attach_syscall(["getppid"])
    tracer.add_target(pid=caller.process.pid)
    tracer.start()
    rounds = []
    for _ in range(ROUNDS):
        requests: list[tuple[bytes, int]] = []
        count = 0
        caller.begin(1000, 300)
        end = time.monotonic() + 3
        while count < 1000 and time.monotonic() < end:
            request, found = tracer.collect_encoded(0.1)
            requests.append((request, time.time_ns()))
            count += found
        caller.finish()
        rounds.append(sorted(at - span.end for request, at in requests for span in iter_spans(request)))
    tracer.stop()
    best = min(rounds, key=lambda ordered: ordered[len(ordered) * 99 // 100])
    return [
        Result("event_to_span_p50_us", best[len(best) // 2] / 1000, "us"),
        Result("event_to_span_p99_us", best[len(best) * 99 // 100] / 1000, "us"),
    ]


def _drain(caller: Caller) -> list[Result]:
    """How fast a full ring is emptied, and whether one caller at full speed loses anything."""
    rates = []
    tracer = EbpfTracer(ring_bytes=1 << 24)
    tracer.attach_syscall(["getppid"])
    tracer.add_target(pid=caller.process.pid)
    with tracer:
        for _ in range(ROUNDS):
            caller.call(110_000)
            began = time.perf_counter()
            got = sum(len(tracer.collect_events(limit=1 << 20)) for _ in range(2))
            rates.append(got / (time.perf_counter() - began))
    with tracing(caller.process.pid, lambda t: t.attach_syscall(["getppid"]), 1 << 24) as live:
        per_call = caller.call(2_000_000)
        lost = live.statistics()["dropped_events"]
    return [
        Result("drain_events_per_s", max(rates), "events/s"),
        Result("live_events_per_s", 1e9 / per_call, "events/s"),
        Result("live_events_lost", lost, "events"),
    ]


def _memory(caller: Caller) -> list[Result]:
    """What tracing adds to a Python process: its growth, the helper whole, and the maps in the kernel."""
    code = (
        "import sys, numpy, wasm_sdk.otlp.model\nfrom pathlib import Path\n"
        "def pss(pid):\n"
        "    lines = Path(f'/proc/{pid}/smaps_rollup').read_text().splitlines()\n"
        "    return sum(int(l.split()[1]) for l in lines if l.startswith('Pss:'))\n"
        "before = pss('self')\nfrom host_agent.ebpf.tracer import EbpfTracer\n"
        "t = EbpfTracer(); t.attach_network(connections=True); t.attach_file_io(); t.attach_syscall()\n"
        "t.add_target(pid=int(sys.argv[1])); t.start(); t.collect_spans(0.5)\n"
        "maps = {}\n"
        "for f in Path(f'/proc/{t.helper_pid}/fdinfo').iterdir():\n"
        "    f = dict(l.split(':\\t') for l in f.read_text().splitlines() if ':\\t' in l)\n"
        "    if 'map_id' in f: maps |= {f['map_id']: int(f['memlock'])}\n"
        "print(pss('self') - before, pss(t.helper_pid), sum(maps.values()) // 1024); t.stop()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(caller.process.pid)], capture_output=True, text=True, check=True
    )
    agent, helper, maps = (int(part) / 1024 for part in done.stdout.split())
    return [
        Result("kernel_agent_rss_mb", agent + helper + maps, "MB"),
        Result("kernel_agent_maps_mb", maps, "MB"),
    ]


def _covered() -> Result:
    names = set(
        re.findall(
            rb"\0__x64_sys_(\w+)(?=\0)|\0__arm64_sys_(\w+)(?=\0)",
            Path("/sys/kernel/btf/vmlinux").read_bytes(),
        )
    )
    running = {(a or b).decode().removeprefix("new") for a, b in names}
    known = {name.removeprefix("new") for name in syscall_names().values()}
    foreign = re.compile(r"(32|16|64|_old|time32)|^(old|ia32)")
    native = {name for name in running if name in known or not foreign.search(name)}
    return Result("syscalls_covered_percent", 100 * len(native & known) / len(native), "%")


def _servers(folder: Path) -> Iterator[tuple[str, Callable[[], tuple[subprocess.Popen[str], int]]]]:
    def nginx() -> tuple[subprocess.Popen[str], int]:
        binary = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
        if binary is None:
            raise FileNotFoundError("nginx is not installed")
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        config = folder / "nginx.conf"
        temporary = "".join(
            f"{kind}_temp_path {folder}/{kind};"
            for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        config.write_text(
            f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/e.log; events {{}}\n"
            f"http {{ access_log off; keepalive_requests 1000000; {temporary}"
            f" server {{ listen 127.0.0.1:{port};"
            ' location / { return 200 "ok"; } } }\n'
        )
        process = subprocess.Popen([binary, "-c", str(config), "-e", f"{folder}/e.log"], text=True)
        while True:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return process, port
            time.sleep(0.02)

    def python() -> tuple[subprocess.Popen[str], int]:
        process = subprocess.Popen(
            [sys.executable, "-c", PYTHON_SERVER],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # it reports connections that wrk resets
            text=True,
        )
        assert process.stdout
        return process, int(process.stdout.readline())

    yield "nginx", nginx
    yield "python", python


def _server(label: str, process: subprocess.Popen[str], port: int) -> list[Result]:
    """Requests a second with tracing on against off, in turns, and what a request costs more."""
    wrk = shutil.which("wrk")
    paced: dict[bool, list[float]] = {False: [], True: []}
    cpu: dict[bool, list[float]] = {False: [], True: []}
    full: dict[bool, list[float]] = {False: [], True: []}
    try:
        for _ in range(ROUNDS - 2):
            for on in (False, True):
                if on:
                    with tracing(process.pid, _requests):
                        _measure(process.pid, port, wrk, paced[on], cpu[on], full[on])
                else:
                    _measure(process.pid, port, wrk, paced[on], cpu[on], full[on])
    finally:
        process.kill()
        process.wait()
    lost = 100 * (1 - statistics.median(paced[True]) / statistics.median(paced[False]))
    results = [
        Result(f"http_overhead_percent_1000rps_{label}", lost, "%"),
        Result(
            f"http_added_cpu_us_per_request_{label}",
            statistics.median(cpu[True]) - statistics.median(cpu[False]),
            "us",
        ),
    ]
    if wrk:
        most = 100 * (1 - statistics.median(full[True]) / statistics.median(full[False]))
        results.append(Result(f"saturation_overhead_percent_{label}", most, "%"))
    return results


def _measure(
    pid: int, port: int, wrk: str | None, paced: list[float], cpu: list[float], full: list[float]
) -> None:
    before = _cpu_seconds(pid)
    done = _paced(port)
    paced.append(done / RATE_SECONDS)
    cpu.append((_cpu_seconds(pid) - before) * 1e6 / done)
    if wrk:
        output = subprocess.run(
            [wrk, "-t1", "-c8", "-d2s", f"http://127.0.0.1:{port}/"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        full.append(float(re.findall(r"Requests/sec:\s+([\d.]+)", output)[0]))


def _paced(port: int) -> int:
    """Requests answered in `RATE_SECONDS` when `RATE` are asked for in a second over one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port)
    connection.connect()
    connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    began = time.perf_counter()
    answered = 0
    while (elapsed := time.perf_counter() - began) < RATE_SECONDS:
        if answered > elapsed * RATE:
            time.sleep(min(0.001, answered / RATE - elapsed))
            continue
        connection.sock.sendall(b"GET /bench HTTP/1.1\r\nHost: here\r\nUser-Agent: paced\r\n\r\n")
        reply = b""
        while not reply.endswith(b"ok"):
            reply += connection.sock.recv(4096)
        answered += 1
    connection.close()
    return answered


def _cpu_seconds(pid: int) -> float:
    """On a processor, of all threads, in nanoseconds' precision (fields of /proc/PID/task/*/schedstat)."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        total += int((task / "schedstat").read_text().split()[0])
    return total / 1e9


if __name__ == "__main__":
    for result in run():
        print(f"{result.name:<48}{result.value:>14.2f} {result.unit}")
