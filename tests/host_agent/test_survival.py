"""Real agents under load: what happens to them must not happen to what they acknowledged."""

import asyncio
import gzip
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb
import grpc
import grpc.aio
import httpx
import pytest

from host_agent.intake import IntakeReader
from wasm_sdk.otlp import Resource, ResourceSpans, ScopeSpans, Signal, Span, TracesData, encode
from wasm_sdk.otlp.wire import iter_spans

pytestmark = [
    pytest.mark.scale,
    pytest.mark.skipif(sys.platform == "win32", reason="kills and measures processes as Linux does"),
]

PROTOBUF = {"content-type": "application/x-protobuf"}
SPANS = 20  # in a request


@dataclass
class Running:
    """An agent in a process of its own."""

    process: asyncio.subprocess.Process
    url: str
    grpc: str
    api: str

    def peak(self) -> int:
        """The most bytes of memory that it ever held."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))


@asynccontextmanager
async def running(folder: Path, text: str = "", http: str = "") -> AsyncIterator[Running]:
    file = folder / "agent.yaml"
    file.write_text(
        f"data_dir: {folder / 'data'}\nhttp: {{port: 0, {http}}}\ngrpc: {{port: 0}}\napi: {{port: 0}}\n{text}"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "host_agent", "agent", "--config", str(file)), stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(60):
            lines = [(await process.stdout.readline()).decode().split() for _ in range(4)]
        yield Running(process, lines[0][2], lines[1][2], lines[2][2])
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.wait()


def request(number: int) -> tuple[bytes, set[bytes]]:
    """A request of spans with ids of their own, and these."""
    ids = {(number * SPANS + n + 1).to_bytes(8, "big") for n in range(SPANS)}
    spans = [
        Span(
            trace_id=b"%016d" % number,
            span_id=each,
            name="work",
            start_time_unix_nano=1,
            end_time_unix_nano=2,
        )
        for each in sorted(ids)
    ]
    data = TracesData([ResourceSpans(resource=Resource(), scope_spans=[ScopeSpans(spans=spans)])])
    return encode(Signal.TRACES, data), ids


async def load(url: str, numbers: "asyncio.Queue[int]", acknowledged: set[bytes]) -> None:
    """Send until the agent is gone, noting what it acknowledged."""
    async with httpx.AsyncClient() as client:
        while True:
            body, ids = request(numbers.get_nowait())
            try:
                answer = await client.post(f"{url}/v1/traces", content=body, headers=PROTOBUF)
            except httpx.TransportError:
                return
            if answer.status_code == 200:
                acknowledged |= ids


@pytest.mark.parametrize("fsync", ["never", "always"])
async def test_a_killed_agent_loses_nothing_that_it_acknowledged(tmp_path: Path, fsync: str) -> None:
    numbers: asyncio.Queue[int] = asyncio.Queue()
    for number in range(200_000):
        numbers.put_nowait(number)
    acknowledged: set[bytes] = set()
    settings = f"intake: {{fsync: {fsync}, segment_bytes: 1MiB}}\nstore: {{flush_interval_s: 0.3}}\n"
    for life in range(2):
        async with running(tmp_path, settings) as agent:
            before = len(acknowledged)
            clients = [asyncio.create_task(load(agent.url, numbers, acknowledged)) for _ in range(8)]
            async with asyncio.timeout(60):
                while len(acknowledged) < before + (40 + 10 * life) * SPANS:  # noqa: ASYNC110 - a mere set
                    await asyncio.sleep(0.01)
            agent.process.send_signal(signal.SIGKILL)
            await asyncio.gather(*clients)
    async with running(tmp_path, settings):
        pass  # it drains when it is told to stop
    log = IntakeReader(tmp_path / "data" / "intake" / "0")
    files = str(tmp_path / "data" / "store" / "*" / "signal=traces" / "**" / "*.parquet")
    stored = duckdb.sql(f"SELECT span_id FROM read_parquet('{files}')").fetchall()
    assert acknowledged - {row[0] for row in stored} == set()
    assert len(stored) == len(set(stored))
    for record in log.records():
        assert record.items == sum(1 for _ in iter_spans(record.data()))
    assert log.skipped_bytes == 0


async def stall(url: str) -> bytes:
    """Send half a request and wait for the answer."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    head = b"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
    writer.write(head + b"content-length: 8000000\r\n\r\n" + bytes(100_000))
    answer = await reader.read()
    writer.close()
    return answer.split(b" ", 2)[1]


async def test_memory_stays_bounded_under_abuse(tmp_path: Path) -> None:
    limits = "max_body_bytes: 16MiB, max_in_flight_bytes: 32MiB, request_timeout_s: 1"
    bomb = gzip.compress(bytes(256 << 20), 9)
    packed = PROTOBUF | {"content-encoding": "gzip"}
    async with running(tmp_path, http=limits) as agent, httpx.AsyncClient(timeout=60) as client:
        idle = agent.peak()

        async def post(body: bytes, headers: dict[str, str]) -> int:
            return (await client.post(f"{agent.url}/v1/traces", content=body, headers=headers)).status_code

        slow = [asyncio.create_task(stall(agent.url)) for _ in range(100)]
        bombs = await asyncio.gather(*(post(bomb, packed) for _ in range(20)))
        large = await asyncio.gather(*(post(bytes(32 << 20), PROTOBUF) for _ in range(4)))
        garbage = await asyncio.gather(*(post(os.urandom(4 << 20), PROTOBUF) for _ in range(16)))
        assert set(bombs) <= {413, 429}
        assert set(large) == {413}
        assert set(garbage) <= {400, 429}
        assert set(await asyncio.gather(*slow)) <= {b"408", b"429"}
        assert (await post(bomb, packed), await post(os.urandom(4 << 20), PROTOBUF)) == (413, 400)
        await explode(agent.grpc)
        assert await post(b"", PROTOBUF) == 200
        grown = agent.peak() - idle
    # One request at its bound twice over (compressed and not), what may be in flight, and room to breathe.
    assert grown < 2 * (16 << 20) + (32 << 20) + (64 << 20), f"{grown >> 20} MiB"


async def explode(address: str) -> None:
    """Bombs by gRPC, too many at a time."""
    async with grpc.aio.insecure_channel(address) as channel:
        export = channel.unary_unary("/opentelemetry.proto.collector.trace.v1.TraceService/Export")
        calls = [export(bytes(40 << 20), compression=grpc.Compression.Gzip) for _ in range(2)]
        for outcome in await asyncio.gather(*calls, return_exceptions=True):
            assert isinstance(outcome, grpc.aio.AioRpcError)
            assert outcome.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
