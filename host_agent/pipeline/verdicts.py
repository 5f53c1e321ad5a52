"""The verdicts on the items of one record, as they are kept beside the intake log.

A file for each segment of the log, `<number>.verdicts`, holds them one after the other: length (4), CRC (4),
then as JSON the different verdicts, a newline, and two bytes an item that say which one it got. It goes when
the segment goes.
"""

import json
import struct
from array import array
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from host_agent.intake.encoding import crc32

_HEAD = struct.Struct("<II")
MAX_KINDS = 1 << 16


@dataclass(frozen=True, slots=True)
class Verdicts:
    """What was decided about the items of a record.

    Attributes:
        table: the different verdicts: destinations as a bit set, and the sampling threshold (negative: see
            `wasm_sdk.pipeline.splice`).
        items: which of them each item got, in the order of the request; one number alone holds for all.
    """

    table: tuple[tuple[int, int], ...]
    items: tuple[int, ...] | list[int]

    @property
    def routes(self) -> int:
        """Every destination that gets something."""
        union = 0
        for mask, _ in self.table:
            union |= mask
        return union

    @classmethod
    def of(cls, table: Collection[tuple[int, int]], items: list[int]) -> "Verdicts":
        """Shortened to one number where all items got the same. Raises ValueError: too many kinds."""
        if len(table) > MAX_KINDS:
            raise ValueError(f"{len(table)} different verdicts in one record")
        return cls(tuple(table), items if len(table) > 1 else [0])


class VerdictFiles:
    """The files of one log; written by one pipeline, read by its destinations."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir(parents=True, exist_ok=True)

    def append(self, segment: int, verdicts: Verdicts) -> int:
        """Keep them; returns where. Raises OSError."""
        content = json.dumps(verdicts.table).encode() + b"\n" + array("H", verdicts.items).tobytes()
        with self._path(segment).open("ab") as file:
            place = file.tell()
            file.write(_HEAD.pack(len(content), crc32(content)) + content)
        return place

    def read(self, segment: int, place: int) -> Verdicts | None:
        """What `append` kept; None when it is not whole (lost in a power cut, or never written)."""
        try:
            with self._path(segment).open("rb") as file:
                file.seek(place)
                size, crc = _HEAD.unpack(file.read(_HEAD.size))
                content = file.read(size)
        except (OSError, struct.error):
            return None
        if len(content) != size or crc32(content) != crc:
            return None
        table, _, numbers = content.partition(b"\n")
        return Verdicts(tuple((mask, t) for mask, t in json.loads(table)), list(array("H", numbers)))

    def trim(self, segments: Collection[int]) -> None:
        """Delete the files of segments that are gone."""
        for path in self.directory.glob("*.verdicts"):
            if int(path.stem) not in segments:
                path.unlink(missing_ok=True)

    def _path(self, segment: int) -> Path:
        return self.directory / f"{segment:016d}.verdicts"
