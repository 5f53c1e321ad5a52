"""Back-off and Retry-After."""

from datetime import UTC, datetime
from email.utils import format_datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasm_sdk.export.retry import RETRYABLE_STATUS, RetryPolicy, retry_after

NOW = 784_111_777  # 1994-11-06T08:49:37Z


def test_only_the_four_statuses_are_transient():
    assert {429, 502, 503, 504} == RETRYABLE_STATUS


def test_the_delay_doubles_up_to_the_maximum_with_jitter():
    policy = RetryPolicy(initial=1, multiplier=2, maximum=30, jitter=0.2)
    for attempt, centre in enumerate([1, 2, 4, 8, 16, 30, 30]):
        delays = [policy.delay(attempt) for _ in range(200)]
        assert min(delays) >= centre * 0.8
        assert max(delays) <= centre * 1.2
        assert min(delays) < centre < max(delays)
    assert policy.delay(10_000) <= 36


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120), (" 0 ", 0),
        ("Sun, 06 Nov 1994 08:49:47 GMT", 10), ("Sunday, 06-Nov-94 08:49:47 GMT", 10),
        ("Sun Nov  6 08:49:47 1994", 10), ("Sun, 06 Nov 1994 08:00:00 GMT", 0),
        ("Sunday, 06-Nov-69 08:49:47 GMT", 0),
        ("", None), ("-1", None), ("1.5", None), ("soon", None), ("²", None),
        ("Sun, 06 Nvo 1994 08:49:37 GMT", None),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date(value, seconds):
    assert retry_after(value, NOW) == seconds


@given(st.datetimes(datetime(1971, 1, 1), datetime(2200, 1, 1)))
def test_every_http_date_is_read(moment):
    moment = moment.replace(microsecond=0, tzinfo=UTC)
    header = format_datetime(moment, usegmt=True)
    assert retry_after(header, moment.timestamp() - 7) == 7
