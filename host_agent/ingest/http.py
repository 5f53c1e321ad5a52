"""OTLP/HTTP as an ASGI application (OTLP specification 1.x, "OTLP/HTTP").

Written against ASGI itself: this path carries every request, and needs none of a framework's parts.
"""

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from host_agent.ingest.accept import Acceptor
from host_agent.ingest.assets import Assets
from host_agent.ingest.cors import METHODS, OriginPolicy, printable
from host_agent.ingest.decompress import content_encoding
from host_agent.ingest.limits import Reservation
from host_agent.ingest.media import Media, media_of
from host_agent.ingest.refusal import Reason, Refusal
from host_agent.intake.encoding import Encoding
from host_agent.tenant import TenantResolver
from wasm_sdk.otlp import Signal
from wasm_sdk.otlp.responses import encode_response, encode_status

logger = logging.getLogger(__name__)

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

PATHS = {f"/v1/{signal}": signal for signal in Signal}
LOG_INTERVAL = 60.0  # seconds between log lines about one refused origin
MAX_LOGGED_ORIGINS = 100
STOP_TIMEOUT = 1.0  # seconds


class ClientGoneError(Exception):
    """The client closed the connection before its request was whole."""


class IngestApp:
    """The endpoints on port 4318: `/v1/traces`, `/v1/metrics`, `/v1/logs`, and `/sdk/` for pages.

    Args:
        max_compressed_bytes: Of one body as it is sent.
        request_timeout: Seconds in which a body has to arrive.
    """

    def __init__(
        self,
        acceptor: Acceptor,
        tenants: TenantResolver,
        origins: OriginPolicy,
        assets: Assets,
        *,
        max_compressed_bytes: int,
        request_timeout: float,
    ) -> None:
        self._acceptor = acceptor
        self._tenants = tenants
        self._origins = origins
        self._assets = assets
        self._max_compressed = max_compressed_bytes
        self._timeout = request_timeout
        self._logged: dict[str, float] = {}
        self._reading: set[asyncio.Timeout] = set()
        self._stopping = False

    def stop(self) -> None:
        """The agent stops: whose body has not arrived within a second is told to send again."""
        self._stopping = True
        for deadline in self._reading:
            deadline.reschedule(asyncio.get_running_loop().time() + STOP_TIMEOUT)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        path = scope["path"]
        signal = PATHS.get(path)
        if signal is not None:
            await self._signal(signal, scope, receive, send)
        elif path.startswith("/sdk/"):
            await self._assets(scope, send)
        else:
            known = ", ".join(PATHS)
            refusal = Refusal(Reason.NOT_FOUND, f"there is no {path[:100]!a}; OTLP is taken at {known}")
            await self._refuse(send, refusal, Media.JSON, [])

    async def _signal(self, signal: Signal, scope: Message, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        origin = headers.get("origin")
        answer = self._origins.headers(origin)
        media = Media.PROTOBUF if "protobuf" in headers.get("content-type", "") else Media.JSON
        try:
            if origin is not None and not self._origins.allows(origin):
                self._log_refused(origin)
                raise Refusal(Reason.FORBIDDEN_ORIGIN, self._origins.refusal(origin))
            if scope["method"] == "OPTIONS":
                await self._preflight(origin, headers, send)
                return
            if scope["method"] != "POST":
                answer.append((b"allow", METHODS.encode()))
                raise Refusal(Reason.METHOD, f"{scope['method']} is not taken here; POST an OTLP request")
            media = media_of(headers.get("content-type", ""), from_page=origin is not None)
            with self._acceptor.in_flight.reservation() as reservation:
                encoding = content_encoding(headers.get("content-encoding", ""))
                tenant = self._tenants.resolve(headers, scope["client"][0] if scope["client"] else "")
                body = await self._read(headers, encoding, receive, reservation)
                accepted = await self._acceptor.accept(
                    tenant,
                    signal,
                    body,
                    reservation=reservation,
                    encoding=encoding,
                    json=media is Media.JSON,
                )
        except Refusal as refusal:
            self._acceptor.counts.refuse(refusal)
            await self._refuse(send, refusal, media, answer)
        except ClientGoneError:
            return
        else:
            content = encode_response(signal, accepted.rejected, accepted.message, media is Media.JSON)
            await respond(send, 200, content, [(b"content-type", media.value.encode()), *answer])

    async def _read(
        self, headers: dict[str, str], encoding: Encoding, receive: Receive, reservation: Reservation
    ) -> bytes:
        """The whole body. Raises Refusal: TOO_LARGE, TOO_SLOW, BUSY; and ClientGoneError."""
        limit = self._acceptor.max_body_bytes if encoding is Encoding.IDENTITY else self._max_compressed
        length = headers.get("content-length", "")
        if length.isdecimal() and int(length) > limit:
            raise _too_large(limit)
        parts: list[bytes] = []
        size = 0
        try:
            async with self._deadline():
                more = True
                while more:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        raise ClientGoneError
                    part = message.get("body", b"")
                    more = message.get("more_body", False)
                    size += len(part)
                    if size > limit:
                        raise _too_large(limit)
                    reservation.grow(len(part))
                    parts.append(part)
        except TimeoutError:
            if self._stopping:
                raise Refusal(Reason.UNAVAILABLE, "the agent is stopping; send again", 1.0) from None
            raise Refusal(
                Reason.TOO_SLOW,
                f"the request did not arrive within {self._timeout:g} seconds (http.request_timeout_s)",
            ) from None
        return parts[0] if len(parts) == 1 else b"".join(parts)

    @asynccontextmanager
    async def _deadline(self) -> AsyncIterator[None]:
        async with asyncio.timeout(STOP_TIMEOUT if self._stopping else self._timeout) as deadline:
            self._reading.add(deadline)
            try:
                yield
            finally:
                self._reading.discard(deadline)

    async def _preflight(self, origin: str | None, headers: dict[str, str], send: Send) -> None:
        if origin is None:
            await respond(send, 204, b"", [(b"allow", METHODS.encode()), (b"vary", b"Origin")])
        else:
            await respond(send, 204, b"", self._origins.preflight(origin, headers))

    async def _refuse(self, send: Send, refusal: Refusal, media: Media, headers: Headers) -> None:
        content = encode_status(
            refusal.reason.grpc_code, refusal.message, media is Media.JSON, refusal.retry_after
        )
        answer = [(b"content-type", media.value.encode()), *headers]
        if refusal.retry_after is not None:
            answer.append((b"retry-after", b"%d" % math.ceil(refusal.retry_after)))
        if refusal.reason is Reason.TOO_SLOW:
            answer.append((b"connection", b"close"))
        await respond(send, refusal.reason.http_status, content, answer)

    def _log_refused(self, origin: str) -> None:
        now = time.monotonic()
        if now - self._logged.get(origin, -LOG_INTERVAL) < LOG_INTERVAL:
            return
        if len(self._logged) >= MAX_LOGGED_ORIGINS:
            self._logged.clear()
        self._logged[origin] = now
        logger.warning(
            "refused a page of origin %s: add it to http.cors.allowed_origins if it may send telemetry",
            printable(origin),
        )


async def respond(send: Send, status: int, content: bytes, headers: Headers) -> None:
    """Send a whole response."""
    length = [] if status in (204, 304) else [(b"content-length", b"%d" % len(content))]
    await send({"type": "http.response.start", "status": status, "headers": [*headers, *length]})
    await send({"type": "http.response.body", "body": content})


def _too_large(limit: int) -> Refusal:
    return Refusal(Reason.TOO_LARGE, f"the body has more than {limit} bytes; send smaller batches")
