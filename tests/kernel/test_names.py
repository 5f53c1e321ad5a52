"""DNS queries, over connected sockets and unconnected ones: what was asked, and how it ended."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from host_agent.ebpf.tracer import EbpfTracer
from tests.kernel.collecting import collect_until
from wasm_sdk.otlp import SpanKind, StatusCode

pytestmark = pytest.mark.kernel
SERVER = "127.77.0.53"  # port 53 of an address of the loopback network that nobody else serves
ASKER = """
import socket, sys
print(1, flush=True)
for line in sys.stdin:
    way, server, name = line.split()
    query = bytes.fromhex("123401000001000000000000")
    query += b"".join(bytes([len(l)]) + l.encode() for l in name.split(".")) + bytes.fromhex("0000010001")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        if way == "connected":
            udp.connect((server, 53)); udp.send(query); udp.recv(512)
        else:
            udp.sendto(query, (server, 53)); udp.recvfrom(512)
    print("done", flush=True)
"""


@pytest.fixture
def name_server() -> Iterator[None]:
    """Knows every name but those that begin with ``no``."""
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        server.bind((SERVER, 53))
    except OSError as error:
        pytest.skip(f"port 53 of {SERVER}: {error}")

    def serve() -> None:
        while query := server.recvfrom(512):
            data, whence = query
            if not data:
                return
            code = 3 if data[13:15] == b"no" else 0
            server.sendto(data[:2] + bytes([0x81, 0x80 | code]) + data[4:], whence)

    thread = threading.Thread(target=serve)
    thread.start()
    yield
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
        last.sendto(b"", (SERVER, 53))
    thread.join()
    server.close()


@pytest.mark.parametrize("way", ["connected", "unconnected"])
def test_a_query_tells_its_name_and_its_answer(
    way: str, name_server: None, start_server: Callable[..., tuple[Any, int]]
) -> None:
    process, _ = start_server(sys.executable, "-c", ASKER)
    names = ["shop.example", "no-such.example"]
    tracer = EbpfTracer()
    tracer.attach_network(tls=False)
    tracer.add_target(pid=process.pid)
    with tracer:
        for name in names:
            process.stdin.write(f"{way} {SERVER} {name}\n")
            process.stdin.flush()
            assert process.stdout.readline() == "done\n"
        spans = collect_until(tracer, lambda found: len([s for s in found if s.name == "DNS query"]) >= 2)
    found, missing = sorted((s for s in spans if s.name == "DNS query"), key=lambda s: s.start_time_unix_nano)
    assert [s.attributes["dns.question.name"] for s in (found, missing)] == names
    assert {s.kind for s in (found, missing)} == {SpanKind.CLIENT}
    assert found.attributes["server.address"] == SERVER
    assert found.attributes["network.transport"] == "udp"
    assert found.status.code == StatusCode.UNSET
    assert missing.status.code == StatusCode.ERROR
    assert missing.attributes["error.type"] == missing.attributes["dns.response_code"] == "NXDOMAIN"
