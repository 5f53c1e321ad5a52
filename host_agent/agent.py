"""The agent: every part of one process, started in order and stopped in the reverse."""

import asyncio
import logging
import socket
import time
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from importlib import resources
from pathlib import Path
from types import TracebackType
from typing import Any

from host_agent.api.http import create_api
from host_agent.config import AgentConfig
from host_agent.config_types import dotted
from host_agent.deliver.destinations import Destinations, forget_former, wanted
from host_agent.ingest.accept import Acceptor
from host_agent.ingest.assets import Assets
from host_agent.ingest.connection import GuardedConnection
from host_agent.ingest.cors import OriginPolicy
from host_agent.ingest.grpc import GrpcListener
from host_agent.ingest.http import IngestApp
from host_agent.intake.log import IntakeLog
from host_agent.listener import HttpListener, ListenError, bind, reason
from host_agent.live.feed import LiveFeed
from host_agent.pipeline.pipeline import NAME as PIPELINE
from host_agent.query.engine import Engine
from host_agent.status import agent_status
from host_agent.store.store import Store, StoreLimits
from host_agent.store.writer import StoreWriter
from host_agent.tenant import SingleTenant

logger = logging.getLogger(__name__)

SETTLE = 0.5  # seconds that a query waits for the store to catch up with what was acknowledged
LAST_DELIVERIES = 2.0  # seconds that destinations get when the agent stops; the rest waits in the log
DRAIN = 10.0  # seconds that the store gets to catch up when the agent stops


class Agent:
    """Receives, keeps, stores, answers. `async with Agent(config) as agent`.

    Attributes:
        http_url: Where OTLP/HTTP is taken, once started.
        grpc_address: Where OTLP/gRPC is, as `host:port`.
        api_url: Where queries are answered.

    Raises:
        ListenError: an address cannot be listened on.
        DirectoryInUseError: another agent uses the data directory.
        OSError: the data directory cannot be written.
    """

    def __init__(self, config: AgentConfig) -> None:
        self.config = config
        self.http_url = ""
        self.grpc_address = ""
        self.api_url = ""
        self.destinations: Destinations | None = None
        self.failed: asyncio.Future[None]
        """Raises what ended a part of the agent that should run for ever."""
        self._parts = AsyncExitStack()

    async def __aenter__(self) -> "Agent":
        async with AsyncExitStack() as parts:
            await self._start(parts)
            self._parts = parts.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._parts.aclose()
        if self.failed.done():
            self.failed.exception()  # who wanted to know has asked by now

    async def _start(self, parts: AsyncExitStack) -> None:
        config = self.config
        problems = [f"{dotted(key)}: {message}" for key, message in config.problems()]
        if problems:
            raise ListenError("; ".join(problems))
        self.failed = asyncio.get_running_loop().create_future()
        http_socket = bind(config.http.host, config.http.port, "http")
        parts.callback(http_socket.close)
        api_socket = bind(config.api.host, config.api.port, "api")
        parts.callback(api_socket.close)

        log = IntakeLog(
            config.data_dir / "intake" / "0",
            fsync=config.intake.fsync,
            sync_interval=config.intake.interval_ms / 1000,
            segment_bytes=config.intake.segment_bytes,
            max_bytes=config.intake.max_bytes,
        )
        parts.push_async_callback(log.close)
        store = Store(config.data_dir / "store", _limits(config))
        await asyncio.to_thread(store.load)
        engine = Engine(store.root)
        parts.callback(engine.close)
        self.destinations = destinations = self._deliver(parts, log)
        kept = destinations.pipeline.kept if destinations else log.reader().follow
        writer = StoreWriter(store, kept, log.follower("store"))
        self._run(parts, writer.run(), "store")
        parts.push_async_callback(lambda: writer.settle(log.end, DRAIN))
        shown = destinations.pipeline.kept if destinations else log.reader().follow
        feed = LiveFeed(lambda: shown(log.end))
        self._run(parts, feed.run(), "live stream")

        acceptor = Acceptor(
            log,
            max_body_bytes=config.http.max_body_bytes,
            max_in_flight_bytes=config.http.max_in_flight_bytes,
        )
        started = time.time()

        async def settle() -> None:
            await writer.settle(log.end, SETTLE)

        api = HttpListener(
            create_api(
                store,
                engine,
                feed,
                status=lambda: agent_status(started, self, log, acceptor, store, writer, feed, destinations),
                settle=settle,
                allowed_hosts=config.api.allowed_hosts,
                allowed_origins=config.api.allowed_origins,
            ),
            api_socket,
            websockets=True,
        )
        await api.start()
        parts.push_async_callback(api.stop)
        self.api_url = api.url
        await self._listen_grpc(parts, acceptor)
        await self._listen_http(parts, acceptor, http_socket)
        if not config.kernel.targets.empty:
            from host_agent.ebpf.service import KernelTracing

            kernel = KernelTracing(config.kernel, self.http_url)
            await kernel.start()
            parts.push_async_callback(kernel.stop)

    def _deliver(self, parts: AsyncExitStack, log: IntakeLog) -> Destinations | None:
        """Start the pipeline and what delivers from it, where something is configured for them."""
        if not wanted(self.config):
            forget_former(log, {})
            log.forget(PIPELINE)
            return None
        destinations = Destinations(self.config, log)
        for name, work in destinations.parts().items():
            self._run(parts, work, name)
        parts.push_async_callback(lambda: destinations.settle(log.end, LAST_DELIVERIES))
        return destinations

    async def _listen_http(self, parts: AsyncExitStack, acceptor: Acceptor, listening: socket.socket) -> None:
        http = self.config.http

        class Connection(GuardedConnection):
            header_timeout = http.header_timeout_s
            max_connections = http.max_connections

        app = IngestApp(
            acceptor,
            SingleTenant(),
            OriginPolicy(http.cors.allowed_origins, http.cors.max_age_s),
            Assets(browser_build()),
            max_compressed_bytes=http.max_compressed_bytes,
            request_timeout=http.request_timeout_s,
        )
        listener = HttpListener(app, listening, connection=Connection)
        await listener.start()
        parts.push_async_callback(listener.stop)
        parts.callback(app.stop)
        self.http_url = listener.url

    async def _listen_grpc(self, parts: AsyncExitStack, acceptor: Acceptor) -> None:
        http, grpc = self.config.http, self.config.grpc
        listener = GrpcListener(
            acceptor,
            SingleTenant(),
            slots=max(2, http.max_in_flight_bytes // http.max_body_bytes),
            request_timeout=http.request_timeout_s,
        )
        parts.push_async_callback(listener.stop)
        try:
            await listener.start(grpc.host, grpc.port)
        except OSError as error:
            where = f"{grpc.host}:{grpc.port}"
            raise ListenError(f"grpc: cannot listen on {where}: {reason(error, 'grpc')}") from None
        self.grpc_address = listener.address

    def _run(self, parts: AsyncExitStack, work: Coroutine[Any, Any, None], name: str) -> None:
        """Run a part until the agent stops; when it ends before, the agent has failed."""
        task = asyncio.create_task(work, name=name)

        def ended(task: asyncio.Task[None]) -> None:
            if not task.cancelled() and not self.failed.done():
                self.failed.set_exception(task.exception() or RuntimeError(f"the {name} ended"))

        async def stop() -> None:
            task.remove_done_callback(ended)
            task.cancel()
            (outcome,) = await asyncio.gather(task, return_exceptions=True)
            if isinstance(outcome, Exception):
                logger.error("the %s ended badly: %s", name, outcome, exc_info=outcome)

        task.add_done_callback(ended)
        parts.push_async_callback(stop)


def browser_build() -> Path:
    """The folder that `npm run build` writes and that the wheel carries."""
    return Path(str(resources.files("web"))) / "dist"


def _limits(config: AgentConfig) -> StoreLimits:
    store = config.store
    return StoreLimits(
        flush_interval=store.flush_interval_s,
        flush_bytes=store.flush_bytes,
        segment_bytes=store.segment_bytes,
        retention=None if store.retention_hours is None else store.retention_hours * 3600,
        max_bytes=store.max_bytes,
    )
