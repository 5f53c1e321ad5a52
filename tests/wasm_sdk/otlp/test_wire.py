"""Cutting requests into span slices and joining them again."""

import pytest
from hypothesis import HealthCheck, given, settings
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData as OfficialTraces

from tests.conftest import Sample
from tests.wasm_sdk.otlp import oracle
from wasm_sdk import otlp
from wasm_sdk.otlp import (
    InstrumentationScope,
    KeyValues,
    MalformedOTLP,
    Resource,
    ResourceSpans,
    ScopeSpans,
    Span,
)
from wasm_sdk.otlp.wire import SpanSlice, iter_spans, join_spans, put_varint, varint

GENERATED = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))


def flattened(data: bytes) -> list[tuple[object, ...]]:
    """Every span with all that it belongs to, as the official library reads it."""
    return [
        (
            resource.resource.SerializeToString(deterministic=True),
            resource.schema_url,
            scope.scope.SerializeToString(deterministic=True),
            scope.schema_url,
            span.SerializeToString(deterministic=True),
        )
        for resource in OfficialTraces.FromString(data).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def assert_slices_are(data: bytes) -> None:
    slices = list(iter_spans(data))
    resources = otlp.decode_traces(data).resource_spans
    decoded = [span for resource in resources for scope in resource.scope_spans for span in scope.spans]
    assert len(slices) == len(decoded)
    for cut, span in zip(slices, decoded, strict=True):
        assert otlp.encode_span(otlp.decode_span(cut.span)) == otlp.encode_span(span)
        assert (cut.trace_id, cut.span_id, cut.parent_span_id) == (
            span.trace_id,
            span.span_id,
            span.parent_span_id,
        )
        assert (cut.name, cut.kind, cut.status, cut.flags) == (
            span.name,
            span.kind,
            span.status.code,
            span.flags,
        )
        assert (cut.start, cut.end) == (span.start_time_unix_nano, span.end_time_unix_nano)
    assert flattened(join_spans(slices)) == flattened(data)


def test_slices_of_the_samples_say_what_the_decoder_says(otlp_samples: list[Sample]) -> None:
    for sample in otlp_samples:
        if sample.signal == "traces" and sample.encoding == "protobuf":
            assert_slices_are(sample.path.read_bytes())


@GENERATED
@given(oracle.requests("traces", unknown=True))
def test_slices_of_generated_requests_say_what_the_decoder_says(message: OfficialTraces) -> None:
    assert_slices_are(message.SerializeToString())


def request(*names: str) -> bytes:
    return otlp.encode_traces(
        otlp.TracesData(
            [
                ResourceSpans(
                    Resource(KeyValues.of({"service.name": "shop"})),
                    [
                        ScopeSpans(
                            InstrumentationScope("lib"), [Span(name=name) for name in names], "scope-url"
                        )
                    ],
                    "resource-url",
                )
            ]
        )
    )


def in_order(data: bytes) -> bytes:
    """The same request with its fields in the order of their numbers."""
    return otlp.encode_traces(otlp.decode_traces(data))


def test_a_subset_keeps_its_resource_scope_and_schema_urls() -> None:
    slices = list(iter_spans(request("a", "b", "c")))
    assert in_order(join_spans([slices[0], slices[2]])) == request("a", "c")
    assert join_spans([]) == b""


def test_neighbours_of_one_resource_and_scope_share_it() -> None:
    slices = list(iter_spans(request("a"))) + list(iter_spans(request("b")))
    assert in_order(join_spans(slices)) == request("a", "b")
    apart = SpanSlice(b"", slices[1].scope, slices[1].span)
    assert len(otlp.decode_traces(join_spans([slices[0], apart])).resource_spans) == 2


def test_slices_are_values() -> None:
    one, same = (next(iter_spans(request("a"))) for _ in range(2))
    other = next(iter_spans(request("b")))
    assert one == same
    assert one != other
    assert one != "a"
    assert len({one, same, other}) == 2
    assert "'a'" in repr(one)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x08\x01", "field 1 with wire type 0"),
        (b"\x0a\x02\x10\x01", "field 2 with wire type 0"),
        (b"\x0a\x06\x12\x04\x12\x02\x08\x01", "wrong wire type"),
        (b"\x0a\x06\x12\x04\x12\x02\x32\x00", "wrong wire type"),
        (b"\x0a\x08\x12\x06\x12\x04\x7a\x02\x1a\x00", "Status.code"),
        (b"\x0a\x06\x12\x04\x12\x02\x39\x01", "ends in the middle"),
        (b"\x0a\x06\x12\x04\x12\x02\x85\x01", "ends in the middle"),
        (b"\x0a\x05\x12\x03\x12\x01\x2a", "ends in the middle"),
        (b"\x0a\x07\x12\x05\x12\x03\x2a\x01\xff", "UTF-8"),
        (b"\x0a\x7f", "runs past"),
    ],
)
def test_what_is_no_request_is_refused(data: bytes, reason: str) -> None:
    with pytest.raises(MalformedOTLP, match=reason):
        list(iter_spans(data))


def test_varints_cross_both_ways() -> None:
    for number in (0, 1, 127, 128, 300, 2**32, 2**63, 2**64 - 1):
        out = bytearray()
        put_varint(out, number)
        assert varint(bytes(out), 0) == (number, len(out))
