"""The one way in: whatever protocol a request came by, it is checked, kept, and only then acknowledged."""

import asyncio
from dataclasses import dataclass, field
from typing import NamedTuple

from host_agent.ingest.decompress import decoded
from host_agent.ingest.limits import InFlight, Reservation
from host_agent.ingest.refusal import Reason, Refusal
from host_agent.intake.encoding import Encoding
from host_agent.intake.log import IntakeFailedError, IntakeFullError, IntakeLog
from host_agent.tenant import Tenant
from wasm_sdk.otlp import MalformedOTLP, Signal
from wasm_sdk.otlp.screen import Screened, screen
from wasm_sdk.otlp.transcode import json_to_protobuf

THREAD_BYTES = {Encoding.IDENTITY: 256 << 10, Encoding.GZIP: 48 << 10}
"""A request of more bytes is checked in a thread, so that the others are not kept waiting."""
FULL_RETRY_AFTER = 5.0  # seconds: the log's followers have to move on
FAILED_RETRY_AFTER = 10.0  # seconds: somebody has to look after the disk


class Accepted(NamedTuple):
    """The answer to a request that was kept.

    items: how many spans, data points or log records were.
    rejected: how many were not, being invalid; why is in `message`.
    """

    items: int
    rejected: int
    message: str


@dataclass(slots=True)
class IngestCounts:
    """What came since the start."""

    requests: int = 0
    bytes: int = 0
    items: dict[Signal, int] = field(default_factory=lambda: dict.fromkeys(Signal, 0))
    rejected_items: int = 0
    refused: dict[Reason, int] = field(default_factory=dict)

    def refuse(self, refusal: Refusal) -> None:
        self.refused[refusal.reason] = self.refused.get(refusal.reason, 0) + 1


class _Prepared(NamedTuple):
    screened: Screened
    as_received: bool
    """The body itself may be kept, compressed as it is."""
    further_bytes: int
    """What checking took in memory besides the body."""


class Acceptor:
    """Checks requests and keeps them in the log.

    Args:
        max_body_bytes: Of one request, after decompression.
        max_in_flight_bytes: Of all requests that are in work at one time.
    """

    def __init__(self, log: IntakeLog, *, max_body_bytes: int, max_in_flight_bytes: int) -> None:
        self.max_body_bytes = max_body_bytes
        self.in_flight = InFlight(max_in_flight_bytes)
        self.counts = IngestCounts()
        self._log = log
        self._large = asyncio.Semaphore(1)

    async def accept(
        self,
        tenant: Tenant,
        signal: Signal,
        body: bytes,
        *,
        reservation: Reservation,
        encoding: Encoding = Encoding.IDENTITY,
        json: bool = False,
    ) -> Accepted:
        """Keep a request. When this returns, it survives what `intake.fsync` promises.

        Args:
            body: An export request as it came, compressed as `encoding` says, in OTLP/JSON or protobuf.
            reservation: Holds the memory of `body`; grows when that is decompressed.

        Raises:
            Refusal: MALFORMED with the byte or path, TOO_LARGE, BUSY, UNAVAILABLE. Nothing was kept.
        """
        self.counts.requests += 1
        self.counts.bytes += len(body)
        if len(body) > THREAD_BYTES[encoding]:
            async with self._large:  # one at a time: decompressed, each may reach the bound
                prepared = await asyncio.to_thread(self._prepare, signal, body, encoding, json)
                reservation.grow(prepared.further_bytes)
        else:
            prepared = self._prepare(signal, body, encoding, json)
            reservation.grow(prepared.further_bytes)
        screened = prepared.screened
        if screened.items:
            await self._keep(tenant, signal, body, encoding, prepared)
        self.counts.items[signal] += screened.items
        self.counts.rejected_items += screened.rejected
        return Accepted(screened.items, screened.rejected, screened.message)

    def _prepare(self, signal: Signal, body: bytes, encoding: Encoding, json: bool) -> _Prepared:
        data = decoded(body, encoding, self.max_body_bytes)
        try:
            if json:
                data = json_to_protobuf(signal, data)
            screened = screen(signal, data)
        except MalformedOTLP as error:
            form = "JSON" if json else "protobuf"
            raise Refusal(Reason.MALFORMED, f"not an OTLP {signal} request in {form}: {error}") from None
        as_received = screened.data is data and not json
        return _Prepared(screened, as_received, 0 if data is body else len(data))

    async def _keep(
        self, tenant: Tenant, signal: Signal, body: bytes, encoding: Encoding, prepared: _Prepared
    ) -> None:
        screened = prepared.screened
        try:
            await self._log.append(
                tenant,
                signal,
                encoding if prepared.as_received else Encoding.IDENTITY,
                body if prepared.as_received else screened.data,
                screened.items,
                decoded_bytes=len(screened.data),
            )
        except IntakeFullError as error:
            raise Refusal(Reason.UNAVAILABLE, str(error), FULL_RETRY_AFTER) from None
        except IntakeFailedError as error:
            raise Refusal(Reason.UNAVAILABLE, str(error), FAILED_RETRY_AFTER) from None
