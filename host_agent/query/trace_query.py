"""What one may ask about traces."""

import base64
import binascii
import struct
from dataclasses import dataclass

from host_agent.query.errors import BadQuery
from host_agent.query.source import Attribute, Condition

MAX_LIMIT = 1000


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page ended: the last trace's activity (Unix nanoseconds) and id."""

    activity: int
    trace_id: bytes

    def __str__(self) -> str:
        return base64.urlsafe_b64encode(struct.pack(">Q", self.activity) + self.trace_id).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """Raises BadQuery."""
        try:
            data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            return cls(struct.unpack(">Q", data[:8])[0], data[8:])
        except (ValueError, struct.error, binascii.Error):
            raise BadQuery(
                "the cursor is none", "cursor", "use next_cursor of the page before, unchanged"
            ) from None


@dataclass(frozen=True, slots=True)
class TraceQuery:
    """Which traces.

    `service`, `operation` (the span's name), `error` and `attributes` describe one span: a trace matches when
    one of its spans fulfils them all. The durations are the trace's, from its first start to its last end, in
    nanoseconds.
    A trace is in the time range when a matching span is: it ends at or after `start` and starts before `end`
    (Unix nanoseconds).
    """

    service: str | None = None
    operation: str | None = None
    error: bool | None = None
    attributes: tuple[Attribute, ...] = ()
    min_duration: int | None = None
    max_duration: int | None = None
    start: int | None = None
    end: int | None = None
    limit: int = 50
    cursor: Cursor | None = None

    @property
    def by_duration(self) -> bool:
        return self.min_duration is not None or self.max_duration is not None

    def conditions(self) -> list[Condition]:
        """What the one span must be, besides its attributes."""
        found: list[Condition] = []
        if self.service is not None:
            found.append(Condition("service = ?", (self.service,)))
        if self.operation is not None:
            found.append(Condition("name = ?", (self.operation,)))
        if self.error is not None:
            found.append(Condition("status = 2" if self.error else "status <> 2"))
        if self.start is not None:
            found.append(Condition("end_unix_nano >= ?", (self.start,)))
        if self.end is not None:
            found.append(Condition("start_unix_nano < ?", (self.end,)))
        return found
