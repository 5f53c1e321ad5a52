"""A real collector on loopback, and providers that end with their test."""

import threading
import time
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from wasm_sdk.export import ExporterSettings, RetryPolicy


@dataclass
class Answer:
    """What the collector does with a request; `hang` keeps it open, `disconnect` closes it unanswered."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    hang: bool = False
    disconnect: bool = False


@dataclass
class Received:
    path: str
    headers: dict[str, str]
    body: bytes
    at: float


class Collector:
    """Answers 200 unless told otherwise, and keeps what it gets, decompressed."""

    def __init__(self) -> None:
        self.requests: list[Received] = []
        self.answers: deque[Answer] = deque()
        self.released = threading.Event()
        self.answered = threading.Event()
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_OPTIONS(self) -> None:
                self._reply(Answer(204))

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.headers.get("content-encoding") == "gzip":
                    body = zlib.decompress(body, wbits=31)
                headers = {name.lower(): value for name, value in self.headers.items()}
                collector.requests.append(Received(self.path, headers, body, time.monotonic()))
                collector.answered.set()
                answer = collector.answers.popleft() if collector.answers else Answer()
                if answer.hang:
                    collector.released.wait(20)
                if answer.hang or answer.disconnect:
                    self.close_connection = True
                    return
                self._reply(answer)

            def _reply(self, answer: Answer) -> None:
                self.send_response(answer.status)
                headers = {
                    "content-length": str(len(answer.body)),
                    "access-control-allow-origin": "*",
                    "access-control-allow-headers": "*",
                    **answer.headers,
                }
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(answer.body)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def settings(self, signal: str = "traces", timeout: float = 5, **more: object) -> ExporterSettings:
        return ExporterSettings(f"{self.url}/v1/{signal}", timeout=timeout, **more)  # type: ignore[arg-type]

    def spans(self) -> list:
        """The spans of all trace requests, as official protobuf messages."""
        requests = (ExportTraceServiceRequest.FromString(each.body) for each in self.requests)
        return [
            span
            for request in requests
            for resource in request.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def collector() -> Iterator[Collector]:
    collector = Collector()
    yield collector
    collector.close()


@pytest.fixture
def answer() -> type[Answer]:
    return Answer


@pytest.fixture
def quick() -> RetryPolicy:
    """A back-off that tests can wait for."""
    return RetryPolicy(initial=0.01, maximum=0.05)
