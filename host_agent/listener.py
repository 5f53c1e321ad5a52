"""An HTTP listener in this process: uvicorn, without its signal handlers and its own log lines."""

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterator
from typing import Any

import uvicorn

from host_agent.ingest.connection import GuardedConnection

GRACE = 5  # seconds that requests in work get when the agent stops


class ListenError(Exception):
    """An address cannot be listened on; one line says why and what to do."""


def bind(host: str, port: int, key: str) -> socket.socket:
    """A socket that listens on an address.

    Args:
        key: The section of the configuration that names the address, for the message.

    Raises:
        ListenError: the address is in use, not this machine's, or not permitted.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listening = socket.socket(family, kind, protocol)
        try:
            if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # Windows: its SO_REUSEADDR would share the port
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
            else:
                listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listening.bind(address)
            listening.listen(1024)
        except OSError:
            listening.close()
            raise
    except OSError as error:
        raise ListenError(f"{key}: cannot listen on {host}:{port}: {reason(error, key)}") from None
    listening.setblocking(False)
    return listening


def reason(error: OSError, key: str) -> str:
    """What a failed bind means for whoever started the agent."""
    if error.errno == errno.EADDRINUSE:
        return f"the port is in use, perhaps by another agent; stop that, or choose another with {key}.port"
    return error.strerror or str(error)


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ending = asyncio.Event()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield  # the agent stops its listeners itself, in order

    async def main_loop(self) -> None:
        """Sleeps until it is told to end; uvicorn's looks ten times a second."""
        while not self.should_exit:
            await self.on_tick(0)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(1):
                    await self.ending.wait()


class HttpListener:
    """Serves an ASGI application on a bound socket until it is stopped.

    Args:
        connection: The class that handles a connection.
        websockets: Whether connections may become WebSockets.
    """

    def __init__(
        self,
        app: Any,
        listening: socket.socket,
        *,
        connection: type[GuardedConnection] = GuardedConnection,
        websockets: bool = False,
    ) -> None:
        self._socket = listening
        host, port = listening.getsockname()[:2]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
        self._server = _Server(
            uvicorn.Config(
                app,
                http=connection,
                ws="websockets-sansio" if websockets else "none",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,  # nobody on this machine speaks for another
                timeout_keep_alive=75,
                timeout_graceful_shutdown=GRACE,
            )
        )
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns when connections are taken."""
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._socket]))
        while not self._server.started:
            if self._serving.done():
                await self._serving
            await asyncio.sleep(0.002)

    async def stop(self) -> None:
        """Take no more connections, finish what is in work within `GRACE` seconds, close."""
        self._server.should_exit = True
        self._server.ending.set()
        if self._serving is not None:
            await self._serving
