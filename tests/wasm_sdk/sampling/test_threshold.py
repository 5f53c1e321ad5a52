"""Thresholds and randomness of consistent probability sampling, by the specification's own examples."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wasm_sdk.sampling import threshold as t


@pytest.mark.parametrize(
    ("one_in", "expected"),
    [
        (1, ("0", "0", "0")),
        (2, ("8", "8", "8")),
        (3, ("aab", "aaab", "aaaab")),
        (4, ("c", "c", "c")),
        (5, ("ccd", "cccd", "ccccd")),
        (8, ("e", "e", "e")),
        (10, ("e66", "e666", "e6666")),
        (16, ("f", "f", "f")),
        (100, ("fd71", "fd70a", "fd70a4")),
        (1000, ("ffbe7", "ffbe77", "ffbe76d")),
        (10000, ("fff972", "fff9724", "fff97247")),
        (100000, ("ffff584", "ffff583a", "ffff583a5")),
        (1000000, ("ffffef4", "ffffef39", "ffffef391")),
    ],
)
def test_the_specifications_table(one_in, expected):
    assert tuple(t.format_threshold(t.from_probability(1 / one_in, p)) for p in (3, 4, 5)) == expected


@given(st.floats(t.MIN_PROBABILITY, 1))
def test_the_threshold_keeps_the_probability(probability):
    threshold = t.from_probability(probability)
    assert 0 <= threshold < t.MAX_THRESHOLD
    assert math.isclose(t.to_probability(threshold), probability, rel_tol=2**-12)
    assert t.parse_threshold(t.format_threshold(threshold)) == threshold
    assert math.isclose(t.adjusted_count(threshold) * t.to_probability(threshold), 1)


@pytest.mark.parametrize("probability", [0, -0.1, 1.0001, 2.0**-57, math.nan])
def test_probabilities_out_of_range_are_refused(probability):
    with pytest.raises(ValueError, match="between"):
        t.from_probability(probability)


def test_entries_are_read():
    assert t.threshold("th:c;rv:6e6d1a75832a2f") == 0xC0000000000000
    assert t.randomness(0, "th:c;rv:6e6d1a75832a2f") == 0x6E6D1A75832A2F
    assert t.randomness(0xAAFF_FFFF_FFFF_FFFF, None) == 0xFFFFFFFFFFFFFF
    assert t.randomness(5, "rv:6e6d1a75832a2") == 5, "an rv of 13 digits is none"
    for malformed in (None, "", "th", "th:", "th:g", "th:C", "th:000000000000000", "p:8"):
        assert t.threshold(malformed) is None


def test_entries_are_changed():
    assert t.with_threshold(None, 0) == "th:0"
    assert t.with_threshold("rv:6e6d1a75832a2f;th:8", 0xC0000000000000) == "th:c;rv:6e6d1a75832a2f"
    assert t.with_threshold("th:8;x:1", None) == "x:1"
    assert t.with_threshold("th:8", None) is None
    assert t.with_threshold("x:" + "y" * 250, 0xC0000000000000) is None, "256 characters are the most"
