"""What requests may hold in memory at one time."""

from types import TracebackType

from host_agent.ingest.refusal import Reason, Refusal

RETRY_AFTER = 1.0  # seconds


class InFlight:
    """The bytes of all requests between their first byte and their answer, bounded."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.bytes = 0

    def reservation(self) -> "Reservation":
        return Reservation(self)


class Reservation:
    """The share of one request; given back when the context is left."""

    def __init__(self, in_flight: InFlight) -> None:
        self._in_flight = in_flight
        self._bytes = 0

    def grow(self, size: int) -> None:
        """Take `size` more bytes.

        Raises:
            Refusal: BUSY: others hold too much.
        """
        if self._in_flight.bytes + size > self._in_flight.limit:
            raise Refusal(
                Reason.BUSY,
                f"requests of {self._in_flight.limit} bytes are in work already "
                "(http.max_in_flight_bytes); send again later",
                RETRY_AFTER,
            )
        self._in_flight.bytes += size
        self._bytes += size

    def __enter__(self) -> "Reservation":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._in_flight.bytes -= self._bytes
        self._bytes = 0
