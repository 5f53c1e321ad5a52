"""Functions of times and durations."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from time import time_ns
from typing import TYPE_CHECKING

from wasm_sdk.rules import coerce
from wasm_sdk.rules.errors import EvaluationError, RuleTypeError
from wasm_sdk.rules.function import Function, Parameter, plain
from wasm_sdk.rules.kinds import Kind
from wasm_sdk.rules.times import parse_duration, time_parser
from wasm_sdk.rules.values import Duration, Time
from wasm_sdk.rules.zones import offsets

if TYPE_CHECKING:
    from collections.abc import Callable

    from wasm_sdk.rules.function import Judge, Literals

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _clock(time: Time) -> tuple[int, int]:
    """Days since the epoch and seconds of the day, as its clock shows them."""
    return divmod(time.unix_nano // 1_000_000_000 + time.offset, 86_400)


def _date(time: Time) -> datetime:
    return _EPOCH + timedelta(days=_clock(time)[0])


def _now() -> Time:
    nanos = time_ns()
    return Time(nanos, offsets("Local")(nanos // 1_000_000_000))


def _prepare_time(literals: Literals) -> Judge:
    if not literals["format"]:
        raise RuleTypeError("the format of a time cannot be empty", hint="for instance %Y-%m-%d")
    if not literals.get("locale", "en").lower().startswith("en"):
        raise RuleTypeError("only English names of months and days are read here")
    return time_parser(literals["format"], literals.get("location", ""))


def _prepare_duration(literals: Literals) -> Judge:
    if "duration" in literals:
        try:
            parse_duration(literals["duration"])
        except EvaluationError as error:
            raise RuleTypeError(str(error)) from None
    return parse_duration


def _in_units(unit: int) -> Callable[[Duration], float]:
    """A duration as a double in larger units."""

    def convert(duration: Duration) -> float:
        sign = -1 if duration.nanoseconds < 0 else 1
        whole, rest = divmod(abs(duration.nanoseconds), unit)
        return sign * (float(whole) + rest / unit)

    return convert


def _of_time(name: str, read: Callable[[Time], int]) -> Function:
    return Function(name, (Parameter("time", coerce.TIME),), Kind.INT, plain(read))


def _of_duration(name: str, result: Kind, read: Callable[[Duration], float]) -> Function:
    return Function(name, (Parameter("duration", coerce.DURATION),), result, plain(read))


def _towards_zero(number: int, unit: int) -> int:
    return number // unit if number >= 0 else -(-number // unit)


TIME_FUNCTIONS: tuple[Function, ...] = (
    _of_time("Year", lambda time: _date(time).year),
    _of_time("Month", lambda time: _date(time).month),
    _of_time("Day", lambda time: _date(time).day),
    # Sunday is 0, and 1 January 1970 was a Thursday.
    _of_time("Weekday", lambda time: (_clock(time)[0] + 4) % 7),
    _of_time("Hour", lambda time: _clock(time)[1] // 3600),
    _of_time("Minute", lambda time: _clock(time)[1] // 60 % 60),
    _of_time("Second", lambda time: _clock(time)[1] % 60),
    _of_time("UnixSeconds", lambda time: time.unix_nano // 1_000_000_000),
    _of_time("UnixMilli", lambda time: time.unix_nano // 1_000_000),
    _of_time("UnixMicro", lambda time: time.unix_nano // 1000),
    _of_time("UnixNano", lambda time: time.unix_nano),
    _of_duration("Hours", Kind.DOUBLE, _in_units(3_600_000_000_000)),
    _of_duration("Minutes", Kind.DOUBLE, _in_units(60_000_000_000)),
    _of_duration("Seconds", Kind.DOUBLE, _in_units(1_000_000_000)),
    _of_duration("Milliseconds", Kind.INT, lambda d: _towards_zero(d.nanoseconds, 1_000_000)),
    _of_duration("Microseconds", Kind.INT, lambda d: _towards_zero(d.nanoseconds, 1000)),
    _of_duration("Nanoseconds", Kind.INT, lambda d: d.nanoseconds),
    Function("Now", (), Kind.TIME, plain(_now)),
    Function("Duration", (Parameter("duration", coerce.STRING),), Kind.DURATION, _prepare_duration),
    Function(
        "Time",
        (
            Parameter("time", coerce.STRING),
            Parameter("format", coerce.TEXT),
            Parameter("location", coerce.TEXT, optional=True),
            Parameter("locale", coerce.TEXT, optional=True),
        ),
        Kind.TIME,
        _prepare_time,
    ),
)
