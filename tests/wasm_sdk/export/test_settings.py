"""`OTEL_EXPORTER_OTLP_*`."""

import pytest

from wasm_sdk.export.settings import ExporterSettings
from wasm_sdk.otlp.signal import Signal
from wasm_sdk.runtime import TLSFiles


def read(signal: Signal = Signal.TRACES, **variables: str) -> ExporterSettings:
    return ExporterSettings.from_environ(
        signal, {f"OTEL_EXPORTER_OTLP_{name}": value for name, value in variables.items()}
    )


def test_defaults():
    assert read() == ExporterSettings(
        "http://localhost:4318/v1/traces", {}, 10.0, "http/protobuf", "none", TLSFiles()
    )
    assert read(Signal.LOGS).endpoint == "http://localhost:4318/v1/logs"


@pytest.mark.parametrize(
    ("variables", "traces", "metrics"),
    [
        ({"ENDPOINT": "http://c:4318"}, "http://c:4318/v1/traces", "http://c:4318/v1/metrics"),
        ({"ENDPOINT": "http://c:4318/my/"}, "http://c:4318/my/v1/traces", "http://c:4318/my/v1/metrics"),
        (
            {"ENDPOINT": "http://c:1/my", "METRICS_ENDPOINT": "https://d/v1/metrics/"},
            "http://c:1/my/v1/traces",
            "https://d/v1/metrics/",
        ),
        ({"TRACES_ENDPOINT": "http://c:4318"}, "http://c:4318", "http://localhost:4318/v1/metrics"),
        ({"ENDPOINT": "http://c", "TRACES_ENDPOINT": " "}, "http://c/v1/traces", "http://c/v1/metrics"),
    ],
)
def test_endpoints(variables, traces, metrics):
    assert read(**variables).endpoint == traces
    assert read(Signal.METRICS, **variables).endpoint == metrics


def test_a_signals_own_variables_win():
    settings = read(
        HEADERS="api-key=all, x = a%20b%3D1,both=1",
        TRACES_HEADERS="both=2",
        TIMEOUT="1500",
        TRACES_TIMEOUT="250",
        COMPRESSION="gzip",
        TRACES_COMPRESSION="none",
        PROTOCOL="http/json",
        CERTIFICATE="ca.pem",
        TRACES_CLIENT_CERTIFICATE="me.pem",
        TRACES_CLIENT_KEY="me.key",
    )
    assert settings.headers == {"api-key": "all", "x": "a b=1", "both": "2"}
    assert (settings.timeout, settings.compression, settings.protocol) == (0.25, "none", "http/json")
    assert settings.tls == TLSFiles("ca.pem", "me.pem", "me.key")


@pytest.mark.parametrize(
    "variables",
    [
        {"TIMEOUT": "soon"},
        {"TIMEOUT": "-1"},
        {"COMPRESSION": "zstd"},
        {"PROTOCOL": "grpc"},
        {"ENDPOINT": "collector:4318"},
        {"HEADERS": "no-equals-sign"},
    ],
)
def test_what_cannot_be_understood_is_logged_and_left_at_its_default(variables, caplog):
    assert read(**variables) == read()
    assert f"OTEL_EXPORTER_OTLP_{next(iter(variables))}" in caplog.text


def test_no_time_limit_is_a_very_long_one():
    assert read(TIMEOUT="0").timeout == 86_400
