from datetime import UTC

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tui.spans import NOW
from tui.format import format_count, format_date, format_duration, format_time, format_value, parse_duration
from tui.ids import parse_trace_id, traceparent
from tui.moment import parse_moment
from wasm_sdk.otlp import EncodedValue, KeyValues

S = 1_000_000_000


@pytest.mark.parametrize(
    ("ns", "text"),
    [
        (0, "0"),
        (850, "850ns"),
        (1_240, "1.24µs"),
        (12_345_678, "12.3ms"),
        (182_000_000, "182ms"),
        (999_999_999, "1000ms"),
        (3_200_000_000, "3.2s"),
        (125 * S, "2m 05s"),
        (3720 * S, "1h 02m"),
        (75 * 3600 * S, "3d 3h"),
        (2**64, "213503d"),
        (-1_500, "-1.5µs"),
    ],
)
def test_durations_are_short(ns: int, text: str) -> None:
    assert format_duration(ns) == text


@given(st.integers(0, 2**64))
def test_no_duration_takes_more_than_seven_characters(ns: int) -> None:
    assert len(format_duration(ns)) <= 7


@pytest.mark.parametrize(
    ("text", "ns"),
    [
        ("100ms", 100_000_000),
        ("1.5s", 1_500_000_000),
        ("250us", 250_000),
        ("1m30s", 90 * S),
        ("2h", 7200 * S),
    ],
)
def test_durations_are_read(text: str, ns: int) -> None:
    assert parse_duration(text) == ns


@pytest.mark.parametrize(
    ("text", "reason"), [("100", "needs a unit"), ("soon", "not a duration"), ("1s?", "not a duration")]
)
def test_what_is_no_duration_is_explained(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_duration(text)


def test_times_that_are_not_set_or_absurd_do_not_fail() -> None:
    assert format_time(NOW, UTC) == "15:06:40.000"
    assert format_time(0, UTC) == format_time(2**80, UTC) == "--:--:--.---"
    assert format_date(NOW + 1500, UTC) == "2025-06-15 15:06:40.000001 +0000"
    assert format_date(2**80, UTC) == "not set"


def test_counts_take_at_most_five_characters() -> None:
    assert [format_count(count) for count in (7, 999, 12_345, 999_999, 4_500_000, 7 * 10**9)] == [
        "7", "999", "12.3k", "1M", "4.5M", "7G",
    ]  # fmt: skip


def test_values_of_every_kind_are_shown() -> None:
    nested = KeyValues.of({"a": [1, True, None, "x"], "b": {"c": b"\x01\xff"}})
    assert format_value(nested) == '{a: [1, true, null, "x"], b: {c: 0x01ff}}'
    assert format_value("plain") == "plain"
    assert format_value(1.5) == "1.5"
    assert format_value(EncodedValue("inner", b"")) == "inner"
    assert format_value([EncodedValue(1, None)]) == "[1]"


def test_trace_ids_are_read_from_what_people_paste() -> None:
    trace_id = "4bf92f3577b34da6a3ce929d0e0e4736"
    for text in (
        trace_id,
        trace_id.upper(),
        f"00-{trace_id}-00f067aa0ba902b7-01",
        f" trace_id={trace_id}, ok",
    ):
        assert parse_trace_id(text).hex() == trace_id
    for text in ("", "4bf9", "0" * 32, f"{trace_id} {trace_id[::-1]}"):
        with pytest.raises(ValueError, match="trace id"):
            parse_trace_id(text)


def test_a_traceparent_carries_the_trace_flags_only() -> None:
    assert traceparent(b"\1" * 16, b"\2" * 8, 0x301) == f"00-{'01' * 16}-{'02' * 8}-01"


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("15:06", -40),
        ("15:06:39.5", -0.5),
        ("15:07", 20 - 86400),
        ("5m", -300),
        ("-5m", -300),
        ("1h ago", -3600),
    ],
)
def test_moments_are_read(text: str, seconds: float) -> None:
    assert parse_moment(text, NOW, UTC) == NOW + round(seconds * S)


@pytest.mark.parametrize("text", ["", "25:00", "noon", "12:61"])
def test_what_is_no_moment_is_explained(text: str) -> None:
    with pytest.raises(ValueError, match="time"):
        parse_moment(text, NOW, UTC)
