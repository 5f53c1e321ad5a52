"""When to send a request again, and when not before.

Source: OTLP specification 1.x, "OTLP/HTTP Response" and "OTLP/HTTP Throttling"; RFC 9110, 10.2.3
(Retry-After) and 5.6.7 (dates).
"""

import random
import re
from dataclasses import dataclass

RETRYABLE_STATUS = frozenset({429, 502, 503, 504})

_MONTHS = {
    name: index
    for index, name in enumerate(
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], start=1
    )
}
_CLOCK = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)"
_DATES = [
    re.compile(rf"\w{{3}}, (?P<day>\d\d) (?P<month>\w{{3}}) (?P<year>\d{{4}}) {_CLOCK} GMT"),
    re.compile(rf"\w{{6,9}}, (?P<day>\d\d)-(?P<month>\w{{3}})-(?P<year>\d\d) {_CLOCK} GMT"),
    re.compile(rf"\w{{3}} (?P<month>\w{{3}}) (?P<day>[ \d]\d) {_CLOCK} (?P<year>\d{{4}})"),
]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential back-off: attempt n waits `initial * multiplier**n` seconds, `maximum` at most, times 1 ±
    `jitter`.
    """

    initial: float = 1.0
    multiplier: float = 2.0
    maximum: float = 30.0
    jitter: float = 0.2

    def delay(self, attempt: int) -> float:
        """Seconds to wait after the failed attempt number `attempt` (the first is 0)."""
        backoff: float = min(self.maximum, self.initial * self.multiplier ** min(attempt, 64))
        return backoff * random.uniform(1 - self.jitter, 1 + self.jitter)


def retry_after(value: str, now: float) -> float | None:
    """Seconds that a Retry-After header asks for, as seconds or as a date; `None` if it is neither.

    Args:
        value: The header's value.
        now: Unix time in seconds, against which a date is read; a date gone by gives 0.
    """
    value = value.strip()
    if value.isascii() and value.isdigit():
        return float(value)
    for pattern in _DATES:
        if (match := pattern.fullmatch(value)) and match["month"] in _MONTHS:
            year = int(match["year"])
            if year < 100:
                # RFC 9110: a two-digit year more than 50 years ahead is in the past.
                year += 2000 if year + 2000 <= 1970 + now / 31_556_952 + 50 else 1900
            days = _days(year, _MONTHS[match["month"]], int(match["day"]))
            seconds = int(match["hour"]) * 3600 + int(match["minute"]) * 60 + int(match["second"])
            return max(0.0, days * 86400 + seconds - now)
    return None


def _days(year: int, month: int, day: int) -> int:
    """Days from 1970-01-01 to a date of the Gregorian calendar; `calendar` would weigh more than all of this
    module.
    """
    if month < 3:  # a year starts in March here, so that the leap day is its last
        year, month = year - 1, month + 12
    leaps = year // 4 - year // 100 + year // 400
    return 365 * year + leaps + (153 * month - 457) // 5 + day - 306 - 719163
