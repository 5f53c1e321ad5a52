"""Durations, times, counts and attribute values as people read them."""

import re
from datetime import UTC, datetime, tzinfo

from wasm_sdk.otlp import EncodedValue, KeyValues

NS_PER_US = 1_000
NS_PER_MS = 1_000_000
NS_PER_S = 1_000_000_000
_UNITS = {
    "ns": 1,
    "us": NS_PER_US,
    "µs": NS_PER_US,
    "μs": NS_PER_US,
    "ms": NS_PER_MS,
    "s": NS_PER_S,
    "m": 60 * NS_PER_S,
    "h": 3600 * NS_PER_S,
}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ns|us|µs|μs|ms|s|m|h)")
_LAST_YEAR_NS = 253_402_300_799 * NS_PER_S


def format_duration(ns: int) -> str:
    """A duration in nanoseconds in at most seven characters: `850ns`, `1.24ms`, `3.2s`, `2m 05s`, `1h
    02m`, `12d 3h`.
    """
    if ns < 0:
        return "-" + format_duration(-ns)
    if ns < NS_PER_US:
        return f"{ns}ns" if ns else "0"
    for limit, unit, name in (
        (NS_PER_MS, NS_PER_US, "µs"),
        (NS_PER_S, NS_PER_MS, "ms"),
        (60 * NS_PER_S, NS_PER_S, "s"),
    ):
        if ns < limit:
            return f"{_three_digits(ns / unit)}{name}"
    minutes, seconds = divmod(ns // NS_PER_S, 60)
    if minutes < 60:
        return f"{minutes}m {seconds:02}s"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}h {minutes:02}m"
    days, hours = divmod(hours, 24)
    return f"{days}d {hours}h" if days < 100 else f"{days}d"


def _three_digits(value: float) -> str:
    if value >= 99.95:
        return f"{value:.0f}"
    text = f"{value:.1f}" if value >= 9.995 else f"{value:.2f}"
    return text.rstrip("0").rstrip(".")


def parse_duration(text: str) -> int:
    """Nanoseconds of `1.5s`, `100ms`, `1m30s`, ...

    Raises:
        ValueError: saying what a duration looks like.
    """
    pieces = _DURATION.findall(text)
    if not pieces or "".join(number + unit for number, unit in pieces) != text:
        if re.fullmatch(r"\d+(\.\d+)?", text):
            raise ValueError(f"a duration needs a unit: {text}ms or {text}s")
        raise ValueError(f"“{text}” is not a duration: write 250us, 100ms, 1.5s or 2m")
    return round(sum(float(number) * _UNITS[unit] for number, unit in pieces))


def format_time(unix_ns: int, tz: tzinfo | None, *, precise: bool = False) -> str:
    """The time of day `14:05:09.123` (or with microseconds) in `tz`, None being local time;
    `--:--:--.---` when it is not set.
    """
    moment = _moment(unix_ns, tz)
    if moment is None:
        return "--:--:--.---"
    text = moment.strftime("%H:%M:%S.%f")
    return text if precise else text[:-3]


def format_date(unix_ns: int, tz: tzinfo | None, *, precise: bool = True) -> str:
    """Date and time to the microsecond with the offset from UTC, or to the millisecond without."""
    moment = _moment(unix_ns, tz)
    if moment is None:
        return "not set"
    return (
        moment.strftime("%Y-%m-%d %H:%M:%S.%f %z")
        if precise
        else moment.strftime("%Y-%m-%d %H:%M:%S.%f")[:-3]
    )


def _moment(unix_ns: int, tz: tzinfo | None) -> datetime | None:
    if not 0 < unix_ns < _LAST_YEAR_NS:
        return None
    moment = datetime.fromtimestamp(unix_ns // NS_PER_S, UTC).replace(
        microsecond=unix_ns % NS_PER_S // NS_PER_US
    )
    return moment.astimezone(tz)


def format_count(count: int) -> str:
    """A count in at most five characters: `999`, `12.3k`, `4.5M`."""
    if count < 1000:
        return str(count)
    for limit, unit, name in ((10**6, 10**3, "k"), (10**9, 10**6, "M")):
        if count < limit * 0.9995:
            return f"{_three_digits(count / unit)}{name}"
    return f"{_three_digits(count / 10**9)}G"


def counted(count: int, noun: str) -> str:
    """`1 span`, `12.3k spans`."""
    return f"{format_count(count)} {noun}" + ("" if count == 1 else "s")


def format_value(value: object) -> str:
    """An AnyValue as text: strings as they are, bytes in hexadecimal, lists and maps in JSON's manner."""
    if isinstance(value, EncodedValue):
        value = value.value
    if isinstance(value, str):
        return value
    return _nested(value)


def _nested(value: object) -> str:
    if isinstance(value, EncodedValue):
        value = value.value
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, bytes):
        return f"0x{value.hex()}"
    if isinstance(value, KeyValues):
        return "{" + ", ".join(f"{item.key}: {_nested(item.value)}" for item in value) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_nested(item) for item in value) + "]"
    return f'"{value}"' if isinstance(value, str) else str(value)
