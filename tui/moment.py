"""Points in time as people type them."""

import re
from datetime import datetime, time, timedelta, tzinfo

from tui.format import NS_PER_S, parse_duration

_CLOCK = re.compile(r"(\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,6}))?)?")


def parse_moment(text: str, now_ns: int, tz: tzinfo | None) -> int:
    """Nanoseconds since the epoch of a time of day (`14:05`, `14:05:09.5`; the last time it was that late) or
    of a time ago (`5m`).

    Args:
        tz: the zone of times of day, None being local time.

    Raises:
        ValueError: what can be written.
    """
    text = text.strip()
    match = _CLOCK.fullmatch(text)
    if match is None:
        try:
            return now_ns - parse_duration(text.removeprefix("-").removesuffix("ago").strip())
        except ValueError:
            raise ValueError("write a time of day (14:05 or 14:05:09) or a time ago (30s, 5m, 1h)") from None
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    micro = int((match[4] or "0").ljust(6, "0"))
    now = datetime.fromtimestamp(now_ns / NS_PER_S, tz).astimezone(tz)
    try:
        wanted = datetime.combine(now.date(), time(hour, minute, second, micro), now.tzinfo)
    except ValueError as error:
        raise ValueError(f"“{text}” is no time of day: {error}") from None
    if wanted > now:
        wanted -= timedelta(days=1)
    return round(wanted.timestamp() * 1_000_000) * 1000
