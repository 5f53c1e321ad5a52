"""HTTP/1.1 over asyncio streams, against hand-written answers on a real socket, and TLS."""

import asyncio
import os
import ssl
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from wasm_sdk import runtime
from wasm_sdk.runtime import ConnectionFailed, TLSFiles
from wasm_sdk.runtime.interface import MAX_RESPONSE_BYTES

Serve = Callable[..., object]


@asynccontextmanager
async def server(*chunks: bytes, tls: ssl.SSLContext | None = None) -> AsyncIterator[tuple[str, list[bytes]]]:
    """Answers each request with `chunks` and closes; yields its URL and what it received."""
    received: list[bytes] = []

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        received.append(head + await reader.readexactly(length))
        for chunk in chunks:
            writer.write(chunk)
            await writer.drain()
        writer.close()

    listening = await asyncio.start_server(handle, "127.0.0.1", 0, ssl=tls)
    port = listening.sockets[0].getsockname()[1]
    async with listening:
        yield f"{'https' if tls else 'http'}://localhost:{port}", received


def post(url: str, body: bytes = b"x", headers: dict[str, str] | None = None, timeout: float = 5, tls=None):
    return runtime.current.post(url, body, headers or {}, timeout, tls)


async def test_the_request(collector):
    async with server(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-A:  b \r\n\r\nok") as (url, received):
        answer = await post(f"{url}/v1/traces?x=1", b"body", {"a": "b"})
    head, _, body = received[0].partition(b"\r\n\r\n")
    assert head.split(b"\r\n")[0] == b"POST /v1/traces?x=1 HTTP/1.1"
    assert f"Host: {url.removeprefix('http://')}".encode() in head and b"a: b" in head
    assert body == b"body"
    assert (answer.status, answer.body, answer.headers["x-a"]) == (200, b"ok", "b")


@pytest.mark.parametrize(
    ("chunks", "status", "body"),
    [
        ([b"HTTP/1.1 204 \r\n\r\n"], 204, b""),
        ([b"HTTP/1.0 200 OK\r\n\r\nuntil ", b"the end"], 200, b"until the end"),
        ([b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 429 Slow\r\ncontent-length: 0\r\n\r\n"], 429, b""),
        (
            [
                b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n",
                b"2\r\nde\r\n0\r\nT: 1\r\n\r\n",
            ],
            200,
            b"abcde",
        ),
        ([b"HTTP/1.1 200 OK\nContent-Length: 1\n\nx"], 200, b"x"),
    ],
)
async def test_answers(chunks, status, body):
    async with server(*chunks) as (url, _):
        answer = await post(url)
    assert (answer.status, answer.body) == (status, body)


@pytest.mark.parametrize(
    ("chunks", "complaint"),
    [
        ([], "without an answer"),
        ([b"SSH-2.0-OpenSSH\r\n"], "not HTTP"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nab"], "bytes"),
        ([b"HTTP/1.1 200 OK\r\nA: b\r\n"], "cut off"),
        ([b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * 20_000], "too long"),
        ([b"HTTP/1.1 200 OK\r\nA: " + b"b" * 70_000 + b"\r\n\r\n"], "limit"),
        ([b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\n"], "many"),
        ([f"HTTP/1.1 200 OK\r\nContent-Length: {MAX_RESPONSE_BYTES + 1}\r\n\r\n".encode()], "larger than"),
        ([b"HTTP/1.1 200 OK\r\n\r\n", bytes(MAX_RESPONSE_BYTES + 1)], "larger than"),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n500000\r\n"], "larger than"),
        ([b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"], "zz"),
    ],
)
async def test_what_is_no_answer_is_a_failed_connection(chunks, complaint):
    async with server(*chunks) as (url, _):
        with pytest.raises(ConnectionFailed, match=complaint):
            await post(url)


async def test_a_server_that_says_nothing_costs_the_time_limit(collector, answer):
    collector.answers.append(answer(hang=True))
    with pytest.raises(ConnectionFailed, match=r"no answer within 0\.1 s"):
        await post(collector.url, timeout=0.1)


async def test_refused_and_unresolvable():
    with pytest.raises(ConnectionFailed, match=r"127\.0\.0\.1:9"):
        await post("http://127.0.0.1:9/")
    with pytest.raises(ConnectionFailed, match="invalid"):
        await post("http://no-such-host.invalid/")


@pytest.mark.parametrize("url", ["", "localhost:4318", "ftp://host/", "http://"])
async def test_urls_that_can_never_be_posted_to(url):
    with pytest.raises(ValueError, match="not a URL"):
        await post(url)


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> TLSFiles:
    """A self-signed certificate of localhost, with its key, as trust and as identity."""
    folder = tmp_path_factory.mktemp("tls")
    key, pem = folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
         "-days", "2",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", pem],
        check=True, capture_output=True,
    )  # fmt: skip
    return TLSFiles(str(pem), str(pem), str(key))


async def test_tls_with_client_certificate(certificate):
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=certificate.certificate)
    context.load_cert_chain(certificate.client_certificate, certificate.client_key)
    context.verify_mode = ssl.CERT_REQUIRED
    async with server(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", tls=context) as (url, _):
        assert (await post(url, tls=certificate)).status == 200
        with pytest.raises(ConnectionFailed, match="CERTIFICATE_VERIFY_FAILED"):
            await post(url)


def test_waiting_without_a_loop_leaves_the_threads_loop_alone():
    mine = asyncio.new_event_loop()
    asyncio.set_event_loop(mine)
    try:
        leftover = []

        async def work() -> int:
            leftover.append(asyncio.ensure_future(asyncio.sleep(60)))
            return 7

        assert runtime.current.can_wait()
        assert runtime.current.wait(work()) == 7
        assert leftover[0].cancelled()
        assert asyncio.get_event_loop() is mine
    finally:
        asyncio.set_event_loop(None)
        mine.close()


async def test_inside_a_loop_nothing_is_waited_for():
    assert not runtime.current.can_wait()


def test_the_platform_describes_itself():
    attributes = runtime.current.resource_attributes()
    assert attributes["process.pid"] == os.getpid()
    assert attributes["process.runtime.name"] == sys.implementation.name
    assert runtime.current.name == "native"


def test_importing_draws_no_entropy():
    """Some platforms have none then; only `opentelemetry.context` itself makes its keys with uuid4."""
    code = (
        "import os\n"
        "def forbidden(n): raise AssertionError('entropy at import')\n"
        "os.urandom = forbidden\n"
        "import wasm_sdk.export, wasm_sdk.runtime, wasm_sdk.sampling.threshold, wasm_sdk.otlp.spans\n"
        "import sys; assert 'opentelemetry' not in sys.modules, 'the page ships without it'\n"
        "import uuid; uuid.uuid4 = lambda: uuid.UUID(int=1)\n"
        "import wasm_sdk.sdk.trace, wasm_sdk.propagation.baggage, wasm_sdk.propagation.tracecontext\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[3])


def test_the_version_is_that_of_the_distribution():
    from importlib.metadata import version

    from wasm_sdk.version import VERSION

    assert version("spanweave") == VERSION
