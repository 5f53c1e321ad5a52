"""Limits and other `OTEL_*` variables, and attribute values."""

import enum

import pytest
from opentelemetry.sdk.trace import SpanLimits as Official

from wasm_sdk.sdk import environ
from wasm_sdk.sdk.attributes import UnsupportedValue, clean, clean_attributes
from wasm_sdk.sdk.limits import LogRecordLimits, SpanLimits

NAMES = (
    "ATTRIBUTE_COUNT", "ATTRIBUTE_VALUE_LENGTH", "SPAN_ATTRIBUTE_COUNT", "SPAN_ATTRIBUTE_VALUE_LENGTH",
    "EVENT_ATTRIBUTE_COUNT", "LINK_ATTRIBUTE_COUNT", "SPAN_EVENT_COUNT", "SPAN_LINK_COUNT",
)  # fmt: skip


@pytest.mark.parametrize("names", [(), *((name,) for name in NAMES), NAMES])
def test_span_limits_come_from_the_variables_of_opentelemetry_sdk(names, monkeypatch):
    for n, name in enumerate(names):
        monkeypatch.setenv(f"OTEL_{name}_LIMIT", str(n + 5))
    official, ours = Official(), SpanLimits.from_environ()
    for name in ours.__slots__:
        assert getattr(ours, name) == getattr(official, name), name


def test_log_record_limits():
    assert LogRecordLimits.from_environ({}) == LogRecordLimits(128, None)
    general = {"OTEL_ATTRIBUTE_COUNT_LIMIT": "3", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "4"}
    assert LogRecordLimits.from_environ(general) == LogRecordLimits(3, 4)
    own = {"OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT": "5", "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT": "6"}
    assert LogRecordLimits.from_environ(general | own) == LogRecordLimits(5, 6)


@pytest.mark.parametrize("value", ["-1", "many", "1.5"])
def test_a_limit_that_makes_no_sense_is_logged_and_left_at_its_default(value, caplog):
    assert SpanLimits.from_environ({"OTEL_SPAN_EVENT_COUNT_LIMIT": value}) == SpanLimits()
    assert "OTEL_SPAN_EVENT_COUNT_LIMIT" in caplog.text


def test_negative_limits_are_refused():
    with pytest.raises(ValueError, match="max_events"):
        SpanLimits(max_events=-1)


def test_variables(caplog):
    variables = {"B": "TRUE", "N": " 7 ", "E": " ", "L": "a, B,,a", "X": "yes"}
    assert environ.boolean("B", variables) and not environ.boolean("E", variables)
    assert not environ.boolean("X", variables) and "X='yes'" in caplog.text
    assert environ.number("N", 1, variables) == 7 and environ.number("E", 1, variables) == 1
    assert environ.milliseconds("N", 1, variables) == 0.007
    assert environ.names("L", "d", variables) == ["a", "b"] and environ.names("E", "d", variables) == ["d"]


class Colour(enum.StrEnum):
    RED = "red"


class Number(enum.IntEnum):
    ONE = 1


class HalfFloat(float):
    pass


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        (Colour.RED, "red"), (Number.ONE, 1), (HalfFloat(0.5), 0.5), (True, True), (None, None),
        (2**63, str(2**63)), (-(2**63), -(2**63)), (bytearray(b"ab"), b"ab"), (memoryview(b"ab"), b"ab"),
        (["a", 1, None, ["b"]], ("a", 1, None, ("b",))), ({1}, (1,)), (range(2), (0, 1)),
        ({"a": {"": 1, "b": 2}}, {"a": {"b": 2}}),
    ],
)  # fmt: skip
def test_values_become_plain_and_immutable(value, kept):
    result = clean(value)
    assert result == kept and type(result) is type(kept)


def test_values_of_other_types_and_endless_ones_are_refused():
    endless: list = []
    endless.append(endless)
    for value in (object(), 1j, endless):
        with pytest.raises(UnsupportedValue):
            clean(value)


def test_a_full_collection_still_takes_new_values_of_old_keys():
    assert clean_attributes({"a": 1, "b": 2, "c": 3}, max_count=2) == ({"a": 1, "b": 2}, 1)
    assert clean_attributes(None) == ({}, 0)
