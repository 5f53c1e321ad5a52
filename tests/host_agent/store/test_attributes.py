"""Attributes as text, for every kind of AnyValue."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_agent.store.attributes import any_value_text, indexed, pairs, sought
from wasm_sdk.otlp import KeyValues, LogRecord, LogsData, ResourceLogs, ScopeLogs, Signal, encode
from wasm_sdk.otlp.fields import fields


def encoded(key: str, value: Any) -> bytes:
    """The KeyValue message, taken out of a log record."""
    record = LogRecord(attributes=KeyValues.of({key: value}))
    return inside(record, 0x32)


def inside(record: LogRecord, tag: int) -> bytes:
    data = encode(Signal.LOGS, LogsData([ResourceLogs(scope_logs=[ScopeLogs(log_records=[record])])]))
    for step in (0x0A, 0x12, 0x12, tag):
        data = next(value for each, value in fields(data) if each == step)
    return data


@pytest.mark.parametrize(
    ("value", "texts"),
    [
        ("GET", ["GET"]),
        ("", [""]),
        (500, ["500"]),
        (-1, ["-1"]),
        (-(2**63), [str(-(2**63))]),
        (0.5, ["0.5"]),
        (500.0, ["500.0"]),
        (float("nan"), ["NaN"]),
        (float("-inf"), ["-Infinity"]),
        (True, ["true"]),
        (False, ["false"]),
        (b"\x00\xff", ["AP8="]),
        (None, []),
        ([], []),
        (["a", 1, [True, None]], ["a", "1", "true"]),
    ],
)
def test_every_kind_of_value_has_its_texts(value: Any, texts: list[str]) -> None:
    assert pairs(encoded("k", value), "attributes.") == [("attributes.k", text) for text in texts]


def test_members_of_a_map_have_labels_of_their_own() -> None:
    value = {"method": "GET", "sizes": [1, 2], "inner": {"deep": 2.5}}
    assert pairs(encoded("http", value), "resource.") == [
        ("resource.http.method", "GET"),
        ("resource.http.sizes", "1"),
        ("resource.http.sizes", "2"),
        ("resource.http.inner.deep", "2.5"),
    ]


def test_nesting_and_numbers_of_elements_are_bounded() -> None:
    deep: Any = "bottom"
    for _ in range(20):
        deep = [deep]
    assert pairs(encoded("k", deep), "") == []
    assert len(pairs(encoded("k", list(range(1000))), "")) == 64


def test_of_a_value_with_two_kinds_the_last_one_counts() -> None:
    assert pairs(b"\n\x01k\x12\x05\x0a\x01a\x18\x07", "") == [("k", "7")]


def test_a_kind_of_a_later_version_has_no_text() -> None:
    assert pairs(b"\n\x01k\x12\x04\x7a\x02hi", "") == []


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        ("500", {"500", "500.0"}),
        ("0.50", {"0.50", "0.5"}),
        ("1e3", {"1e3", "1000", "1000.0"}),
        ("007", {"007", "7", "7.0"}),
        ("nan", {"nan"}),
        ("true", {"true"}),
        ("x", {"x"}),
    ],
)
def test_a_number_is_sought_as_integer_double_and_string(text: str, forms: set[str]) -> None:
    assert set(sought(text)) == forms


@given(
    st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=600)
)
def test_what_is_indexed_is_found_by_its_own_text(value: int | float | str) -> None:
    ((_, text),) = pairs(encoded("k", value), "")
    assert text in sought(str(value))
    assert len(text) <= 256


def test_long_texts_differ_when_their_ends_do() -> None:
    assert indexed("x" * 1000 + "a") != indexed("x" * 1000 + "b")


@pytest.mark.parametrize(
    ("body", "text"),
    [("paid", "paid"), (7, "7"), (["a", 1], '["a", "1"]'), ({"user": {"id": 5}}, '{"user.id": "5"}')],
)
def test_a_body_has_a_text_for_people(body: Any, text: str) -> None:
    native = KeyValues.of(body) if isinstance(body, dict) else body
    assert any_value_text(inside(LogRecord(body=native), 0x2A)) == text


def test_an_empty_body_is_an_empty_text() -> None:
    assert any_value_text(b"") == ""


def test_keys_may_be_anything() -> None:
    assert pairs(encoded("a=b.c", "v=w"), "attributes.") == [("attributes.a=b.c", "v=w")]
