"""Attributes as native values, and the package's public names."""

import subprocess
import sys

import pytest

from wasm_sdk import otlp
from wasm_sdk.otlp import EncodedValue, KeyValue, KeyValues, plain


def test_attributes_keep_order_and_duplicates_and_the_first_wins() -> None:
    attributes = KeyValues([KeyValue("a", 1), KeyValue("b", "x"), KeyValue("a", 2)])
    assert [item.key for item in attributes] == ["a", "b", "a"]
    assert attributes["a"] == attributes.get("a") == 1
    assert attributes.as_dict() == {"a": 1, "b": "x"}
    assert attributes.get("c") is None
    assert attributes.get("c", 5) == 5
    assert "b" in attributes
    assert "c" not in attributes
    assert KeyValue("b", "x") in attributes
    with pytest.raises(KeyError, match="c"):
        attributes["c"]


def test_attributes_are_a_list_too() -> None:
    attributes = KeyValues.of({"a": 1, "b": 2})
    assert attributes[1] == KeyValue("b", 2)
    assert isinstance(attributes[:1], KeyValues)
    assert attributes[:1] == [KeyValue("a", 1)]


def test_mappings_nest() -> None:
    nested = {"map": {"list": [{"x": 1}, (2, 3)]}, "none": None}
    attributes = KeyValues.of(nested)
    assert isinstance(attributes["map"], KeyValues)
    assert attributes.as_dict() == {"map": {"list": [{"x": 1}, [2, 3]]}, "none": None}


def test_a_value_with_more_in_its_encoding_reads_as_what_is_known_of_it() -> None:
    attributes = KeyValues([KeyValue("a", EncodedValue(5, b"\x18\x05\xf8\x07\x01"))])
    assert attributes["a"] == 5
    assert attributes.as_dict() == {"a": 5}
    assert plain(attributes[0].value) == plain(5) == 5


def test_public_names_are_all_there() -> None:
    for name in otlp.__all__:
        assert getattr(otlp, name) is not None
    with pytest.raises(AttributeError, match="nothing"):
        _ = otlp.nothing


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("wasm_sdk.otlp.spans", ["wasm_sdk.otlp.model", "opentelemetry", "dataclasses"]),
        ("wasm_sdk.otlp.responses", ["wasm_sdk.otlp.model", "opentelemetry"]),
        ("wasm_sdk.otlp.transcode", ["opentelemetry", "google"]),
        ("wasm_sdk.otlp.screen", ["opentelemetry", "google"]),
    ],
)
def test_a_page_loads_no_more_than_it_needs(module: str, absent: list[str]) -> None:
    code = f"import sys, {module}; print(*[name for name in {absent} if name in sys.modules])"
    run = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.split() == []
