"""OTLP/gRPC with raw bytes. Source: OTLP specification 1.x, "OTLP/gRPC" and "OTLP/gRPC Throttling"."""

from pathlib import Path

import grpc
import grpc.aio

from host_agent.deliver.sink import Fate, Outcome
from host_agent.pipeline.settings import OtlpGrpcConfig, TlsConfig
from wasm_sdk.otlp import MalformedOTLP, Signal
from wasm_sdk.otlp.responses import decode_response, decode_status
from wasm_sdk.version import VERSION

_METHODS = {
    Signal.TRACES: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    Signal.METRICS: "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    Signal.LOGS: "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
}
_RETRYABLE = {
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.ABORTED,
    grpc.StatusCode.OUT_OF_RANGE,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DATA_LOSS,
}
_DETAILS = "grpc-status-details-bin"


class OtlpGrpcSink:
    """Sends to a gRPC server over one channel.

    Raises:
        OSError: a file of `tls` cannot be read.
    """

    def __init__(self, config: OtlpGrpcConfig) -> None:
        self._config = config
        options = [
            ("grpc.primary_user_agent", f"spanweave/{VERSION}"),
            ("grpc.max_send_message_length", -1),
            ("grpc.max_reconnect_backoff_ms", 5000),
        ]
        gzip = grpc.Compression.Gzip if config.compression == "gzip" else grpc.Compression.NoCompression
        if config.insecure:
            self._channel = grpc.aio.insecure_channel(config.endpoint, options, compression=gzip)
        else:
            self._channel = grpc.aio.secure_channel(
                config.endpoint, _credentials(config.tls), options, compression=gzip
            )
        self._calls: dict[Signal, grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]] = {
            signal: self._channel.unary_unary(method) for signal, method in _METHODS.items()
        }
        self._metadata = tuple((name.lower(), value) for name, value in config.headers.items())

    async def send(self, signal: Signal, body: bytes) -> Outcome:
        try:
            answer: bytes = await self._calls[signal](
                body, timeout=self._config.timeout_s, metadata=self._metadata
            )
        except grpc.aio.AioRpcError as error:
            return self._failed(error)
        try:
            rejected, message = decode_response(signal, answer)
        except MalformedOTLP:
            return Outcome(Fate.DELIVERED)
        return Outcome(Fate.DELIVERED, message, rejected=rejected)

    async def close(self) -> None:
        await self._channel.close()

    def _failed(self, error: grpc.aio.AioRpcError) -> Outcome:
        code = error.code()
        reason = f"{self._config.endpoint} answered {code.name}: {error.details()}"
        after = _retry_info(error)
        if code in _RETRYABLE or (code is grpc.StatusCode.RESOURCE_EXHAUSTED and after is not None):
            return Outcome(Fate.AGAIN, reason, after)
        return Outcome(Fate.REFUSED, reason)


def _retry_info(error: grpc.aio.AioRpcError) -> float | None:
    """The delay of the RetryInfo among the details of a status."""
    for name, value in error.trailing_metadata() or ():
        if name == _DETAILS and isinstance(value, bytes):
            try:
                return decode_status(value).retry_after
            except MalformedOTLP:
                return None
    return None


def _credentials(tls: TlsConfig) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(_read(tls.ca), _read(tls.key), _read(tls.certificate))


def _read(path: Path | None) -> bytes | None:
    return path.read_bytes() if path is not None else None
