"""Where a record stands in an intake log, and how far a follower has come."""

import json
import os
import re
from dataclasses import dataclass
from pathlib import Path

_TEXT = re.compile(r"(\d{1,20}):(\d{1,20})")


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A byte offset in a segment; ordered as the log is.

    Segment numbers begin at the log's birth (Unix time in milliseconds) and only grow, so that a position
    from a log that was deleted never points into the one that took its place.
    """

    segment: int
    offset: int

    def __str__(self) -> str:
        return f"{self.segment}:{self.offset}"

    @classmethod
    def parse(cls, text: str) -> "Position":
        """The position that `str()` wrote. Raises ValueError for anything else."""
        match = _TEXT.fullmatch(text)
        if match is None:
            raise ValueError(f"position {text[:60]!r}: expected SEGMENT:OFFSET, as in 1764000000000:4096")
        return cls(int(match[1]), int(match[2]))


ORIGIN = Position(0, 0)
"""Before every record: a reader that starts here starts with the oldest record that is still kept."""


class DamagedCheckpointError(ValueError):
    """A follower's file is not what it wrote; says which, and what to do."""


class Checkpoint:
    """The file in which one follower keeps the position of the next record that it has not finished with.

    It is replaced as a whole: a reader sees the old position or the new one. Only its follower writes it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> Position | None:
        """The saved position, or None when nothing was saved yet.

        Raises:
            DamagedCheckpointError: when the file is not a checkpoint.
        """
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return None
        try:
            return Position.parse(json.loads(data)["position"])
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise DamagedCheckpointError(
                f"{self.path}: not a checkpoint ({error}); delete it to read the log from its beginning"
            ) from error

    def save(self, position: Position, *, durable: bool = True) -> None:
        """Replace the saved position.

        Args:
            durable: Also make it survive a power cut. Without, a power cut may bring an older position back,
                and records are read again.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_suffix(".new")
        with fresh.open("w", encoding="utf-8") as file:
            json.dump({"position": str(position)}, file)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        fresh.replace(self.path)

    def delete(self) -> None:
        self.path.unlink(missing_ok=True)
