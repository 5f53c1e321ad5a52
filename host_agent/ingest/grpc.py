"""OTLP/gRPC: the three Export methods, taken as bytes; no message class stands on this path."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import grpc.aio

from host_agent.ingest.accept import Acceptor
from host_agent.ingest.refusal import Reason, Refusal
from host_agent.tenant import TenantResolver
from wasm_sdk.otlp import Signal
from wasm_sdk.otlp.responses import encode_response, encode_status

METHODS = {
    "/opentelemetry.proto.collector.trace.v1.TraceService/Export": Signal.TRACES,
    "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export": Signal.METRICS,
    "/opentelemetry.proto.collector.logs.v1.LogsService/Export": Signal.LOGS,
}
GRACE = 2.0  # seconds that calls in work get when the agent stops
_CODES = {code.value[0]: code for code in grpc.StatusCode}


class GrpcListener:
    """The gRPC server.

    A message is asked for only once a slot is free, so what is received at one time stays within the bound
    however many calls are open; flow control holds the others back at their clients.

    Args:
        slots: Messages that are received at one time.
        request_timeout: Seconds in which a message has to arrive.
    """

    def __init__(
        self, acceptor: Acceptor, tenants: TenantResolver, *, slots: int, request_timeout: float
    ) -> None:
        self._acceptor = acceptor
        self._tenants = tenants
        self._slots = asyncio.Semaphore(slots)
        self._timeout = request_timeout
        self._server = grpc.aio.server(
            options=[
                ("grpc.max_receive_message_length", acceptor.max_body_bytes),
                ("grpc.so_reuseport", 0),  # or two agents would share a port without a word
                ("grpc.max_concurrent_streams", 128),
                ("grpc.max_metadata_size", 16 << 10),
            ]
        )
        self._server.add_generic_rpc_handlers((_Methods(self._export),))
        self.address = ""

    async def start(self, host: str, port: int) -> None:
        """Listen. Raises OSError when that is not possible."""
        try:
            bound = self._server.add_insecure_port(f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
        except RuntimeError as error:  # it does not say why; a socket does
            with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
                probe.bind((host, port))
            raise OSError(str(error)) from None
        self.address = f"[{host}]:{bound}" if ":" in host else f"{host}:{bound}"
        await self._server.start()

    async def stop(self) -> None:
        """Take no more calls, finish those in work within `GRACE` seconds."""
        await self._server.stop(GRACE)

    async def _export(
        self,
        signal: Signal,
        messages: AsyncIterator[bytes],
        context: "grpc.aio.ServicerContext[bytes, bytes]",
    ) -> bytes:
        try:
            return await self._accept(signal, messages, context)
        except Refusal as refusal:
            self._acceptor.counts.refuse(refusal)
            details: tuple[tuple[str, bytes], ...] = ()
            if refusal.retry_after is not None:
                status = encode_status(
                    refusal.reason.grpc_code, refusal.message, retry_after=refusal.retry_after
                )
                details = (("grpc-status-details-bin", status),)
            try:
                await context.abort(_CODES[refusal.reason.grpc_code], refusal.message, details)
            except grpc.aio.InternalError:  # the client has cancelled meanwhile: nobody to tell
                raise asyncio.CancelledError from None
            raise

    async def _accept(
        self,
        signal: Signal,
        messages: AsyncIterator[bytes],
        context: "grpc.aio.ServicerContext[bytes, bytes]",
    ) -> bytes:
        headers = {
            name: value for name, value in context.invocation_metadata() or () if isinstance(value, str)
        }
        tenant = self._tenants.resolve(headers, context.peer())
        with self._acceptor.in_flight.reservation() as reservation:
            async with self._slot():
                body = await self._receive(messages)
                reservation.grow(len(body))
            accepted = await self._acceptor.accept(tenant, signal, body, reservation=reservation)
        return encode_response(signal, accepted.rejected, accepted.message)

    def _slot(self) -> "_Slot":
        return _Slot(self._slots, self._timeout)

    async def _receive(self, messages: AsyncIterator[bytes]) -> bytes:
        try:
            async with asyncio.timeout(self._timeout):
                return await anext(messages)
        except TimeoutError:
            raise Refusal(
                Reason.TOO_SLOW,
                f"the request did not arrive within {self._timeout:g} seconds (http.request_timeout_s)",
            ) from None
        except StopAsyncIteration:
            raise Refusal(Reason.MALFORMED, "the call carries no request") from None


class _Slot:
    """Leave to receive one message, waited for within the time that a request may take."""

    def __init__(self, slots: asyncio.Semaphore, timeout: float) -> None:
        self._slots = slots
        self._timeout = timeout

    async def __aenter__(self) -> None:
        try:
            async with asyncio.timeout(self._timeout):
                await self._slots.acquire()
        except TimeoutError:
            raise Refusal(
                Reason.BUSY, "too many requests are being received; send again later", 1.0
            ) from None

    async def __aexit__(self, *_: object) -> None:
        self._slots.release()


Export = Callable[
    [Signal, AsyncIterator[bytes], "grpc.aio.ServicerContext[bytes, bytes]"],
    Any,
]


class _Methods(grpc.GenericRpcHandler):
    """The Export methods. On the wire a unary call is a stream of one message: taken as such, the message is
    not received before the handler asks for it."""

    def __init__(self, export: Export) -> None:
        self._handlers = {path: self._handler(export, signal) for path, signal in METHODS.items()}

    @staticmethod
    def _handler(export: Export, signal: Signal) -> "grpc.RpcMethodHandler[Any, Any]":
        async def handle(messages: AsyncIterator[bytes], context: Any) -> bytes:
            return bytes(await export(signal, messages, context))

        return grpc.stream_unary_rpc_method_handler(handle)

    def service(
        self, handler_call_details: grpc.HandlerCallDetails
    ) -> "grpc.RpcMethodHandler[Any, Any] | None":
        return self._handlers.get(handler_call_details.method)
