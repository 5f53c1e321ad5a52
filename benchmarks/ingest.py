"""The door: a real agent in a process of its own takes uncompressed requests of 512 spans with 10 attributes.

Four clients in this process keep one request each in flight; every span has ids of its own, and the agent
checks, keeps and stores all of them meanwhile. `http_spans_per_s` and `grpc_spans_per_s` count what was
acknowledged, by the clock; `..._per_cpu_s` divide by the processor time that the receiver used until it was
done with all of it, which for the agent includes storing. The best of `ROUNDS` interleaved rounds counts.

Peers: the OpenTelemetry Collector (one core, file exporter), where it can be built; a receiver in Python that
parses with Google's protobuf and appends to a file. Neither stores anything that can be queried.
"""

import asyncio
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from benchmarks.peers import collector
from benchmarks.result import Result
from wasm_sdk.otlp import KeyValues, Resource, ResourceSpans, ScopeSpans, Signal, Span, TracesData, encode

SPANS = 512
REQUESTS = 240  # a round; 120 K spans
CLIENTS = 4
ROUNDS = 2
METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
AGENT = "agent"
PEER = "python-protobuf receiver"
COLLECTOR = "OpenTelemetry Collector"
_TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


def run() -> list[Result]:
    return asyncio.run(_run())


@dataclass
class Receiver:
    """A process that receives."""

    pid: int
    http: str
    grpc: str
    api: str = ""

    def cpu(self) -> float:
        """Processor seconds that it has used."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS

    def memory(self, name: str) -> float:
        """Megabytes of a line in its status: VmRSS, VmHWM."""
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))

    async def settle(self) -> None:
        """Wait until the store has caught up with the log."""
        while self.api:
            status = json.loads(await asyncio.to_thread(_fetch, f"{self.api}/api/v1/status"))
            if status["store"]["position"] == status["intake"]["end"]:
                return
            await asyncio.sleep(0.05)


Send = Callable[[Receiver, list[bytes]], Awaitable[None]]


@dataclass
class Rate:
    """Spans a second of a round."""

    wall: float
    cpu: float


async def _run() -> list[Result]:
    best: dict[tuple[str, str], Rate] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with AsyncExitStack() as stack:
            receivers = {
                AGENT: await stack.enter_async_context(_agent(folder)),
                PEER: await stack.enter_async_context(_peer(folder)),
            }
            if collector.build() is not None:
                receivers[COLLECTOR] = stack.enter_context(_collector(folder))
            for _ in range(ROUNDS):
                for name, receiver in receivers.items():
                    for protocol, send in (("http", _by_http), ("grpc", _by_grpc)):
                        rate = await _measure(receiver, send)
                        kept = best.get((name, protocol), Rate(0, 0))
                        best[name, protocol] = Rate(max(rate.wall, kept.wall), max(rate.cpu, kept.cpu))
            memory = {name: receiver.memory("VmHWM") for name, receiver in receivers.items()}
    peers = [name for name in receivers if name != AGENT]
    results = []
    for protocol in ("http", "grpc"):
        ours = best[AGENT, protocol]
        for unit, cpu in (("spans/s", False), ("spans/CPU-s", True)):
            figure = f"{protocol}_spans_per_cpu_s" if cpu else f"{protocol}_spans_per_s"
            for peer in peers:
                theirs = best[peer, protocol]
                value, other = (ours.cpu, theirs.cpu) if cpu else (ours.wall, theirs.wall)
                results.append(Result(figure, value, unit, peer, other))
    return results + [Result("agent_rss_mb", memory[AGENT], "MB", peer, memory[peer]) for peer in peers]


def _fetch(url: str) -> bytes:
    with urllib.request.urlopen(url) as response:
        return bytes(response.read())


async def _measure(receiver: Receiver, send: Send) -> Rate:
    bodies = requests()
    await send(receiver, bodies[:8])  # connections, caches
    await receiver.settle()
    cpu, began = receiver.cpu(), time.perf_counter()
    await send(receiver, bodies[8:])
    wall = time.perf_counter() - began
    await receiver.settle()
    spans = (len(bodies) - 8) * SPANS
    return Rate(spans / wall, spans / (receiver.cpu() - cpu))


def requests() -> list[bytes]:
    """Requests whose spans all have ids of their own."""
    template = encode(Signal.TRACES, _traces())
    places = [template.index(b"T%07d" % n + b"t" * 8) for n in range(SPANS)]
    made = []
    for _ in range(REQUESTS):
        body = bytearray(template)
        ids = os.urandom(24 * SPANS)
        for n, place in enumerate(places):
            body[place : place + 16] = ids[24 * n : 24 * n + 16]
            body[place + 18 : place + 26] = ids[24 * n + 16 : 24 * n + 24]
        made.append(bytes(body))
    return made


def _traces() -> TracesData:
    start = time.time_ns()
    spans = [
        Span(
            trace_id=b"T%07d" % n + b"t" * 8,
            span_id=b"S" * 8,
            name=("GET /cart", "POST /checkout", "GET /items/{id}", "SELECT items")[n % 4],
            kind=n % 3 + 1,
            start_time_unix_nano=start + n * 1000,
            end_time_unix_nano=start + n * 1000 + 1_000_000 * (n % 97),
            attributes=KeyValues.of(
                {
                    "http.request.method": ("GET", "POST")[n % 2],
                    "http.route": ("/cart", "/checkout", "/items/{id}")[n % 3],
                    "http.response.status_code": (200, 200, 404, 500)[n % 4],
                    "url.path": f"/items/{n * 7919}",
                    "server.address": "shop.example.com",
                    "server.port": 443,
                    "network.protocol.version": "1.1",
                    "user.id": f"u{n * 31}",
                    "cart.total": n * 0.25,
                    "cache.hit": n % 5 == 0,
                }
            ),
        )
        for n in range(SPANS)
    ]
    resource = Resource(attributes=KeyValues.of({"service.name": "shop", "service.version": "1.0"}))
    return TracesData([ResourceSpans(resource=resource, scope_spans=[ScopeSpans(spans=spans)])])


async def _by_http(receiver: Receiver, bodies: list[bytes]) -> None:
    host, port = receiver.http.removeprefix("http://").split(":")
    queue = iter(bodies)

    async def client() -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        for body in queue:
            writer.write(
                b"POST /v1/traces HTTP/1.1\r\nhost: bench\r\ncontent-type: application/x-protobuf\r\n"
                b"content-length: %d\r\n\r\n" % len(body)
            )
            writer.write(body)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200 "):
                raise RuntimeError(f"refused: {head!r}")
            length = next(
                int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if b"content-length" in line
            )
            await reader.readexactly(length)
        writer.close()

    await asyncio.gather(*(client() for _ in range(CLIENTS)))


async def _by_grpc(receiver: Receiver, bodies: list[bytes]) -> None:
    queue = iter(bodies)
    async with grpc.aio.insecure_channel(receiver.grpc) as channel:
        export: Any = channel.unary_unary(METHOD)

        async def client() -> None:
            for body in queue:
                await export(body)

        await asyncio.gather(*(client() for _ in range(CLIENTS)))


@asynccontextmanager
async def _agent(folder: Path) -> AsyncIterator[Receiver]:
    ports = ["--http-port", "0", "--grpc-port", "0", "--api-port", "0"]
    async with _started("host_agent", "agent", *ports, "--data-dir", str(folder / "agent")) as (
        process,
        lines,
    ):
        yield Receiver(process.pid, lines[0][2], lines[1][2], lines[2][2])


@asynccontextmanager
async def _peer(folder: Path) -> AsyncIterator[Receiver]:
    async with _started("benchmarks.peers.receiver", str(folder / "peer.bin")) as (process, lines):
        yield Receiver(process.pid, lines[0][2], lines[1][2])


@contextmanager
def _collector(folder: Path) -> Iterator[Receiver]:
    config = {
        "exporters": {"file": {"path": str(folder / "collector.bin"), "format": "proto"}},
        "pipelines": {"traces": {"receivers": ["otlp"], "exporters": ["file"]}},
    }
    with collector.running(folder, _free_port(), _free_port(), config) as running:
        yield Receiver(running.process.pid, running.http_url, running.grpc_address)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@asynccontextmanager
async def _started(
    module: str, *options: str
) -> AsyncIterator[tuple[asyncio.subprocess.Process, list[list[str]]]]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", module, *options), stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        lines: list[list[str]] = []
        while not lines or lines[-1][0] != "keeping":
            line = await process.stdout.readline()
            if not line:
                raise RuntimeError(f"{module} did not start")
            lines.append(line.decode().split())
        yield process, lines
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
