"""The rejection threshold T, the randomness R, and the `ot` entry of tracestate that carries both.

A span is kept when R >= T; both are 56-bit integers. Source: OpenTelemetry specification, "TraceState:
Probability Sampling" and "TraceState Handling".
"""

import math
import re

MAX_THRESHOLD = 1 << 56
"""One more than the largest threshold and randomness: rejecting this many of 2**56 rejects everything."""

MIN_PROBABILITY = 2.0**-56

_DIGITS = 14
_THRESHOLD = re.compile(r"[0-9a-f]{1,14}")
_RANDOMNESS = re.compile(r"[0-9a-f]{14}")
_MAX_ENTRY_CHARACTERS = 256


def from_probability(probability: float, precision: int = 4) -> int:
    """The threshold that keeps `probability` of all traces, to `precision` significant hexadecimal digits.

    Leading `f`s do not count as significant, so that small probabilities keep their precision.

    Raises:
        ValueError: `probability` is not within [2**-56, 1].
    """
    if not MIN_PROBABILITY <= probability <= 1:
        raise ValueError(f"a sampling probability lies between 2**-56 and 1, not {probability!r}")
    _, exponent = math.frexp(probability)
    leading_fs = max(0, -exponent // 4)
    digits = min(_DIGITS, precision + leading_fs)
    exact = MAX_THRESHOLD - round(probability * MAX_THRESHOLD)
    unit = 1 << (4 * (_DIGITS - digits))
    return min((exact + unit // 2) // unit * unit, MAX_THRESHOLD - unit)


def to_probability(threshold: int) -> float:
    """The probability that a trace passes `threshold`."""
    return (MAX_THRESHOLD - threshold) / MAX_THRESHOLD


def adjusted_count(threshold: int) -> float:
    """How many spans one span stands for that passed `threshold`."""
    return MAX_THRESHOLD / (MAX_THRESHOLD - threshold)


def format_threshold(threshold: int) -> str:
    """The value of `th`: hexadecimal digits without trailing zeros."""
    return f"{threshold:014x}".rstrip("0") or "0"


def parse_threshold(text: str) -> int | None:
    """The threshold in a `th` value, `None` when it is malformed."""
    return int(text.ljust(_DIGITS, "0"), 16) if _THRESHOLD.fullmatch(text) else None


def parse_randomness(text: str) -> int | None:
    """The randomness in an `rv` value, `None` when it is malformed."""
    return int(text, 16) if _RANDOMNESS.fullmatch(text) else None


def randomness(trace_id: int, entry: str | None) -> int:
    """R of a trace: `rv` when the `ot` entry has one, else the last 56 bits of the trace id."""
    explicit = parse_randomness(subkeys(entry).get("rv", "")) if entry else None
    return trace_id & (MAX_THRESHOLD - 1) if explicit is None else explicit


def threshold(entry: str | None) -> int | None:
    """T in an `ot` entry, `None` when there is none or it is malformed."""
    return parse_threshold(subkeys(entry).get("th", "")) if entry else None


def subkeys(entry: str) -> dict[str, str]:
    """The sub-keys of an `ot` entry (`th:8;rv:0123456789abcd`), in order; what is not `key:value` is left
    out.
    """
    pairs = (item.partition(":") for item in entry.split(";"))
    return {key: value for key, colon, value in pairs if colon and key}


def with_threshold(entry: str | None, threshold: int | None) -> str | None:
    """The `ot` entry with `th` set or, for `None`, erased; other sub-keys stay.

    `None` is returned when nothing is left, or when the entry would become longer than the 256 characters
    allowed.
    """
    keys = subkeys(entry) if entry else {}
    keys.pop("th", None)
    if threshold is not None:
        keys = {"th": format_threshold(threshold)} | keys
    text = ";".join(f"{key}:{value}" for key, value in keys.items())
    return text if 0 < len(text) <= _MAX_ENTRY_CHARACTERS else None
