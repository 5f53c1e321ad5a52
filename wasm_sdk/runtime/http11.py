"""One HTTP/1.1 POST over asyncio streams (RFC 9112): no thread, no blocking call, cancelled at any await.

`urllib` in `asyncio.to_thread` would be shorter, but needs a thread per request and cannot be cancelled: a
hanging collector would hold the thread past every deadline and delay the interpreter's exit. A batch leaves
every few seconds, so each request has a connection of its own and no idle one has to be watched.
"""

import asyncio
import functools
import re
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from wasm_sdk.runtime.interface import MAX_RESPONSE_BYTES, ConnectionFailed, Response, TLSFiles

if TYPE_CHECKING:
    import ssl

MAX_HEAD_BYTES = 64 * 1024
_STATUS_LINE = re.compile(rb"HTTP/1\.[01] (\d{3})(?: [^\r\n]*)?\r?\n")


async def post(
    url: str, body: bytes, headers: Mapping[str, str], timeout: float, tls: TLSFiles | None = None
) -> Response:
    """See `Runtime.post`."""
    target = urlsplit(url)
    if target.scheme not in ("http", "https") or not target.hostname:
        raise ValueError(f"endpoint {url!r} is not a URL of the form http(s)://host[:port]/path")
    context = _tls_context(tls or TLSFiles()) if target.scheme == "https" else None
    port = target.port or (443 if context else 80)
    head = _request_head(
        target.netloc.rpartition("@")[2], _path(target.path, target.query), headers, len(body)
    )
    try:
        async with asyncio.timeout(timeout):
            reader, writer = await _connect(target.hostname, port, context)
            try:
                return await _exchange(reader, writer, head, body)
            finally:
                writer.close()
    except TimeoutError as error:
        raise ConnectionFailed(f"{url}: no answer within {timeout:.3g} s") from error
    except ConnectionFailed as error:
        raise ConnectionFailed(f"{url}: {error}") from error
    except (OSError, EOFError, asyncio.LimitOverrunError, ValueError) as error:
        raise ConnectionFailed(f"{url}: {error or type(error).__name__}") from error


def _path(path: str, query: str) -> str:
    return f"{path or '/'}?{query}" if query else path or "/"


def _request_head(host: str, path: str, headers: Mapping[str, str], length: int) -> bytes:
    lines = [f"POST {path} HTTP/1.1", f"Host: {host}", f"Content-Length: {length}", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    for line in lines:
        if not line.isprintable():
            raise ValueError(f"header or URL {line!r} holds a control character")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


@functools.lru_cache(maxsize=8)
def _tls_context(files: TLSFiles) -> "ssl.SSLContext":
    import ssl

    context = ssl.create_default_context(cafile=files.certificate)
    if files.client_certificate:
        context.load_cert_chain(files.client_certificate, files.client_key)
    return context


async def _connect(
    host: str, port: int, context: "ssl.SSLContext | None"
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    try:
        return await asyncio.open_connection(host, port, ssl=context, limit=MAX_HEAD_BYTES)
    except RuntimeError:
        # asyncio resolves names in its executor, which is gone while the interpreter exits; nothing else runs
        # then.
        error: OSError = ConnectionFailed(f"{host} does not resolve")
        for *_, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
            try:
                return await asyncio.open_connection(
                    str(address[0]),
                    port,
                    ssl=context,
                    limit=MAX_HEAD_BYTES,
                    server_hostname=host if context else None,
                )
            except OSError as failure:
                error = failure
        raise error from None


async def _exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, head: bytes, body: bytes
) -> Response:
    try:
        writer.write(head)
        writer.write(body)
        await writer.drain()
    except ConnectionError:
        pass  # a server may refuse a body before it has read it all: its answer is what counts
    status, headers = await _head(reader)
    while 100 <= status < 200:
        status, headers = await _head(reader)
    return Response(status, headers, await _body(reader, status, headers))


async def _head(reader: asyncio.StreamReader) -> tuple[int, dict[str, str]]:
    line = await reader.readline()
    if not line:
        raise ConnectionFailed("the server closed the connection without an answer")
    match = _STATUS_LINE.fullmatch(line)
    if match is None:
        raise ConnectionFailed(f"the answer is not HTTP/1.1: {line[:40]!r}")
    headers: dict[str, str] = {}
    size = 0
    while (line := await reader.readline()) not in (b"\r\n", b"\n"):
        size += len(line)
        if not line or size > MAX_HEAD_BYTES:
            raise ConnectionFailed("the answer's headers are cut off or too long")
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    return int(match[1]), headers


async def _body(reader: asyncio.StreamReader, status: int, headers: Mapping[str, str]) -> bytes:
    if status in (204, 304):
        return b""
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return await _chunked(reader)
    if "content-length" in headers:
        length = int(headers["content-length"])
        _check_size(length)
        return await reader.readexactly(length)
    body = bytearray()
    while chunk := await reader.read(65536):
        body += chunk
        _check_size(len(body))
    return bytes(body)


async def _chunked(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while size := int((await reader.readline()).partition(b";")[0], 16):
        _check_size(len(body) + size)
        body += await reader.readexactly(size)
        await reader.readline()
    while (await reader.readline()).strip():  # trailers
        pass
    return bytes(body)


def _check_size(size: int) -> None:
    if not 0 <= size <= MAX_RESPONSE_BYTES:
        raise ConnectionFailed(f"the answer's body is larger than {MAX_RESPONSE_BYTES} bytes")
