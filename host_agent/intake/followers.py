"""Who reads the log and how far each has come: what decides when a segment may be deleted."""

import logging
import re
from pathlib import Path

from host_agent.intake.position import ORIGIN, Checkpoint, DamagedCheckpointError, Position

logger = logging.getLogger(__name__)

_NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,99}")


class Followers:
    """The checkpoints of a log's followers, one file each, which the followers write themselves."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def register(self, name: str) -> Checkpoint:
        """The follower's checkpoint; without one yet, it is put before the first record.

        Raises:
            ValueError: the name is no file name.
            DamagedCheckpointError: the file is no checkpoint.
        """
        checkpoint = self._checkpoint(name)
        if checkpoint.load() is None:
            checkpoint.save(ORIGIN)
        return checkpoint

    def forget(self, name: str) -> None:
        self._checkpoint(name).delete()

    def passed(self) -> Position | None:
        """The position that all have passed; None when nobody is registered."""
        return min(self._positions(), default=None)

    def furthest(self) -> int:
        """The latest segment that any of them has seen; 0 when there is none."""
        return max((position.segment for position in self._positions()), default=0)

    def _positions(self) -> list[Position]:
        if not self._directory.is_dir():
            return []
        return [_load(path) for path in self._directory.glob("*.json")]

    def _checkpoint(self, name: str) -> Checkpoint:
        if not _NAME.fullmatch(name):
            raise ValueError(f"follower {name!r}: use letters a-z, digits, '_', '-' and '.'")
        return Checkpoint(self._directory / f"{name}.json")


def _load(path: Path) -> Position:
    """What a file says; a damaged one holds everything, until its follower or a person has seen to it."""
    try:
        return Checkpoint(path).load() or ORIGIN
    except DamagedCheckpointError as error:
        logger.error("%s", error)
        return ORIGIN
