"""Offsets of named time zones; the one place of the rules that asks its platform.

CPython reads the system's zone data (zoneinfo). Where Python runs as WebAssembly there is none, and
JavaScript's `Intl`, which has its own, is asked instead.
"""

from __future__ import annotations

import re
import sys
import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from wasm_sdk.rules.errors import EvaluationError, RuleTypeError

if TYPE_CHECKING:
    from collections.abc import Callable

_FIXED = re.compile(r"([+-])([01][0-9]|2[0-3]):?([0-5][0-9])\Z")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@lru_cache(maxsize=64)
def offsets(name: str) -> Callable[[int], int]:
    """The offset of a zone: "Europe/Berlin", "UTC", "Local", or fixed as "+05:30".

    Raises:
        RuleTypeError: for a zone that is unknown here.
    """
    if name in ("", "UTC", "Z"):
        return lambda _: 0
    if name == "Local":
        return lambda seconds: time.localtime(seconds).tm_gmtoff
    fixed = _FIXED.match(name)
    if fixed:
        sign, hours, minutes = fixed.groups()
        offset = (int(hours) * 3600 + int(minutes) * 60) * (-1 if sign == "-" else 1)
        return lambda _: offset
    found = _zoneinfo(name) or _intl(name)
    if found is None:
        hint = 'name one like "Europe/Berlin", or an offset like "+01:00"'
        raise RuleTypeError(f"time zone {name!r} is not known here", hint=hint)
    return _remembered(found)


def _remembered(offset: Callable[[int], int]) -> Callable[[int], int]:
    """The same, asked once for each quarter of an hour: clocks change on those."""
    known: dict[int, int] = {}

    def remembered(seconds: int) -> int:
        quarter = seconds // 900
        found = known.get(quarter)
        if found is None:
            if len(known) >= 1024:
                known.clear()
            found = known[quarter] = offset(seconds)
        return found

    return remembered


def at_local(year: int, month: int, day: int, seconds: int, zone: Callable[[int], int]) -> tuple[int, int]:
    """Unix seconds and offset of a wall clock reading; a reading that a change of clocks skips moves forward.

    Raises:
        EvaluationError: no such day.
    """
    try:
        wall = datetime(year, month, day, tzinfo=UTC) + timedelta(seconds=seconds)
    except (ValueError, OverflowError) as error:
        raise EvaluationError(f"{year:04d}-{month:02d}-{day:02d} is no date: {error}") from None
    reading = (wall - _EPOCH) // timedelta(seconds=1)
    offset = zone(reading - zone(reading))
    # Around a change of clocks the first guess may be an hour off; of two readings the earlier moment counts.
    before = zone(reading - 86_400)
    if zone(reading - before) == before:
        offset = before
    return reading - offset, zone(reading - offset)


def _zoneinfo(name: str) -> Callable[[int], int] | None:
    try:
        from zoneinfo import ZoneInfo

        zone = ZoneInfo(name)
    except (ImportError, KeyError, ValueError, OSError):
        return None

    def offset(seconds: int) -> int:
        moment = _EPOCH + timedelta(seconds=seconds)
        return int((moment.astimezone(zone).utcoffset() or timedelta()).total_seconds())

    return offset


def _intl(name: str) -> Callable[[int], int] | None:
    if "pyodide" not in sys.modules:
        return None
    import js  # type: ignore[import-not-found,unused-ignore]
    from pyodide.ffi import JsException, to_js  # type: ignore[import-not-found,unused-ignore]

    parts = ("year", "month", "day", "hour", "minute", "second")
    settings = {"timeZone": name, "hourCycle": "h23", **dict.fromkeys(parts, "numeric")}
    try:
        formatter = js.Intl.DateTimeFormat.new("en-US", to_js(settings, dict_converter=js.Object.fromEntries))
    except JsException:
        return None

    def offset(seconds: int) -> int:
        shown: dict[str, Any] = {
            p.type: p.value for p in formatter.formatToParts(js.Date.new(seconds * 1000))
        }
        year, month, day, hour, minute, second = (int(shown[part]) for part in parts)
        local = datetime(year, month, day, hour, minute, second, tzinfo=UTC)
        return round((local - _EPOCH).total_seconds()) - seconds

    return offset
