"""Requests however they come: in pieces, in vectors, through a proxy, encrypted, to databases."""

from __future__ import annotations

import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from host_agent.ebpf.tracer import EbpfTracer
from tests.kernel.collecting import collect_until
from tests.kernel.conftest import SERVERS
from tests.kernel.serving import certificate, nginx_before
from wasm_sdk.otlp import Span, SpanKind

pytestmark = pytest.mark.kernel
TRACE, PARENT = "ab" * 16, "cd" * 8
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"

# Reads one request with the call that is asked for, answers, and says so.
READER = """
import os, socket, sys
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
while True:
    connection, _ = listener.accept()
    got = b""
    while b"\\r\\n\\r\\n" not in got:
        buffers = [bytearray(7), bytearray(50), bytearray(4000)]
        if sys.argv[1] == "recv":
            got += connection.recv(4096)
            continue
        if sys.argv[1] == "readv":
            size = os.readv(connection.fileno(), buffers)
        else:
            size = connection.recvmsg_into(buffers)[0]
        got += b"".join(buffers)[:size]
    answer = [b"HTTP/1.1 2", b"07 Fine\\r\\nContent-", b"Length: 3\\r\\n\\r\\n", b"abc"]
    if sys.argv[1] == "recv":
        for part in answer:
            connection.send(part)
    elif sys.argv[1] == "readv":
        os.writev(connection.fileno(), answer)
    else:
        connection.sendmsg(answer)
    connection.close()
"""


def _http(spans: list[Span]) -> list[Span]:
    return [s for s in spans if s.attributes.get("http.request.method")]


@pytest.mark.parametrize("call", ["recv", "readv", "recvmsg"])
@pytest.mark.parametrize("pieces", [1, 5])
def test_a_head_in_pieces_and_vectors_is_read(call: str, pieces: int, start_server: Callable) -> None:
    process, port = start_server(sys.executable, "-c", READER, call)
    tracer = EbpfTracer()
    tracer.attach_network(tls=False)
    tracer.add_target(pid=process.pid)
    request = (
        f"PUT /a/b?token=hidden HTTP/1.1\r\nHost: x\r\nx-long: {'y' * 700}\r\n"
        f"Traceparent:{TRACEPARENT}\r\n\r\n"
    ).encode()
    step = -(-len(request) // pieces)
    with tracer, socket.create_connection(("127.0.0.1", port)) as client:
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(request), step):
            client.sendall(request[at : at + step])
            threading.Event().wait(0.01)
        assert client.recv(100).startswith(b"HTTP/1.1 2")
        while client.recv(100):
            pass
        spans = collect_until(tracer, lambda found: bool(_http(found)))
    (span,) = _http(spans)
    assert (span.trace_id.hex(), span.parent_span_id.hex()) == (TRACE, PARENT)
    assert span.name == "PUT"
    assert span.attributes["url.path"] == "/a/b"
    assert span.attributes["http.response.status_code"] == 207
    assert span.kind == SpanKind.SERVER


@pytest.mark.parametrize(
    "header",
    [
        "00-" + "0" * 32 + "-" + PARENT + "-01",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{TRACE.upper()}-{PARENT}-01",
        "00-",
        "x" * 55,
    ],
)
def test_a_malformed_traceparent_starts_a_trace(header: str, start_server: Callable) -> None:
    process, port = start_server(sys.executable, "-c", READER, "recv")
    tracer = EbpfTracer()
    tracer.attach_network(tls=False)
    tracer.add_target(pid=process.pid)
    with tracer, socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(f"GET / HTTP/1.1\r\ntraceparent: {header}\r\n\r\n".encode())
        while client.recv(100):
            pass
        spans = collect_until(tracer, lambda found: bool(_http(found)))
    (span,) = _http(spans)
    assert span.parent_span_id == b""
    assert span.trace_id not in (bytes(16), bytes.fromhex(TRACE))


def test_hostile_heads_and_paths_do_no_harm(start_server: Callable) -> None:
    process, port = start_server(sys.executable, "-c", READER, "recv")
    tracer = EbpfTracer()
    tracer.attach_network(tls=False)
    tracer.add_target(pid=process.pid)
    heads = [
        b"GET /\x1b[31m\x00\xff\xfe HTTP/1.1\r\ntraceparent: " + b"\xff" * 55 + b"\r\n\r\n",
        b"GET /" + b"a" * 5000 + b" HTTP/1.1\r\n" + b"\n" * 300 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 400 + b"\r\n",
        b"GET / HTTP/1.1\r\ncontent-length: 99999999999999999999999999\r\ntraceparent:\r\n\r\n",
    ]
    with tracer:
        for head in heads:
            with socket.create_connection(("127.0.0.1", port)) as client:
                client.sendall(head)
                while client.recv(1000):
                    pass
        spans = collect_until(tracer, lambda found: len(_http(found)) >= len(heads))
    assert all(str(s.attributes["url.path"]).isprintable() for s in _http(spans))


def test_a_proxy_hands_the_trace_on(tmp_path: Path, start_server: Callable) -> None:
    (tmp_path / "f1").write_text("content")
    backend, backend_port = start_server(sys.executable, str(SERVERS / "threaded.py"), str(tmp_path))
    tracer = EbpfTracer()
    tracer.attach_network(tls=False)
    tracer.attach_file_io()
    tracer.add_target(pid=backend.pid)
    with nginx_before(backend_port, tmp_path) as (proxy, port):
        tracer.add_target(pid=proxy.pid)
        with tracer, socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(f"GET /f1 HTTP/1.0\r\ntraceparent: {TRACEPARENT}\r\n\r\n".encode())
            while client.recv(1000):
                pass
            spans = collect_until(tracer, lambda found: len(_http(found)) >= 3)
    by_id = {s.span_id: s for s in spans}
    front = next(s for s in _http(spans) if s.parent_span_id.hex() == PARENT)
    onward = next(s for s in _http(spans) if s.kind == SpanKind.CLIENT)
    back = next(s for s in _http(spans) if s.kind == SpanKind.SERVER and s is not front)
    assert {front.trace_id, onward.trace_id, back.trace_id} == {bytes.fromhex(TRACE)}
    assert by_id[onward.parent_span_id] is front, "the traceparent that it passed on proves it"
    assert by_id[back.parent_span_id] is onward, "both ends of the connection are traced"
    opened = next(
        s for s in spans if s.name == "openat" and s.attributes.get("file.path") == str(tmp_path / "f1")
    )
    assert by_id[opened.parent_span_id] is back


def test_encrypted_requests_are_seen_on_both_sides(tmp_path: Path, start_server: Callable) -> None:
    process, _ = start_server(sys.executable, str(SERVERS / "tls_client.py"), str(certificate(tmp_path)))
    tracer = EbpfTracer()
    tracer.attach_network()
    tracer.add_target(pid=process.pid)
    with tracer:
        assert not tracer.refused
        process.stdin.write(TRACEPARENT + "\n")
        process.stdin.flush()
        assert process.stdout.readline() == "done\n"
        spans = collect_until(tracer, lambda found: len(_http(found)) >= 2)
    client = next(s for s in _http(spans) if s.kind == SpanKind.CLIENT)
    server = next(s for s in _http(spans) if s.kind == SpanKind.SERVER)
    assert client.attributes["url.scheme"] == server.attributes["url.scheme"] == "https"
    assert client.attributes["url.path"] == "/secure"
    assert (client.trace_id.hex(), client.parent_span_id.hex()) == (TRACE, PARENT)
    assert server.parent_span_id == client.span_id
    assert server.attributes["http.response.status_code"] == 200


# Speaks to a server of its own in the same process: the shapes of the protocols are what is recognised.
DATABASES = """
import socket, struct, sys, threading
def answer(listener, reply):
    while True:
        c, _ = listener.accept()
        while c.recv(1000):
            c.send(reply)
ports = []
for reply in (b"C\\0\\0\\0\\x0dSELECT 1\\0", b"-ERR no\\r\\n"):
    l = socket.create_server(("127.0.0.1", 0)); ports.append(l.getsockname()[1])
    threading.Thread(target=answer, args=(l, reply), daemon=True).start()
print(ports[0], flush=True)
sys.stdin.readline()
pg = socket.create_connection(("127.0.0.1", ports[0]))
sql = b"SELECT name FROM users WHERE mail = 'a@b.c' AND age > 42\\0"
pg.send(b"Q" + struct.pack(">I", len(sql) + 4) + sql); pg.recv(100)
redis = socket.create_connection(("127.0.0.1", ports[1]))
redis.send(b"*2\\r\\n$3\\r\\nGET\\r\\n$6\\r\\nsecret\\r\\n"); redis.recv(100)
print("done", flush=True); sys.stdin.readline()
"""


def test_database_requests_show_their_shape_and_no_values(start_server: Callable) -> None:
    process, _ = start_server(sys.executable, "-c", DATABASES)
    tracer = EbpfTracer()
    tracer.attach_network(tls=False)
    tracer.add_target(pid=process.pid)
    with tracer:
        process.stdin.write("go\n")
        process.stdin.flush()
        assert process.stdout.readline() == "done\n"
        spans = collect_until(
            tracer, lambda found: len([s for s in found if "db.system.name" in s.attributes.as_dict()]) >= 2
        )
    sql, redis = sorted(
        (s for s in spans if s.attributes.get("db.system.name")), key=lambda s: s.start_time_unix_nano
    )
    assert sql.attributes["db.query.text"] == "SELECT name FROM users WHERE mail = ? AND age > ?"
    assert redis.name == "GET"
    assert redis.attributes["error.type"] == "server_error"
    assert "secret" not in str(redis.attributes.as_dict())


# A server that is instrumented: it exports its own spans, as an SDK does.
INSTRUMENTED = """
import http.server, threading, urllib.request
class Collector(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"])); self.send_response(200); self.end_headers()
    def log_message(self, *a): pass
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.path == "/export":
            url = f"http://127.0.0.1:{collector.server_address[1]}/v1/traces"
            urllib.request.urlopen(url, data=b"spans").read()
        open("/etc/hostname").close()
        self.send_response(200); self.send_header("Content-Length", "0"); self.end_headers()
    def log_message(self, *a): pass
collector = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Collector)
threading.Thread(target=collector.serve_forever, daemon=True).start()
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(server.server_address[1], flush=True); server.serve_forever()
"""


def test_an_instrumented_process_is_not_traced_twice(start_server: Callable) -> None:
    process, port = start_server(sys.executable, "-c", INSTRUMENTED)
    tracer = EbpfTracer()
    tracer.attach_network(tls=False)
    tracer.attach_file_io()
    tracer.add_target(pid=process.pid)

    def get(path: str) -> None:
        with socket.create_connection(("127.0.0.1", port)) as client:
            client.sendall(f"GET {path} HTTP/1.0\r\ntraceparent: {TRACEPARENT}\r\n\r\n".encode())
            while client.recv(1000):
                pass

    with tracer:
        get("/export")
        collect_until(tracer, lambda found: any(s.attributes.get("url.path") == "/export" for s in found))
        get("/after")
        spans = collect_until(tracer, lambda found: any(s.name == "openat" for s in found))
    assert not _http(spans)
    opened = next(s for s in spans if s.attributes.get("file.path") == "/etc/hostname")
    assert (opened.trace_id.hex(), opened.parent_span_id.hex()) == (TRACE, PARENT)
