"""Decoding and encoding protobuf, with Google's implementation as the oracle."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conftest import Sample
from tests.wasm_sdk.otlp import oracle
from wasm_sdk import otlp
from wasm_sdk.otlp import (
    EncodedValue,
    Histogram,
    HistogramDataPoint,
    KeyValue,
    KeyValues,
    LogRecord,
    Metric,
    MetricsData,
    NumberDataPoint,
    Resource,
    ResourceMetrics,
    ResourceSpans,
    ScopeMetrics,
    ScopeSpans,
    Signal,
    Span,
    SpanEvent,
    SpanKind,
    Status,
    StatusCode,
    Sum,
    TracesData,
)

GENERATED = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def test_every_protobuf_sample_is_reproduced_byte_for_byte(otlp_samples: list[Sample]) -> None:
    seen = 0
    for sample in otlp_samples:
        if sample.encoding == "protobuf":
            data = sample.path.read_bytes()
            official = oracle.parse(sample.signal, data)
            assert otlp.encode(
                Signal(sample.signal), otlp.decode(Signal(sample.signal), data)
            ) == oracle.canonical(official), sample.name
            seen += 1
    assert seen


@pytest.mark.parametrize("signal", oracle.SIGNALS)
def test_generated_requests_are_reproduced_byte_for_byte(signal: str) -> None:
    @GENERATED
    @given(oracle.requests(signal, unknown=True))
    def check(message: Any) -> None:
        data = oracle.canonical(message)
        encoded = otlp.encode(Signal(signal), otlp.decode(Signal(signal), data))
        assert encoded == data or oracle.canonical(oracle.parse(signal, encoded)) == data

    check()


@pytest.mark.parametrize("signal", oracle.SIGNALS)
def test_what_the_model_encodes_decodes_to_the_same_model(signal: str) -> None:
    @GENERATED
    @given(oracle.requests(signal))
    def check(message: Any) -> None:
        model = otlp.decode(Signal(signal), message.SerializeToString())
        again = otlp.decode(Signal(signal), otlp.encode(Signal(signal), model))
        assert repr(again) == repr(model)  # NaN is not equal to itself, its text is

    check()


def test_a_request_built_by_hand_is_what_the_official_library_reads() -> None:
    span = Span(
        trace_id=bytes(range(16)),
        span_id=bytes(range(8)),
        name="GET /cart",
        kind=SpanKind.SERVER,
        start_time_unix_nano=1,
        end_time_unix_nano=2,
        attributes=KeyValues.of(
            {"http.response.status_code": 500, "nested": {"list": [1, "a", None, b"x", 2.5]}}
        ),
        events=[SpanEvent(3, "exception")],
        status=Status("it broke", StatusCode.ERROR),
        flags=0x101,
    )
    data = otlp.encode_traces(
        TracesData(
            [ResourceSpans(Resource(KeyValues.of({"service.name": "shop"})), [ScopeSpans(spans=[span])])]
        )
    )
    official = oracle.parse("traces", data).resource_spans[0]  # type: ignore[attr-defined]
    assert official.resource.attributes[0].value.string_value == "shop"
    read = official.scope_spans[0].spans[0]
    assert (read.name, read.kind, read.status.message, read.flags) == ("GET /cart", 2, "it broke", 0x101)
    values = read.attributes[1].value.kvlist_value.values[0].value.array_value.values
    assert [value.WhichOneof("value") for value in values] == [
        "int_value", "string_value", None, "bytes_value", "double_value",
    ]  # fmt: skip


def test_metric_kinds_are_told_by_their_class() -> None:
    histogram = Histogram(
        [HistogramDataPoint(count=3, sum=0.0, bucket_counts=[1, 2], explicit_bounds=[0.5])], 2
    )
    counter = Sum([NumberDataPoint(value=0), NumberDataPoint(value=0.0)], 1, True)
    metrics = [Metric("latency", data=histogram), Metric("requests", data=counter), Metric("empty")]
    data = otlp.encode_metrics(MetricsData([ResourceMetrics(scope_metrics=[ScopeMetrics(metrics=metrics)])]))
    read = otlp.decode_metrics(data).resource_metrics[0].scope_metrics[0].metrics
    assert read == metrics
    assert [type(point.value) for point in read[1].data.data_points] == [int, float]  # type: ignore[union-attr]


def test_unset_and_empty_messages_stay_apart() -> None:
    for data in (b"\x0a\x00", b"\x0a\x02\x0a\x00", b"\x0a\x06\x12\x04\x12\x02\x7a\x00"):
        assert otlp.encode_traces(otlp.decode_traces(data)) == data
    for value in (b"", b"\x2a\x00"):  # LogRecord.body absent, then present and empty
        data = b"\x0a\x04\x12\x02\x12\x00" if not value else b"\x0a\x06\x12\x04\x12\x02" + value
        assert otlp.encode_logs(otlp.decode_logs(data)) == data
    assert otlp.decode_span(b"\x4a\x03\x0a\x01a").attributes == [KeyValue("a", EncodedValue(None, None))]
    assert otlp.decode_span(b"\x4a\x05\x0a\x01a\x12\x00").attributes == [KeyValue("a", None)]


def test_a_message_that_comes_twice_is_merged_as_protobuf_does() -> None:
    first = b"\x7a\x04\x12\x02no\x4a\x0b\x0a\x01a\x12\x06\x2a\x04\x0a\x02\x18\x01"
    second = b"\x7a\x02\x18\x02\x4a\x11\x0a\x01a\x12\x04\x2a\x02\x0a\x00\x12\x06\x2a\x04\x0a\x02\x18\x02"
    from opentelemetry.proto.trace.v1.trace_pb2 import Span as OfficialSpan

    official = OfficialSpan.FromString(first + second)
    assert otlp.encode_span(otlp.decode_span(first + second)) == oracle.canonical(official)
    body = b"\x2a\x06\x32\x04\x0a\x02\x0a\x00" * 2
    record = (
        b"\x0a"
        + bytes([len(body) + 4])
        + b"\x12"
        + bytes([len(body) + 2])
        + b"\x12"
        + bytes([len(body)])
        + body
    )
    assert otlp.encode_logs(otlp.decode_logs(record)) == oracle.canonical(oracle.parse("logs", record))


def test_packed_numbers_may_come_one_by_one() -> None:
    point = b"\x31" + bytes(8) + b"\x39" + b"\x00" * 6 + b"\xf0\x3f"
    histogram = b"\x0a" + bytes([len(point)]) + point
    metric = b"\x4a" + bytes([len(histogram)]) + histogram
    data = b"\x12" + bytes([len(metric)]) + metric
    data = b"\x12" + bytes([len(data)]) + data
    data = b"\x0a" + bytes([len(data)]) + data
    assert otlp.encode_metrics(otlp.decode_metrics(data)) == oracle.canonical(oracle.parse("metrics", data))
    buckets = otlp.decode_metrics(data).resource_metrics[0].scope_metrics[0].metrics[0].data
    assert isinstance(buckets, Histogram)
    assert (buckets.data_points[0].bucket_counts, buckets.data_points[0].explicit_bounds) == ([0], [1.0])


@given(st.binary(max_size=40))
def test_bytes_attributes_and_unknown_any_values_survive(content: bytes) -> None:
    value = b"\x0a\x01x" + b"\xfa\x07" + bytes([len(content)]) + content
    data = b"\x4a" + bytes([len(value) + 5]) + b"\x0a\x01k\x12" + bytes([len(value)]) + value
    span = otlp.decode_span(data)
    assert span.attributes["k"] == "x"
    assert otlp.encode_span(span) == data


@pytest.mark.parametrize(
    ("span", "error", "message"),
    [
        (Span(attributes=KeyValues.of({"n": 1 << 63})), ValueError, "64 bits"),
        (Span(attributes=KeyValues.of({"n": object()})), TypeError, "type object"),  # type: ignore[dict-item]
        (Span(start_time_unix_nano=-1), ValueError, "Span.start_time_unix_nano"),
        (Span(dropped_links_count=1 << 32), ValueError, "Span.dropped_links_count"),
        (Span(kind=1 << 31), ValueError, "Span.kind"),
    ],
)
def test_what_does_not_fit_is_refused_by_name(span: Span, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        otlp.encode_span(span)


def test_a_list_that_holds_itself_is_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(ValueError, match="holds itself"):
        otlp.encode_logs(
            otlp.LogsData(
                [otlp.ResourceLogs(scope_logs=[otlp.ScopeLogs(log_records=[LogRecord(body=endless)])])]
            )
        )


def test_half_a_surrogate_pair_does_not_stop_an_export() -> None:
    assert otlp.decode_span(otlp.encode_span(Span(name="a\ud800b"))).name == "a?b"
