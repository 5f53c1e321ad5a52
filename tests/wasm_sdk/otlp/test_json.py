"""OTLP/JSON both ways, with google.protobuf's JSON mapping (and hexadecimal ids) as the oracle."""

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import Sample
from tests.wasm_sdk.otlp import oracle
from wasm_sdk import otlp
from wasm_sdk.otlp import EncodedValue, KeyValue, KeyValues, MalformedOTLP, Signal, Span
from wasm_sdk.otlp.to_json import value_to_json
from wasm_sdk.otlp.transcode import json_to_protobuf, protobuf_to_json

GENERATED = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def test_every_json_sample_reads_as_the_official_library_reads_it(otlp_samples: list[Sample]) -> None:
    seen = 0
    for sample in otlp_samples:
        if sample.encoding != "json":
            continue
        text = sample.path.read_bytes()
        official = oracle.parse_json(sample.signal, text)
        signal = Signal(sample.signal)
        data = json_to_protobuf(signal, text)
        assert data == oracle.canonical(official), sample.name
        written = protobuf_to_json(signal, data)
        assert oracle.parse_json(sample.signal, written) == official, sample.name
        assert json_to_protobuf(signal, written) == data, sample.name
        seen += 1
    assert seen


def test_json_lines_are_read_line_by_line(otlp_samples: list[Sample]) -> None:
    for sample in otlp_samples:
        if sample.encoding == "jsonl":
            text = sample.path.read_text()
            signal = Signal(sample.signal)
            lines = [line for line in text.splitlines() if line.strip()]
            requests = list(otlp.decode_json_lines(signal, text))
            assert [otlp.encode(signal, request) for request in requests] == [
                oracle.canonical(oracle.parse_json(sample.signal, line)) for line in lines
            ]
    with pytest.raises(MalformedOTLP) as caught:
        list(otlp.decode_json_lines(Signal.LOGS, '{}\n\n{"resourceLogs":1}'))
    assert caught.value.where == "line 3, resourceLogs"


def test_invalid_samples_are_refused_with_a_path(otlp_samples: list[Sample]) -> None:
    where = {}
    for sample in otlp_samples:
        if sample.encoding == "invalid":
            faults = []
            for signal in Signal:
                try:
                    otlp.decode_json(signal, sample.path.read_bytes())
                except MalformedOTLP as error:
                    faults.append(error.where)
            assert faults, sample.name
            where[sample.name.rpartition("testdata_")[2]] = faults[0]
    assert where["invalid_trace_invalid_kind.json"] == "resourceSpans[0].scopeSpans[0].spans[0].kind"
    assert where["invalid_trace_invalid_base64.json"] == "resourceSpans[0].scopeSpans[0].spans[0].traceId"
    assert where["invalid_malformed.json"].startswith("line ")


@pytest.mark.parametrize("signal", oracle.SIGNALS)
@pytest.mark.parametrize("original_names", [False, True])
def test_generated_requests_cross_json_unchanged(signal: str, original_names: bool) -> None:
    @GENERATED
    @given(oracle.requests(signal))
    def check(message: Any) -> None:
        data = oracle.canonical(message)
        assert json_to_protobuf(Signal(signal), oracle.to_json(message, original_names).encode()) == data
        assert oracle.canonical(oracle.parse_json(signal, protobuf_to_json(Signal(signal), data))) == data

    check()


def read_span(**fields: Any) -> Span:
    request = {"resourceSpans": [{"scopeSpans": [{"spans": [fields]}]}]}
    return otlp.decode_traces_json(json.dumps(request)).resource_spans[0].scope_spans[0].spans[0]


def read_value(value: Any) -> Any:
    return read_span(attributes=[{"key": "k", "value": value}]).attributes["k"]


def test_ids_are_hexadecimal_in_any_case() -> None:
    span = read_span(traceId="0102030405060708090A0b0C0d0E0f10", spanId="00000000000000AA", parentSpanId="")
    assert (span.trace_id, span.span_id, span.parent_span_id) == (
        bytes(range(1, 17)),
        bytes(7) + b"\xaa",
        b"",
    )
    base64 = read_span(traceId="AQIDBAUGBwgJCgsMDQ4PEA==", spanId="AAAAAAAAAKo=")  # proto3's form
    assert (base64.trace_id, base64.span_id) == (span.trace_id, span.span_id)
    assert '"traceId":"0102030405060708090a0b0c0d0e0f10"' in otlp.encode_traces_json(
        otlp.TracesData([otlp.ResourceSpans(scope_spans=[otlp.ScopeSpans(spans=[span])])])
    )


@pytest.mark.parametrize(
    ("value", "number"), [("18446744073709551615", 2**64 - 1), (5, 5), (5.0, 5), ("5", 5), (1e3, 1000)]
)
def test_64_bit_integers_are_strings_or_numbers(value: Any, number: int) -> None:
    assert read_span(startTimeUnixNano=value).start_time_unix_nano == number


def test_names_are_camel_case_or_the_protocols_own_and_others_are_passed_over() -> None:
    assert (
        read_span(start_time_unix_nano="7", endTimeUnixNano="8", nonsense={"a": [1]}).start_time_unix_nano
        == 7
    )
    assert read_value({"int_value": "3", "stringValueStrindex": 9}) == 3


def test_null_is_an_absent_field() -> None:
    assert read_span(name=None, attributes=None, status=None, kind=None) == Span()
    assert read_value({"stringValue": None, "boolValue": False}) is False
    assert read_span(attributes=[{"key": "a", "value": None}]).attributes == [
        KeyValue("a", EncodedValue(None, None))
    ]


def test_enumerations_are_integers_and_names_are_read_too() -> None:
    assert read_span(kind=3).kind == read_span(kind="SPAN_KIND_CLIENT").kind == read_span(kind="3").kind == 3
    assert read_span(kind=77).kind == 77  # open, as in proto3


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"doubleValue": "Infinity"}, float("inf")),
        ({"doubleValue": "-Infinity"}, float("-inf")),
        ({"doubleValue": 3}, 3.0),
        ({"doubleValue": "2.5"}, 2.5),
        ({"bytesValue": "+/8="}, b"\xfb\xff"),
        ({"bytesValue": "-_8"}, b"\xfb\xff"),
        ({"arrayValue": {}}, []),
        ({"arrayValue": {"values": [{}, {"intValue": "1"}]}}, [None, 1]),
        (
            {"kvlistValue": {"values": [{"key": "a", "value": {"boolValue": True}}]}},
            KeyValues.of({"a": True}),
        ),
        ({}, None),
    ],
)
def test_any_values(value: Any, expected: Any) -> None:
    result = read_value(value)
    assert result == expected
    assert type(result) is type(expected)


def test_nan_is_a_string_both_ways() -> None:
    assert str(read_value({"doubleValue": "NaN"})) == "nan"
    assert value_to_json(float("nan")) == {"doubleValue": "NaN"}
    assert value_to_json((1, {"a": b"\xff"})) == {
        "arrayValue": {
            "values": [
                {"intValue": "1"},
                {"kvlistValue": {"values": [{"key": "a", "value": {"bytesValue": "/w=="}}]}},
            ]
        }
    }


@pytest.mark.parametrize(
    ("fields", "reason", "where"),
    [
        ({"traceId": "xyz"}, "hexadecimal", "traceId"),
        ({"traceId": "01 02"}, "hexadecimal", "traceId"),
        ({"traceId": 5}, "hexadecimal", "traceId"),
        ({"name": 5}, "a string is expected, not 5", "name"),
        ({"name": "\ud800"}, "surrogate", "name"),
        ({"startTimeUnixNano": -1}, "not between 0", "startTimeUnixNano"),
        ({"startTimeUnixNano": "1_000"}, "an integer", "startTimeUnixNano"),
        ({"startTimeUnixNano": True}, "an integer", "startTimeUnixNano"),
        ({"startTimeUnixNano": 1.5}, "an integer", "startTimeUnixNano"),
        ({"flags": 2**32}, "not between", "flags"),
        ({"kind": "SPAN_KIND_NONE"}, "SpanKind", "kind"),
        ({"attributes": {}}, "a list", "attributes"),
        ({"attributes": [5]}, "an object", "attributes[0]"),
        ({"attributes": [{"key": 5}]}, "a string", "attributes[0].key"),
        ({"attributes": [{"key": "a", "value": 5}]}, "an object such as", "attributes[0].value"),
        (
            {"attributes": [{"key": "a", "value": {"boolValue": 1}}]},
            "true or false",
            "attributes[0].value.boolValue",
        ),
        (
            {"attributes": [{"key": "a", "value": {"doubleValue": "x"}}]},
            "a number",
            "attributes[0].value.doubleValue",
        ),
        (
            {"attributes": [{"key": "a", "value": {"bytesValue": "a$"}}]},
            "base64",
            "attributes[0].value.bytesValue",
        ),
        (
            {"attributes": [{"key": "a", "value": {"intValue": 1, "boolValue": True}}]},
            "only one of intValue and boolValue",
            "attributes[0].value",
        ),
        (
            {"attributes": [{"key": "a", "value": {"arrayValue": {"values": [{}, None]}}}]},
            "an object",
            "attributes[0].value.arrayValue.values[1]",
        ),
        ({"attributes": [{"value": {"kvlistValue": []}}]}, "an object", "attributes[0].value.kvlistValue"),
        ({"events": [{"name": "a"}, {"timeUnixNano": []}]}, "an integer", "events[1].timeUnixNano"),
        ({"status": {"code": {}}}, "StatusCode", "status.code"),
    ],
)
def test_the_fault_is_named_with_its_path(fields: dict[str, Any], reason: str, where: str) -> None:
    with pytest.raises(MalformedOTLP, match=reason) as caught:
        read_span(**fields)
    assert caught.value.where == f"resourceSpans[0].scopeSpans[0].spans[0].{where}"


@pytest.mark.parametrize(
    ("text", "where"),
    [
        (b"", "line 1 column 1"),
        (b"{", "line 1 column 2"),
        (b"[]", "the top level"),
        (b"\xff{}", "byte 0"),
        (b'{"resourceSpans":[NaN]}', "the top level"),
        (b'{"resourceSpans":' + b"[" * 100_000, "the top level"),
        (b'{"a":' + b"1" * 5000 + b"}", "the top level"),
    ],
)
def test_what_is_no_json_is_refused_with_its_place(text: bytes, where: str) -> None:
    with pytest.raises(MalformedOTLP) as caught:
        otlp.decode_json(Signal.TRACES, text)
    assert caught.value.where == where


def test_a_metric_has_one_kind_of_data() -> None:
    both = {"resourceMetrics": [{"scopeMetrics": [{"metrics": [{"sum": {}, "gauge": {}}]}]}]}
    with pytest.raises(MalformedOTLP, match="only one of sum and gauge"):
        otlp.decode_metrics_json(json.dumps(both))
    points = {"gauge": {"dataPoints": [{"asInt": 1, "asDouble": 2}]}}
    with pytest.raises(MalformedOTLP, match="only one of asInt and asDouble"):
        otlp.decode_metrics_json(json.dumps({"resourceMetrics": [{"scopeMetrics": [{"metrics": [points]}]}]}))


def test_deep_values_are_bounded_both_ways() -> None:
    value: Any = {}
    for _ in range(200):
        value = {"arrayValue": {"values": [value]}}
    with pytest.raises(MalformedOTLP, match="nested deeper than 100"):
        read_value(value)
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(ValueError, match="holds itself"):
        value_to_json(endless)
    with pytest.raises(TypeError, match="type object"):
        value_to_json(object())  # type: ignore[arg-type]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["resourceLogs", "scopeLogs", "logRecords", "body", "attributes", "key", "value", "intValue"]
            ),
            inner,
            max_size=3,
        )
    ),
)


@settings(max_examples=200, deadline=None)
@given(JSON_VALUES)
def test_any_json_is_read_or_refused_and_never_fails_otherwise(value: Any) -> None:
    text = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [value]}]}]})
    try:
        request = otlp.decode_logs_json(text)
    except MalformedOTLP:
        return
    otlp.encode_logs(request)
    assert otlp.encode_logs(otlp.decode_logs_json(otlp.encode_logs_json(request))) == otlp.encode_logs(
        request
    )
