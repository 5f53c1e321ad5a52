"""Resources and their detectors."""

import pytest
from opentelemetry.sdk.resources import Resource as Official

from wasm_sdk.sdk.resource import DETECTORS, Resource, configured_detectors, detect_service
from wasm_sdk.version import VERSION


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    for name in ("OTEL_RESOURCE_ATTRIBUTES", "OTEL_SERVICE_NAME", "OTEL_EXPERIMENTAL_RESOURCE_DETECTORS"):
        monkeypatch.delenv(name, raising=False)


def test_the_default_resource_tells_sdk_service_and_process():
    attributes = Resource.create().attributes
    assert attributes["telemetry.sdk.name"] == "spanweave"
    assert attributes["telemetry.sdk.language"] == "python"
    assert attributes["telemetry.sdk.version"] == VERSION
    assert attributes["service.name"] == "unknown_service:python"
    assert attributes["process.pid"] and "host.name" not in attributes


def test_the_environment_is_overruled_by_the_program(monkeypatch):
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "service.name=a,deployment=x%2Cy, k = v ,")
    assert dict(detect_service().attributes) == {"service.name": "a", "deployment": "x,y", "k": "v"}
    monkeypatch.setenv("OTEL_SERVICE_NAME", "b")
    assert Resource.create().attributes["service.name"] == "b"
    assert Resource.create({"service.name": "c"}).attributes["service.name"] == "c"


@pytest.mark.parametrize("listed", ["a=1,nonsense", "=1,b=2"])
def test_a_malformed_list_is_discarded_whole(listed, monkeypatch, caplog):
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", listed)
    assert dict(detect_service().attributes) == {}
    assert "OTEL_RESOURCE_ATTRIBUTES is discarded" in caplog.text


@pytest.mark.parametrize(
    ("old", "new", "merged"), [("", "b", "b"), ("a", "", "a"), ("a", "a", "a"), ("a", "b", ""), ("", "", "")]
)
def test_merging(old, new, merged):
    result = Resource({"x": 1, "y": 1}, old).merge(Resource({"y": "", "z": 3}, new))
    assert dict(result.attributes) == {"x": 1, "y": "", "z": 3}
    assert result.schema_url == merged
    if old == new or not (old and new):
        official = Official({"x": 1, "y": 1}, old).merge(Official({"y": "", "z": 3}, new))
        assert (dict(official.attributes), official.schema_url) == (dict(result.attributes), merged)


def test_resources_are_values():
    assert Resource({"a": 1}) == Resource({"a": 1}) != Resource({"a": 2})
    assert len({Resource({"a": 1}), Resource({"a": 1})}) == 1
    assert Resource({}) != {} and "a" in repr(Resource({"a": 1}))
    with pytest.raises(TypeError):
        Resource({"a": 1}).attributes["a"] = 2


def test_a_broken_detector_is_left_out(caplog):
    def broken() -> Resource:
        raise OSError("no metadata server")

    attributes = Resource.create(detectors=[broken, lambda: Resource({"a": 1})]).attributes
    assert attributes["a"] == 1 and "no metadata server" in caplog.text


def test_detectors_are_chosen_by_name(monkeypatch, caplog):
    monkeypatch.setenv("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", "host,cloudy,otel")
    assert configured_detectors() == [DETECTORS["telemetry"], DETECTORS["host"], DETECTORS["service"]]
    assert "no detector 'cloudy'" in caplog.text
    assert Resource.create().attributes["host.name"]
    monkeypatch.setenv("OTEL_EXPERIMENTAL_RESOURCE_DETECTORS", "*")
    assert set(configured_detectors()) == set(DETECTORS.values())
