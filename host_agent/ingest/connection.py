"""uvicorn's HTTP connection with bounds on what a client may do without ever completing a request."""

import asyncio
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.server import ServerState

MAX_HEAD_BYTES = 64 << 10
IDLE_TIMEOUT = 75.0
"""Seconds that a connection may rest between requests. SDKs send every 5 to 60 seconds and reuse theirs:
closing it just as they do would fail an export."""


class GuardedConnection(HttpToolsProtocol):
    """Closes connections whose head does not arrive, is too long, or that are too many.

    Attributes:
        header_timeout: Seconds from the first byte (or the connection's opening) to the end of the head, and
            for what is left of a body whose request was answered already.
        max_connections: Beyond this, new connections are told to come back.
    """

    header_timeout = 10.0
    max_connections = 2048

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self._deadline: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._field_bytes = 0
        self._in_head = True
        self._begun = False
        self._declining = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        if len(self.connections) > self.max_connections:
            self._answer_and_close(
                b"503 Service Unavailable",
                b"too many connections (http.max_connections)",
                b"retry-after: 1\r\n",
            )
        else:
            self._arm(self.header_timeout)

    def connection_lost(self, exc: Exception | None) -> None:
        self._disarm()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        self._head_bytes += len(data)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            if self._should_upgrade():
                self._disarm()
                self.handle_websocket_upgrade()
                return
            self._decline(data[offer.args[0] :])
        except httptools.HttpParserError:
            self.send_400_response("Invalid HTTP request received.")
        if self._in_head and self._head_bytes > MAX_HEAD_BYTES:
            self._refuse_head()

    def on_message_begin(self) -> None:
        if self._declining:
            return
        super().on_message_begin()
        self._begun = True
        self._field_bytes = 0
        self._arm(self.header_timeout)

    def on_url(self, url: bytes) -> None:
        if not self._declining:
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self._declining:
            self._field_bytes += len(name) + len(value)
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._declining or self.transport.is_closing():
            return
        if self._field_bytes > MAX_HEAD_BYTES:  # all of it came at once
            self._refuse_head()
            return
        self._in_head = False
        self._disarm()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self.transport.is_closing():
            super().on_body(body)

    def on_message_complete(self) -> None:
        if self.transport.is_closing():
            return
        if self.parser.should_upgrade() and (self._framing() or self._should_upgrade()):
            return  # the parser stops at the end of the head there
        super().on_message_complete()
        self._in_head = True
        self._begun = False
        self._head_bytes = 0
        if self.cycle.response_complete:
            self._arm(IDLE_TIMEOUT)

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._arm(self.header_timeout if self.cycle.more_body else IDLE_TIMEOUT)

    def _decline(self, rest: bytes) -> None:
        """The client offered another protocol (Java's does: `Upgrade: h2c`) and this one goes on: what
        follows is the body (RFC 9110, section 7.8), for a parser that has not seen the offer."""
        framing = self._framing()
        self.parser = httptools.HttpRequestParser(self)
        if framing:
            self._declining = True
            self.parser.feed_data(b"POST / HTTP/1.1\r\n%s\r\n" % framing)
            self._declining = False
        if rest:
            self.data_received(rest)

    def _framing(self) -> bytes:
        """The lines of the head that say how long the body is; empty without a body."""
        lines = [
            b"%s: %s\r\n" % (name, value)
            for name, value in self.headers
            if name in (b"content-length", b"transfer-encoding") and value.strip() != b"0"
        ]
        return b"".join(lines)

    def _arm(self, seconds: float) -> None:
        self._disarm()
        if not self.transport.is_closing():
            self._deadline = self.loop.call_later(seconds, self._expire)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _expire(self) -> None:
        if self._begun and self._in_head:
            self._answer_and_close(b"408 Request Timeout", b"the head of the request did not arrive in time")
        else:
            self.transport.close()

    def _refuse_head(self) -> None:
        self._answer_and_close(b"431 Request Header Fields Too Large", b"the head of the request is too long")

    def _answer_and_close(self, status: bytes, text: bytes, header: bytes = b"") -> None:
        self._disarm()
        self.transport.write(
            b"HTTP/1.1 %s\r\ncontent-type: text/plain\r\n%scontent-length: %d\r\nconnection: close\r\n\r\n%s"
            % (status, header, len(text), text)
        )
        self.transport.close()
