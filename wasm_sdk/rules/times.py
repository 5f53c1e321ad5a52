"""Durations and times as text: Go's time.ParseDuration, and the strptime directives of OTTL's Time."""

from __future__ import annotations

import re
import time
from functools import lru_cache
from typing import TYPE_CHECKING

from wasm_sdk.rules.errors import EvaluationError, RuleTypeError
from wasm_sdk.rules.tree import INT_MAX, INT_MIN
from wasm_sdk.rules.values import Duration, Time
from wasm_sdk.rules.zones import at_local, offsets

if TYPE_CHECKING:
    from collections.abc import Callable

_UNITS = {
    "ns": 1, "us": 1_000, "µs": 1_000, "μs": 1_000, "ms": 1_000_000,
    "s": 1_000_000_000, "m": 60_000_000_000, "h": 3_600_000_000_000,
}  # fmt: skip
_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?(ns|us|µs|μs|ms|s|m|h)")


def parse_duration(text: str) -> Duration:
    """ "1h15m30.5s", "-1.5h", "300ms"; units ns, us, ms, s, m, h.

    Raises:
        EvaluationError: anything else, or more than 64 bits of nanoseconds.
    """
    sign = -1 if text[:1] == "-" else 1
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return Duration(0)
    total, at = 0, 0
    while at < len(rest):
        match = _PART.match(rest, at)
        if match is None or not (match[1] or match[2]) or len(match[1]) > 19:
            break
        unit = _UNITS[match[3]]
        total += int(match[1] or 0) * unit
        if match[2]:
            fraction = match[2][:18]
            total += int(fraction) * unit // 10 ** len(fraction)
        at = match.end()
    if not rest or at < len(rest) or not INT_MIN <= sign * total <= INT_MAX:
        raise EvaluationError(f'{text[:80]!r} is not a duration such as "1m30s" or "250ms"')
    return Duration(sign * total)


_MONTHS = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
]
_DAYS = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
_TWO = r"([0-9]{1,2})"
# Directive to (pattern, what its group is). Those of one digit may be padded with a space.
_DIRECTIVES: dict[str, tuple[str, str]] = {
    "Y": ("([0-9]{4})", "year"),
    "y": ("([0-9]{2})", "short year"),
    **dict.fromkeys("moq", (" ?" + _TWO, "month")),
    **dict.fromkeys("bh", ("(" + "|".join(m[:3] for m in _MONTHS) + ")", "month name")),
    "B": ("(" + "|".join(_MONTHS) + ")", "month name"),
    **dict.fromkeys("deg", (" ?" + _TWO, "day")),
    "a": ("(" + "|".join(d[:3] for d in _DAYS) + ")", ""),
    "A": ("(" + "|".join(_DAYS) + ")", ""),
    "H": (_TWO, "hour"),
    **dict.fromkeys("Il", (" ?" + _TWO, "hour12")),
    **dict.fromkeys("pP", ("([ap]m)", "half")),
    "M": (_TWO, "minute"),
    "S": (_TWO + "(?:[.,]([0-9]+))?", "second"),
    "Z": ("([A-Za-z]{1,5}|[A-Z][A-Za-z]+/[A-Za-z_/]+)", "zone"),
    **dict.fromkeys("zwijk", (r"(Z|[+-][0-9]{2}(?::?[0-9]{2}){0,2})", "offset")),
    "n": ("\n", ""),
    "t": ("\t", ""),
    "%": ("%", ""),
}
_SHORT = {
    "D": "%m/%d/%Y", "x": "%m/%d/%Y", "F": "%Y-%m-%d", "T": "%H:%M:%S", "X": "%H:%M:%S",
    "r": "%I:%M:%S %p", "R": "%H:%M", "c": "%a %b %e %H:%M:%S %Y",
}  # fmt: skip


@lru_cache(maxsize=64)
def time_parser(layout: str, location: str) -> Callable[[str], Time]:
    """A function from text to a time, for a layout of strptime directives.

    Without a zone in the text, `location` counts; "" is UTC when the layout ends in a literal Z, else the
    local zone.

    Raises:
        RuleTypeError: an unknown directive or zone.
    """
    names: list[str] = []
    pattern = re.compile(_pattern(layout, names), re.IGNORECASE)
    literal_z = layout.endswith("Z") and not layout.endswith("%Z")
    zone = offsets(location or ("UTC" if literal_z else "Local"))

    def parse(text: str) -> Time:
        match = pattern.fullmatch(text)
        if match is None:
            raise EvaluationError(f"{text[:80]!r} does not read as {layout!r}")
        return _assemble(dict(zip(names, match.groups(), strict=True)), zone)

    return parse


def _pattern(layout: str, names: list[str]) -> str:
    out = ""
    at = 0
    while at < len(layout):
        char = layout[at]
        directive = layout[at + 1 : at + 2]
        if char != "%":
            # The fraction of a second is read with the second, as Go does.
            if char in ".," and layout[at + 1 : at + 3] in ("%L", "%f", "%s"):
                at += 3
                continue
            out += re.escape(char)
            at += 1
            continue
        at += 2
        if directive in _SHORT:
            out += _pattern(_SHORT[directive], names)
        elif directive in _DIRECTIVES:
            pattern, name = _DIRECTIVES[directive]
            out += pattern
            if "(" in pattern:
                names.append(name)
            if name == "second":
                names.append("fraction")
        else:
            raise RuleTypeError(
                f"%{directive} is not a directive of times", hint="for instance %Y-%m-%dT%H:%M:%S%z"
            )
    return out


def _assemble(found: dict[str, str | None], zone: Callable[[int], int]) -> Time:
    month, day = int(found.get("month") or 1), int(found.get("day") or 1)
    name = found.get("month name")
    if name:
        month = next(i for i, m in enumerate(_MONTHS, 1) if m.startswith(name.lower()[:3]))
    year = int(found.get("year") or 0)
    short = found.get("short year")
    if short:
        year = int(short) + (1900 if int(short) >= 69 else 2000)
    hour = int(found.get("hour") or 0)
    twelve, half = found.get("hour12"), (found.get("half") or "").lower()
    if twelve:
        hour = int(twelve)
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0) if hour <= 12 else hour
    minute, second = int(found.get("minute") or 0), int(found.get("second") or 0)
    if hour > 23 or minute > 59 or second > 59:
        raise EvaluationError(f"{hour:02d}:{minute:02d}:{second:02d} is no time of day")
    offset = found.get("offset")
    if offset:
        zone = offsets("UTC" if offset in "zZ" else (offset + ":00")[:6] if len(offset) == 3 else offset[:6])
    elif found.get("zone"):
        zone = _named_zone(found["zone"] or "")
    clock = hour * 3600 + minute * 60 + second
    if year == 0:
        year = _likely_year(month, day, clock, zone)
    seconds, east = at_local(year, month, day, clock, zone)
    fraction = ((found.get("fraction") or "") + "0" * 9)[:9]
    return Time(seconds * 1_000_000_000 + int(fraction), east)


def _named_zone(name: str) -> Callable[[int], int]:
    try:
        return offsets("UTC" if name.upper() in ("GMT", "UT", "Z") else name)
    except RuleTypeError as error:
        raise EvaluationError(error.reason) from None


def _likely_year(month: int, day: int, clock: int, zone: Callable[[int], int]) -> int:
    """This year, or the last when that date is more than a week ahead."""
    now = time.time()
    year = time.gmtime(now).tm_year
    return year - 1 if at_local(year, month, day, clock, zone)[0] > now + 7 * 86_400 else year
