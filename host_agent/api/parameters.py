"""Query parameters as values: every fault names the parameter and says what to write."""

import difflib
import re
import time
from collections.abc import Iterable
from datetime import UTC, datetime

from starlette.datastructures import QueryParams

from host_agent.query.errors import BadQuery
from host_agent.query.records import LogQuery, MetricQuery
from host_agent.query.source import Attribute
from host_agent.query.trace_query import MAX_LIMIT, Cursor, TraceQuery
from host_agent.tenant import DEFAULT_TENANT, Tenant
from wasm_sdk.otlp.model import SeverityNumber

UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
    "d": 86_400_000_000_000,
}
_DURATION = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*(ns|us|µs|ms|s|m|h|d)")
MAX_TIME = (1 << 64) - 1
MAX_TEXT = 4096  # characters of a parameter


class Parameters:
    """The parameters of one request.

    Args:
        known: Names that may stand there; another one is a fault, so that a typing error is not a wider
        answer.

    Raises:
        BadQuery: from the constructor and every method.
    """

    def __init__(self, given: QueryParams, known: Iterable[str]) -> None:
        self._given = given
        known = {*known, "tenant"}
        for name, value in given.multi_items():
            if name not in known:
                near = difflib.get_close_matches(name, known, 1)
                hint = f"did you mean {near[0]!r}?" if near else f"known are {', '.join(sorted(known))}"
                raise BadQuery(f"{name[:60]!r} is no parameter here", name[:60], hint)
            if len(value) > MAX_TEXT:
                raise BadQuery(f"{name} is longer than {MAX_TEXT} characters", name)
            if name != "attribute" and len(given.getlist(name)) > 1:
                raise BadQuery(f"{name} stands there twice", name, "give it once")

    def text(self, name: str) -> str | None:
        value = self._given.get(name)
        if value == "":
            raise BadQuery(f"{name} is empty", name, "give it a value, or leave it out")
        return value

    def tenant(self) -> Tenant:
        name = self.text("tenant")
        try:
            return DEFAULT_TENANT if name is None else Tenant(name)
        except ValueError as error:
            raise BadQuery(str(error), "tenant") from None

    def flag(self, name: str) -> bool | None:
        value = self.text(name)
        if value is None:
            return None
        if value not in ("true", "false", "1", "0"):
            raise BadQuery(f"{name} is {value[:60]!r}", name, "use true or false")
        return value in ("true", "1")

    def whole(self, name: str, least: int, most: int) -> int | None:
        value = self.text(name)
        if value is None:
            return None
        if not re.fullmatch(r"[0-9]{1,9}", value) or not least <= int(value) <= most:
            raise BadQuery(f"{name} is {value[:60]!r}", name, f"use a whole number from {least} to {most}")
        return int(value)

    def duration(self, name: str) -> int | None:
        """Nanoseconds."""
        value = self.text(name)
        if value is None:
            return None
        match = _DURATION.fullmatch(value.strip())
        if match is None:
            raise BadQuery(
                f"{name} is {value[:60]!r}",
                name,
                f"use a number and a unit ({', '.join(UNITS)}), as in 250ms or 1.5s",
            )
        return min(int(float(match[1]) * UNITS[match[2]]), MAX_TIME)

    def time(self, name: str) -> int | None:
        """Unix nanoseconds."""
        value = self.text(name)
        if value is None:
            return None
        if value.isascii() and value.isdigit():
            if int(value) <= MAX_TIME:
                return int(value)
        else:
            try:
                moment = datetime.fromisoformat(value.replace(" ", "+") if "T" in value else value)
                if moment.tzinfo is None:
                    moment = moment.replace(tzinfo=UTC)
                if moment.timestamp() >= 0:
                    return int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * 1000
            except (ValueError, OverflowError):
                pass
        raise BadQuery(
            f"{name} is {value[:60]!r}", name, "use RFC 3339, as in 2026-01-31T12:00:00Z, or Unix nanoseconds"
        )

    def time_range(self) -> tuple[int | None, int | None]:
        """(start, end) in Unix nanoseconds; `since` counts back from now."""
        since, start, end = self.duration("since"), self.time("start"), self.time("end")
        if since is not None:
            if start is not None:
                raise BadQuery("since and start are both given", "since", "give one of them")
            start = max(0, time.time_ns() - since)
        if start is not None and end is not None and start >= end:
            raise BadQuery("the time range ends before it begins", "end", "let end be later than start")
        return start, end

    def attributes(self) -> tuple[Attribute, ...]:
        found: list[Attribute] = []
        for each in self._given.getlist("attribute"):
            key, equals, value = each.partition("=")
            if not key:
                raise BadQuery(
                    f"attribute is {each[:60]!r}",
                    "attribute",
                    "use KEY=VALUE, as in http.response.status_code=500, or KEY",
                )
            found.append(Attribute(key, value if equals else None))
        if len(found) > 16:
            raise BadQuery("more than 16 attributes", "attribute")
        return tuple(found)

    def trace_id(self, name: str = "trace_id") -> bytes | None:
        value = self.text(name)
        return None if value is None else parse_trace_id(value)

    def severity(self) -> int | None:
        value = self.text("severity")
        if value is None:
            return None
        names = {each.name.lower(): int(each) for each in SeverityNumber}
        if value.lower() in names:
            return names[value.lower()]
        if value.isascii() and value.isdigit() and int(value) <= 24:
            return int(value)
        raise BadQuery(
            f"severity is {value[:60]!r}", "severity", "use trace, debug, info, warn, error, fatal or 1 to 24"
        )


RANGE = ("since", "start", "end")


def trace_query(given: Parameters) -> TraceQuery:
    """Raises BadQuery."""
    start, end = given.time_range()
    least, most = given.duration("min_duration"), given.duration("max_duration")
    if least is not None and most is not None and least > most:
        raise BadQuery("max_duration is less than min_duration", "max_duration", "swap them")
    cursor = given.text("cursor")
    return TraceQuery(
        service=given.text("service"),
        operation=given.text("operation"),
        error=given.flag("error"),
        attributes=given.attributes(),
        min_duration=least,
        max_duration=most,
        start=start,
        end=end,
        limit=given.whole("limit", 1, MAX_LIMIT) or 50,
        cursor=None if cursor is None else Cursor.parse(cursor),
    )


TRACE_PARAMETERS = (
    "service",
    "operation",
    "error",
    "attribute",
    "min_duration",
    "max_duration",
    "limit",
    "cursor",
    *RANGE,
)


def log_query(given: Parameters) -> LogQuery:
    """Raises BadQuery."""
    start, end = given.time_range()
    return LogQuery(
        trace_id=given.trace_id(),
        service=given.text("service"),
        severity=given.severity(),
        text=given.text("text"),
        attributes=given.attributes(),
        start=start,
        end=end,
        limit=given.whole("limit", 1, 10 * MAX_LIMIT) or 100,
    )


LOG_PARAMETERS = ("trace_id", "service", "severity", "text", "attribute", "limit", *RANGE)


def metric_query(given: Parameters) -> MetricQuery:
    """Raises BadQuery."""
    start, end = given.time_range()
    return MetricQuery(
        name=given.text("name"),
        service=given.text("service"),
        attributes=given.attributes(),
        start=start,
        end=end,
        limit=given.whole("limit", 1, 10 * MAX_LIMIT) or 100,
    )


METRIC_PARAMETERS = ("name", "service", "attribute", "limit", *RANGE)


def parse_trace_id(text: str) -> bytes:
    """Raises BadQuery."""
    if not re.fullmatch(r"[0-9a-fA-F]{32}", text) or not int(text, 16):
        raise BadQuery(f"{text[:60]!r} is no trace id", "trace_id", "use 32 hexadecimal digits, not all zero")
    return bytes.fromhex(text)
