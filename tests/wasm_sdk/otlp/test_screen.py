"""The check at the door."""

import pytest
from hypothesis import HealthCheck, given, settings
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData as OfficialTraces

from tests.conftest import Sample
from tests.wasm_sdk.otlp import oracle
from wasm_sdk import otlp
from wasm_sdk.otlp import MalformedOTLP, Resource, ResourceSpans, ScopeSpans, Signal, Span, TracesData
from wasm_sdk.otlp.screen import screen
from wasm_sdk.otlp.transcode import json_to_protobuf

GOOD = Span(trace_id=b"t" * 16, span_id=b"s" * 8, name="good")


def request(*spans: Span) -> bytes:
    return otlp.encode_traces(TracesData([ResourceSpans(Resource(), [ScopeSpans(spans=list(spans))], "url")]))


def test_a_valid_request_passes_as_the_same_object() -> None:
    data = request(GOOD, Span(trace_id=b"t" * 16, span_id=b"s" * 8, parent_span_id=b"p" * 8))
    screened = screen(Signal.TRACES, data)
    assert screened.data is data
    assert screened[1:] == (2, 0, "")
    assert screen(Signal.TRACES, b"") == (b"", 0, 0, "")


@pytest.mark.parametrize(
    ("bad", "fault"),
    [
        (Span(trace_id=b"t" * 15, span_id=b"s" * 8, name="n"), "its trace id has 15 bytes, not 16"),
        (Span(span_id=b"s" * 8, name="n"), "its trace id has 0 bytes, not 16"),
        (Span(trace_id=bytes(16), span_id=b"s" * 8, name="n"), "its trace id is all zero"),
        (Span(trace_id=b"t" * 16, span_id=b"s", name="n"), "its span id has 1 bytes, not 8"),
        (Span(trace_id=b"t" * 16, span_id=bytes(8), name="n"), "its span id is all zero"),
        (
            Span(trace_id=b"t" * 16, span_id=b"s" * 8, parent_span_id=b"p", name="n"),
            "its parent span id has 1 bytes, not 8",
        ),
    ],
)
def test_an_invalid_span_is_cut_out_and_told(bad: Span, fault: str) -> None:
    screened = screen(Signal.TRACES, request(GOOD, bad, GOOD))
    assert otlp.encode_traces(otlp.decode_traces(screened.data)) == request(GOOD, GOOD)
    assert (screened.items, screened.rejected) == (2, 1)
    assert screened.message == f"1 invalid; span 1 of the request ('n'): {fault}"


def test_of_invalid_spans_alone_nothing_remains_no_empty_envelope() -> None:
    assert screen(Signal.TRACES, request(Span(), Span()))[:3] == (b"", 0, 2)


def test_items_are_what_partial_success_counts(otlp_samples: list[Sample]) -> None:
    for sample in otlp_samples:
        if sample.encoding not in ("protobuf", "json"):
            continue
        data = sample.path.read_bytes()
        signal = Signal(sample.signal)
        if sample.encoding == "json":
            data = json_to_protobuf(signal, data)
        screened = screen(signal, data)
        assert screened.items + screened.rejected == count(otlp.decode(signal, data)), sample.name


def count(request: object) -> int:
    if isinstance(request, TracesData):
        return sum(len(s.spans) for r in request.resource_spans for s in r.scope_spans)
    if isinstance(request, otlp.LogsData):
        return sum(len(s.log_records) for r in request.resource_logs for s in r.scope_logs)
    assert isinstance(request, otlp.MetricsData)
    metrics = [m for r in request.resource_metrics for s in r.scope_metrics for m in s.metrics]
    return sum(len(metric.data.data_points) for metric in metrics if metric.data)


@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(oracle.requests("traces", unknown=True))
def test_what_passes_is_every_valid_span_and_no_other(message: OfficialTraces) -> None:
    spans = [
        span for resource in message.resource_spans for scope in resource.scope_spans for span in scope.spans
    ]
    valid = [
        span.SerializeToString(deterministic=True)
        for span in spans
        if len(span.trace_id) == 16
        and any(span.trace_id)
        and len(span.span_id) == 8
        and any(span.span_id)
        and len(span.parent_span_id) in (0, 8)
    ]
    screened = screen(Signal.TRACES, message.SerializeToString(deterministic=True))
    kept = OfficialTraces.FromString(screened.data)
    assert [
        span.SerializeToString(deterministic=True)
        for resource in kept.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ] == valid
    assert (screened.items, screened.rejected) == (len(valid), len(spans) - len(valid))


def test_a_fault_anywhere_refuses_the_request() -> None:
    data = request(GOOD)
    with pytest.raises(MalformedOTLP, match="UTF-8"):
        screen(Signal.TRACES, data.replace(b"good", b"go\xffd"))
    with pytest.raises(MalformedOTLP, match="wire type"):
        screen(Signal.METRICS, data)
    assert screen(Signal.TRACES, bytearray(data)).items == 1  # type: ignore[arg-type]
