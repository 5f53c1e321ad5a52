"""Fifty requests at once: a span has the right parent, or none; never another request's."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from host_agent.ebpf.tracer import EbpfTracer
from tests.kernel.collecting import collect_until
from tests.kernel.conftest import SERVERS
from wasm_sdk.otlp import Span

pytestmark = pytest.mark.kernel
REQUESTS = 50


def traceparent(number: int, sampled: bool = True) -> str:
    return f"00-{number + 1:032x}-{number + 0x1000:016x}-0{int(sampled)}"


async def _one(port: int, number: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    line = f"GET /files/f{number}?secret={number} HTTP/1.1"
    head = f"{line}\r\nHost: here\r\nTraceParent: {traceparent(number)}\r\n\r\n"
    writer.write(head.encode())
    answer = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    return answer


async def _all(port: int) -> list[bytes]:
    return await asyncio.gather(*(_one(port, n) for n in range(REQUESTS)))


@pytest.mark.parametrize(
    ("command", "exact"),
    [
        ([sys.executable, str(SERVERS / "threaded.py")], True),
        ([sys.executable, str(SERVERS / "event_loop.py")], False),
        (["node", str(SERVERS / "node.mjs")], False),
    ],
    ids=["threaded", "asyncio", "node"],
)
async def test_no_span_gets_the_parent_of_another_request(
    command: list[str], exact: bool, tmp_path: Path, start_server: Callable
) -> None:
    for number in range(REQUESTS):
        (tmp_path / f"f{number}").write_text("content")
    process, port = start_server(*command, str(tmp_path))
    tracer = EbpfTracer()
    tracer.attach_network(tls=False)
    tracer.attach_file_io()
    tracer.add_target(pid=process.pid)
    with tracer:
        answers = await _all(port)
        assert all(answer.startswith(b"HTTP/1.1 200") for answer in answers)
        spans = collect_until(tracer, lambda found: len(_servers(found)) >= REQUESTS)

    servers = _servers(spans)
    assert len(servers) == REQUESTS
    for span in servers:
        number = _number(span.attributes["url.path"])
        assert span.trace_id == (number + 1).to_bytes(16, "big")
        assert span.parent_span_id == (number + 0x1000).to_bytes(8, "big")
        assert "secret" not in str(span.attributes.as_dict())
    by_trace = {span.trace_id: span for span in servers}
    files = [s for s in spans if str(s.attributes.get("file.path", "")).startswith(str(tmp_path))]
    assert {s.attributes["file.path"] for s in files} == {str(tmp_path / f"f{n}") for n in range(REQUESTS)}
    claimed = [s for s in files if s.trace_id in by_trace]
    for span in claimed:
        own = by_trace[span.trace_id]
        assert _number(span.attributes["file.path"]) == _number(own.attributes["url.path"])
        assert span.parent_span_id == own.span_id
    if exact:
        assert len(claimed) == len(files)
    else:
        assert not claimed, "an event loop's thread proves nothing"
    if "event_loop" in command[-1]:  # its own thread reads the requests: there is a candidate
        candidates = {(s.trace_id, s.span_id) for s in servers}
        assert {(link.trace_id, link.span_id) for s in files for link in s.links} <= candidates
        assert all(s.links for s in files if s.name == "read")


def _servers(spans: list[Span]) -> list[Span]:
    return [s for s in spans if "http.request.method" in s.attributes.as_dict()]


def _number(path: object) -> int:
    return int(str(path).rsplit("/f", 1)[1])


async def test_what_is_not_sampled_emits_nothing(tmp_path: Path, start_server: Callable) -> None:
    (tmp_path / "f0").write_text("content")
    process, port = start_server(sys.executable, str(SERVERS / "threaded.py"), str(tmp_path))
    tracer = EbpfTracer()
    tracer.attach_network(tls=False)
    tracer.attach_file_io()
    tracer.attach_syscall(["read", "openat", "sendto"])
    tracer.add_target(pid=process.pid)
    with tracer:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for sampled in (False, True):
            header = f"traceparent: {traceparent(int(sampled), sampled)}"
            writer.write(f"GET /files/f0 HTTP/1.1\r\nHost: h\r\n{header}\r\n\r\n".encode())
            await reader.readuntil(b"content")
        writer.close()
        spans = collect_until(tracer, lambda found: len(_servers(found)) >= 1)
    assert [s.trace_id for s in _servers(spans)] == [(2).to_bytes(16, "big")]
    opened = [
        s for s in spans if s.attributes.get("file.path") == str(tmp_path / "f0") and s.name == "openat"
    ]
    assert [s.trace_id for s in opened] == [(2).to_bytes(16, "big")]
