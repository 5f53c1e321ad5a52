"""What was decided about a record, as it is written into the room that the record keeps for it."""

import struct
from dataclasses import dataclass
from enum import IntEnum

from host_agent.intake.encoding import crc32

ROOM_BYTES = 64
_ROOM = struct.Struct("<BBHIQQQQ20x")  # without its CRC
_CRC = struct.Struct("<I")


class DecisionState(IntEnum):
    """How far judging a record has come."""

    UNDECIDED = 0
    DECIDED = 1
    """One verdict holds for every item: `threshold` and `routes` are it."""
    DETAILED = 2
    """The items' verdicts differ: `routes` is their union, `detail` says where they stand."""
    QUARANTINED = 3
    """Could not be processed in `attempts` tries."""


@dataclass(frozen=True, slots=True)
class Decision:
    """A verdict that delivery works from, so that a replay never judges twice.

    Attributes:
        attempts: Tries that failed, 0 to 255.
        generation: The rule set that judged, so that its outcome can be derived again.
        threshold: The sampling threshold T of 56 bits (OpenTelemetry's `ot=th`), 0 keeps everything.
        routes: One bit a destination; no bit means dropped.
        decided_unix_nano: When.
        detail: Where the verdicts on single items stand, when they differ.
    """

    state: DecisionState = DecisionState.UNDECIDED
    attempts: int = 0
    generation: int = 0
    threshold: int = 0
    routes: int = 0
    decided_unix_nano: int = 0
    detail: int = 0

    def encode(self) -> bytes:
        """The 64 bytes of the room. Raises ValueError when a number does not fit."""
        try:
            room = _ROOM.pack(
                self.state,
                self.attempts,
                0,
                self.generation,
                self.threshold,
                self.routes,
                self.decided_unix_nano,
                self.detail,
            )
        except struct.error as error:
            raise ValueError(f"{self}: {error}") from error
        return room + _CRC.pack(crc32(room))

    @classmethod
    def decode(cls, room: bytes) -> "Decision":
        """The decision in a room; one that was half written reads as undecided, and is taken again."""
        if len(room) != ROOM_BYTES or _CRC.unpack_from(room, _ROOM.size)[0] != crc32(room[: _ROOM.size]):
            return UNDECIDED
        state, attempts, _, generation, threshold, routes, decided, detail = _ROOM.unpack_from(room)
        try:
            known = DecisionState(state)
        except ValueError:  # of a later version
            return UNDECIDED
        return cls(known, attempts, generation, threshold, routes, decided, detail)


UNDECIDED = Decision()
EMPTY_ROOM = UNDECIDED.encode()
