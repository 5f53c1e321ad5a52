"""A receiver on loopback that does what it is told, and keeps what it took."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from host_agent.intake.encoding import gunzip


@dataclass
class Answer:
    """`hang`: no answer at all. `lose`: the request is taken, the connection reset."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    hang: bool = False
    lose: bool = False


class Receiver:
    def __init__(self) -> None:
        self.url = ""
        self.answers: deque[Answer] = deque()
        self.otherwise = Answer()
        self.bodies: list[tuple[str, bytes]] = []
        self.headers: list[dict[str, str]] = []
        self.asked = 0
        self._server: asyncio.Server | None = None
        self._port = 0

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{self._port}"

    async def stop(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        headers = {n.lower(): v.strip() for n, _, v in (line.partition(":") for line in head[1:] if line)}
        body = await reader.readexactly(int(headers["content-length"]))
        if headers.get("content-encoding") == "gzip":
            body = gunzip(body, 1 << 26)
        answer = self.answers.popleft() if self.answers else self.otherwise
        self.asked += 1
        self.headers.append(headers)
        if answer.status < 300 and not answer.hang:
            self.bodies.append((head[0].split()[1], body))
        if answer.hang:
            await asyncio.sleep(30)
        if not answer.lose:
            lines = [f"HTTP/1.1 {answer.status} X", "Content-Length: 0"]
            lines += [f"{name}: {value}" for name, value in answer.headers.items()]
            writer.write("\r\n".join([*lines, "", ""]).encode())
        writer.close()

    def spans(self) -> list[str]:
        """Names of the spans that were taken, in order."""
        return [
            span.name
            for path, body in self.bodies
            if path == "/v1/traces"
            for group in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in group.scope_spans
            for span in scope.spans
        ]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    await receiver.start()
    yield receiver
    await receiver.stop()


@pytest.fixture
async def second() -> AsyncIterator[Receiver]:
    receiver = Receiver()
    await receiver.start()
    yield receiver
    await receiver.stop()
