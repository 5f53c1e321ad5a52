"""Values: times and zones, numbers as text, comparison and calculation at their edges."""

import math
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasm_sdk.rules import Condition, EvaluationError, Item, RuleTypeError
from wasm_sdk.rules.coerce import BYTES_LIKE, DOUBLE_LIKE, INT_LIKE
from wasm_sdk.rules.evaluate import calculate, wrap
from wasm_sdk.rules.gotext import double_text, parse_double, parse_int, rfc3339, to_json
from wasm_sdk.rules.probability import ALWAYS, randomness, rejection_threshold
from wasm_sdk.rules.times import parse_duration, time_parser
from wasm_sdk.rules.values import Duration, Time, compare
from wasm_sdk.rules.windows import window
from wasm_sdk.rules.zones import at_local, offsets

ANYTHING = Item(None, None)  # type: ignore[arg-type]


def seconds(*when: int, zone: str = "UTC") -> int:
    return int(datetime(*when, tzinfo=ZoneInfo(zone)).timestamp())


@pytest.mark.parametrize(
    ("text", "layout", "location", "wanted"),
    [
        ("2025-10-09T10:53:20Z", "%Y-%m-%dT%H:%M:%SZ", "", "2025-10-09T10:53:20Z"),
        ("2025-10-09T10:53:20.5+0200", "%FT%T.%L%z", "", "2025-10-09T10:53:20.5+02:00"),
        ("2025-10-09 10:53:20-02:30", "%F %T%z", "", "2025-10-09T10:53:20-02:30"),
        ("Thu Oct  9 10:53:20 2025", "%c", "UTC", "2025-10-09T10:53:20Z"),
        ("09/Oct/2025:10:53:20 +02", "%d/%b/%Y:%T %z", "", "2025-10-09T10:53:20+02:00"),
        ("10/09/2025 10:53:20 PM", "%D %r", "UTC", "2025-10-09T22:53:20Z"),
        ("12:00 AM 09 10 70", "%I:%M %p %d %m %y", "UTC", "1970-10-09T00:00:00Z"),
        ("12:00 PM 09 10 68", "%l:%M %P %d %m %y", "UTC", "2068-10-09T12:00:00Z"),
        ("2025-07-01 12:00", "%F %R", "Europe/Berlin", "2025-07-01T12:00:00+02:00"),
        ("2025-01-01 12:00", "%F %R", "Europe/Berlin", "2025-01-01T12:00:00+01:00"),
        ("2025-03-30 02:30", "%F %R", "Europe/Berlin", "2025-03-30T03:30:00+02:00"),
        ("2025-10-26 02:30", "%F %R", "Europe/Berlin", "2025-10-26T02:30:00+02:00"),
        ("2025-10-09 GMT 100%", "%F %Z 100%%", "", "2025-10-09T00:00:00Z"),
        ("2025-10-09 Europe/Berlin", "%F %Z", "", "2025-10-09T00:00:00+02:00"),
        ("Thursday\t9 October 2025", "%A%t%e %B %Y", "UTC", "2025-10-09T00:00:00Z"),
    ],
)
def test_times_are_read(text, layout, location, wanted) -> None:
    assert rfc3339(time_parser(layout, location)(text)) == wanted


@pytest.mark.parametrize(
    ("text", "layout"),
    [
        ("2025-02-30", "%F"),
        ("25:00", "%H:%M"),
        ("10:61", "%H:%M"),
        ("x", "%Y"),
        ("2025 XYZ", "%Y %Z"),
        ("", "%F"),
    ],
)
def test_times_that_are_none_cannot_be_judged(text, layout) -> None:
    with pytest.raises(EvaluationError):
        time_parser(layout, "UTC")(text)


def test_a_time_without_a_year_is_of_this_year_or_the_last() -> None:
    now = datetime.now(UTC)
    found = datetime.fromtimestamp(time_parser("%b %d", "UTC")(f"{now:%b %d}").unix_nano / 1e9, UTC)
    assert (found.year, found.month, found.day) == (now.year, now.month, now.day)
    later = time_parser("%m %d", "UTC")("12 31").unix_nano / 1e9
    assert later <= now.timestamp() + 8 * 86_400


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("0", 0),
        ("+5s", 5_000_000_000),
        ("1h1m1s", 3_661_000_000_000),
        ("-1.5h", -5_400_000_000_000),
        (".5us", 500),
        ("1.000000001s", 1_000_000_001),
        ("1µs2ns", 1002),
        ("1.s", 1_000_000_000),
    ],
)
def test_durations_are_read(text, nanoseconds) -> None:
    assert parse_duration(text) == Duration(nanoseconds)


@pytest.mark.parametrize(
    "text", ["", "-", "5", "s", ".s", "1d", "1s ", "9223372037s", "99999999999999999999s", "1 s"]
)
def test_durations_that_are_none(text) -> None:
    with pytest.raises(EvaluationError, match="is not a duration"):
        parse_duration(text)


def test_windows_follow_the_clocks_of_their_zone() -> None:
    night = window("22:00", "06:00", "Europe/Berlin")
    for month, utc_start in ((1, 21), (7, 20)):
        start = seconds(2025, month, 10, utc_start) * 10**9
        assert night(start) and not night(start - 1)
        end = start + 8 * 3600 * 10**9
        assert night(end - 1) and not night(end)
    assert window("00:00", "24:00", "UTC")(0) and window("00:00", "24:00", "Local")(0)
    # 2025-03-30: clocks in Berlin go from 02:00 to 03:00
    skipped = window("02:00", "03:00", "Europe/Berlin")
    assert not any(skipped(seconds(2025, 3, 30, hour) * 10**9) for hour in range(24))


def test_zones_are_names_or_offsets() -> None:
    assert offsets("+05:30")(0) == 19_800 and offsets("-0100")(0) == -3600 and offsets("UTC")(0) == 0
    assert at_local(2025, 10, 26, 9000, offsets("Europe/Berlin")) == (seconds(2025, 10, 26, 0, 30), 7200)
    with pytest.raises(RuleTypeError, match=r"time zone '\.\./etc/passwd' is not known"):
        offsets("../etc/passwd")


@given(st.integers(-(2**63), 2**63 - 1))
def test_ints_are_read_back(number) -> None:
    assert parse_int(str(number)) == number and wrap(number + (1 << 64)) == number


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_doubles_are_read_back(number) -> None:
    assert parse_double(double_text(number)) == number
    assert parse_double(number.hex()) == number


@pytest.mark.parametrize(
    "text", ["", "1__0", "_1", "1_", "0x", "0x1", "1e", "--1", "0x1p99999", "1e999", "１"]
)
def test_doubles_that_are_none(text) -> None:
    with pytest.raises(EvaluationError):
        parse_double(text)


def test_conversions_take_what_they_can() -> None:
    assert [INT_LIKE.convert(v) for v in (None, True, 7.9, "-3")] == [None, 1, 7, -3]
    assert [DOUBLE_LIKE.convert(v) for v in (None, True, 7, "1.5")] == [None, 1.0, 7.0, 1.5]
    assert [BYTES_LIKE.convert(v) for v in (None, True, 1, 1.0, "é", b"x")] == [
        b"", b"\x01", b"\0\0\0\0\0\0\0\x01", b"?\xf0\0\0\0\0\0\0", b"\xc3\xa9", b"x",
    ]  # fmt: skip
    for convert, value in (
        (INT_LIKE, 1e30),
        (INT_LIKE, math.nan),
        (INT_LIKE, b""),
        (DOUBLE_LIKE, []),
        (BYTES_LIKE, []),
    ):
        with pytest.raises(EvaluationError):
            convert.convert(value)


def test_strings_compare_by_their_bytes() -> None:
    assert compare("<", "é", "\udcff") and compare("<", "z", "é") and compare(">=", "\U0001f600", "\uffff")


def test_calculation_at_its_edges() -> None:
    assert calculate("+", 2**63 - 1, 1) == -(2**63) and calculate("/", -(2**63), -1) == -(2**63)
    assert calculate("*", 1e308, 10.0) == math.inf and calculate("/", 1e308, 1e-308) == math.inf
    assert calculate("-", Time(2**63 - 1), Time(-(2**63))) == Duration(2**63 - 1)
    for left, right in ((1.0, 0.0), (1, 0), (Duration(1), 2), (Time(1), Time(1)), ("a", 1)):
        with pytest.raises(EvaluationError):
            calculate("/" if isinstance(left, int | float) else "+", left, right)


def test_json_is_what_go_writes() -> None:
    assert (
        to_json({"b": [1.0, None, b"\x01"], "a": "<\u2028"}) == '{"a":"\\u003c\\u2028","b":[1,null,"AQ=="]}'
    )
    assert to_json(Time(0, 5400)) == '"1970-01-01T01:30:00+01:30"' and to_json(True) == "true"
    with pytest.raises(EvaluationError, match="has no text"):
        to_json([math.nan])


def test_thresholds_keep_the_share_they_say() -> None:
    assert (
        rejection_threshold(1) == 0
        and rejection_threshold(0) == ALWAYS
        and rejection_threshold(0.25) == ALWAYS * 3 // 4
    )
    assert rejection_threshold(2.0**-56) == ALWAYS - 1
    with pytest.raises(ValueError, match="between 0 and 1"):
        rejection_threshold(-0.1)
    state = "a=b, ot=p:8;rv:6e6d1a75832a2f;th:c"
    assert randomness(bytes(16), state) == 0x6E6D1A75832A2F
    assert randomness(bytes(9) + b"\xff" * 7, "ot=rv:6e6d1a75832a2") == ALWAYS - 1, "13 digits are none"
    assert randomness(b"\x01" * 16, "x=rv:6e6d1a75832a2f") == 0x01010101010101


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ('Now() > Time("2020", "%Y", "UTC")', True),
        ("Hour(Now()) >= 0 and Weekday(Now()) < 7", True),
        ('Len("é") == 2 and Len({"a": 1}) == 1', True),
        ('[1, [2]] == [1, [2]] and {"a": [1]} != {"a": [1.0]}', True),
    ],
)
def test_conditions_about_nothing(source, wanted) -> None:
    assert Condition.parse(source).test(ANYTHING) is wanted


@pytest.mark.parametrize("case", ["lower", "upper", "snake", "camel"])
@given(text=st.text(max_size=10))
def test_cases_take_any_text(case, text) -> None:
    from wasm_sdk.rules.functions import FUNCTIONS

    changed = FUNCTIONS["ConvertCase"].prepare({"to_case": case})(text)
    assert isinstance(changed, str)
