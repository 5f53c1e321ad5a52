"""Windows of the day, told in a time zone: from 22:00 to 06:00 in Berlin."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from wasm_sdk.rules.errors import RuleTypeError
from wasm_sdk.rules.zones import offsets

if TYPE_CHECKING:
    from collections.abc import Callable

_CLOCK = re.compile(r"([01]?[0-9]|2[0-4]):([0-5][0-9])(?::([0-5][0-9]))?\Z")
_DAY = 86_400


def window(start: str, end: str, timezone: str) -> Callable[[int], bool]:
    """Whether a moment (Unix nanoseconds) lies in the window, `start` included and `end` not; it may span
    midnight.

    Raises:
        RuleTypeError: a time of day that is none, an empty window, an unknown zone.
    """
    first, last = _second_of_day(start), _second_of_day(end)
    if first == last:
        raise RuleTypeError(
            f"from {start} to {end} is an empty window", hint='a whole day is "00:00" to "24:00"'
        )
    zone = offsets(timezone)

    def holds(unix_nano: int) -> bool:
        seconds = unix_nano // 1_000_000_000
        now = (seconds + zone(seconds)) % _DAY
        return first <= now < last if first < last else now >= first or now < last

    return holds


def _second_of_day(text: str) -> int:
    match = _CLOCK.match(text)
    seconds = int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3] or 0) if match else _DAY + 1
    if seconds > _DAY:
        raise RuleTypeError(f"{text!r} is no time of day", hint='write hours and minutes: "06:30"')
    return seconds
