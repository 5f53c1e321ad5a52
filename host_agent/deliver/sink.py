"""What every destination is: something that takes a request and says what became of it."""

from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from wasm_sdk.otlp import Signal


class Fate(Enum):
    DELIVERED = "delivered"
    AGAIN = "again"
    """It may take the request later."""
    REFUSED = "refused"
    """It will never take it; sending it again is forbidden."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a request.

    Attributes:
        reason: for people.
        after: seconds that the destination asked to wait; None: as the sender likes.
        rejected: items that it took no notice of although it took the request.
    """

    fate: Fate
    reason: str = ""
    after: float | None = None
    rejected: int = 0


class Sink(Protocol):
    """A destination's protocol."""

    async def send(self, signal: Signal, body: bytes) -> Outcome:
        """Deliver an export request in protobuf. Raises nothing for what network and receiver do."""
        ...

    async def close(self) -> None: ...
