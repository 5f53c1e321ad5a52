"""The OTLP/HTTP exporter: one encoded request out, with compression, deadline and retries.

Source: OTLP specification 1.x, "OTLP/HTTP"; what is retried and when is in `wasm_sdk.export.retry`.
"""

import asyncio
import logging
import time
import zlib
from dataclasses import dataclass
from typing import Literal, Protocol

from wasm_sdk import runtime
from wasm_sdk.export.retry import RETRYABLE_STATUS, RetryPolicy, retry_after
from wasm_sdk.export.settings import ExporterSettings
from wasm_sdk.otlp.errors import MalformedOTLP
from wasm_sdk.otlp.responses import decode_response, decode_status
from wasm_sdk.otlp.signal import Signal
from wasm_sdk.version import VERSION

_log = logging.getLogger(__name__)

USER_AGENT = f"OTel-OTLP-Exporter-Python-spanweave/{VERSION}"
MAX_REQUEST_BYTES = 64 * 1024 * 1024  # the specification's limit for a request, before compression


Failure = Literal["refused", "busy", "unreachable"]


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of a request.

    Attributes:
        accepted: The collector answered with success; some items may still be `rejected`.
        rejected: Items that the collector took the request without (partial success).
        message: Why, in the collector's or the exporter's words; empty when all went well.
        failure: Of what is not accepted: `refused` for good, or the collector was `busy` or `unreachable`
            until the time-out, so that a caller who still has the request may send it again later.
    """

    accepted: bool
    rejected: int = 0
    message: str = ""
    failure: Failure | None = None


class Transport(Protocol):
    """Takes encoded Export*ServiceRequests of one signal."""

    async def send(self, request: bytes) -> Delivery:
        """Deliver `request`; the outcome is the result, never an exception."""
        ...


class OTLPHTTPExporter:
    """Sends encoded OTLP requests of one signal to one endpoint.

    Concurrent calls of `send` are independent; after a Retry-After none of them leaves before its time.

    Args:
        signal: What is sent; it selects the response's type.
        settings: Where and how; default: `OTEL_EXPORTER_OTLP_*`.
        retry: The back-off where the collector names no time.
    """

    def __init__(
        self,
        signal: Signal,
        settings: ExporterSettings | None = None,
        *,
        retry: RetryPolicy | None = None,
    ) -> None:
        self.signal = signal
        self.settings = settings or ExporterSettings.from_environ(signal)
        self._retry = retry or RetryPolicy()
        self._not_before = 0.0
        self._failing = False
        self._headers = self._request_headers()

    def _request_headers(self) -> dict[str, str]:
        headers = {name.lower(): value for name, value in self.settings.headers.items()}
        json = self.settings.protocol == "http/json"
        headers["content-type"] = "application/json" if json else "application/x-protobuf"
        if self.settings.compression == "gzip":
            headers["content-encoding"] = "gzip"
        if runtime.current.sets_user_agent:
            headers["user-agent"] = f"{headers.get('user-agent', '')} {USER_AGENT}".strip()
        return headers

    async def send(self, request: bytes) -> Delivery:
        """Deliver an encoded Export*ServiceRequest (protobuf), within the settings' time-out.

        Never raises for what the network or the collector does: the `Delivery` says it, and so does the log.
        """
        if len(request) > MAX_REQUEST_BYTES:
            return self._failed(f"the request has {len(request)} bytes, more than {MAX_REQUEST_BYTES}")
        body = self._body(request)
        deadline = time.monotonic() + self.settings.timeout
        attempt = 0
        reason = "the collector asked to come back later than the time-out allows"
        failure: Failure = "busy"
        while True:
            left = await self._wait_for_turn(deadline)
            if left <= 0:
                return self._failed(reason, failure)
            try:
                response = await runtime.current.post(
                    self.settings.endpoint, body, self._headers, left, self.settings.tls
                )
            except runtime.ConnectionFailed as error:
                reason, failure, delay = str(error), "unreachable", self._retry.delay(attempt)
            except ValueError as error:
                return self._failed(str(error))
            else:
                if 200 <= response.status < 300:
                    return self._accepted(response)
                reason = self._reason(response)
                if response.status not in RETRYABLE_STATUS:
                    return self._failed(reason)
                failure, delay = "busy", self._throttled(response, attempt)
            if time.monotonic() + delay >= deadline:
                return self._failed(reason, failure)
            attempt += 1
            await asyncio.sleep(delay)

    async def _wait_for_turn(self, deadline: float) -> float:
        """Wait until the collector wants to hear again; seconds left then, 0 when that is too late."""
        wait = self._not_before - time.monotonic()
        if wait > 0:
            if self._not_before >= deadline:
                return 0.0
            await asyncio.sleep(wait)
        return deadline - time.monotonic()

    def _throttled(self, response: runtime.Response, attempt: int) -> float:
        asked = retry_after(response.headers.get("retry-after", ""), time.time())
        if asked is None:
            return self._retry.delay(attempt)
        self._not_before = max(self._not_before, time.monotonic() + asked)
        return asked

    def _body(self, request: bytes) -> bytes:
        if self.settings.protocol == "http/json":
            from wasm_sdk.otlp.transcode import protobuf_to_json

            request = protobuf_to_json(self.signal, request)
        if self.settings.compression == "gzip":
            # zlib rather than gzip, which a trimmed standard library leaves out; 31 writes gzip's container.
            gzip = zlib.compressobj(wbits=31)
            return gzip.compress(request) + gzip.flush()
        return request

    def _accepted(self, response: runtime.Response) -> Delivery:
        self._failing = False
        if not response.body:
            return Delivery(True)
        try:
            rejected, message = decode_response(self.signal, response.body, json=_is_json(response))
        except MalformedOTLP as error:
            _log.warning(
                "%s accepted %s with an unreadable answer: %s", self.settings.endpoint, self.signal, error
            )
            return Delivery(True)
        if rejected or message:
            _log.warning(
                "%s took the %s but rejected %d of them: %s",
                self.settings.endpoint,
                self.signal,
                rejected,
                message or "no reason given",
            )
        return Delivery(True, rejected, message)

    def _reason(self, response: runtime.Response) -> str:
        try:
            message = decode_status(response.body, json=_is_json(response)).message
        except MalformedOTLP:
            message = response.body[:200].decode("utf-8", "replace")
        return f"{self.settings.endpoint} answered {response.status}{': ' if message else ''}{message}"

    def _failed(self, reason: str, failure: Failure = "refused") -> Delivery:
        # A collector that is down would otherwise fill the log as steadily as it gets nothing.
        _log.log(
            logging.DEBUG if self._failing else logging.WARNING,
            "Could not export %s: %s",
            self.signal,
            reason,
        )
        self._failing = True
        return Delivery(False, message=reason, failure=failure)


def _is_json(response: runtime.Response) -> bool:
    return response.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"
