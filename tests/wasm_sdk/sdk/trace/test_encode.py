"""What is exported, against the official encoder reading the very same spans."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.trace import Link, SpanContext, SpanKind, StatusCode, TraceFlags

from wasm_sdk.propagation.trace_state import W3CTraceState
from wasm_sdk.sdk.limits import SpanLimits
from wasm_sdk.sdk.resource import Resource
from wasm_sdk.sdk.trace import TracerProvider
from wasm_sdk.sdk.trace.encode import TraceEncoder

REMOTE = SpanContext(0xA0, 0xB0, True, TraceFlags(1), W3CTraceState([("v", "1"), ("w", "2")]))


def without_flags(request: ExportTraceServiceRequest) -> ExportTraceServiceRequest:
    """The official exporter leaves the W3C flags and the tracestate of links out."""
    for resource in request.resource_spans:
        for scope in resource.scope_spans:
            for span in scope.spans:
                span.flags &= 0x300
                for link in span.links:
                    link.flags &= 0x300
                    link.trace_state = ""
                if not span.HasField("status"):
                    span.status.SetInParent()
    return request


def test_a_batch_is_what_the_official_encoder_makes_of_it():
    limits = SpanLimits(max_span_attributes=8, max_events=2, max_links=1, max_event_attributes=1)
    provider = TracerProvider(
        resource=Resource({"service.name": "s", "list": ["a", "b"]}, "https://schema/r"),
        span_limits=limits,
        shutdown_on_exit=False,
    )
    context = trace.set_span_in_context(trace.NonRecordingSpan(REMOTE), Context())
    spans = []
    for library, kind in (("a", SpanKind.SERVER), ("b", SpanKind.CLIENT), ("a", SpanKind.INTERNAL)):
        tracer = provider.get_tracer(library, "1.0", "https://schema/s", {"scope": True})
        span = tracer.start_span(
            f"span of {library}", context, kind,
            {"s": "ä", "i": -5, "big": 2**62, "f": 0.5, "t": True, "l": [1, 2],
             "b": b"\x00\xff", "m": {"k": "v"},
             "one too many": 1},
            [Link(REMOTE, {"l": 1}), Link(REMOTE)],
        )  # fmt: skip
        for n in range(3):
            span.add_event(f"event {n}", {"a": n, "b": n})
        span.set_status(StatusCode.ERROR, "why")
        context = trace.set_span_in_context(span, Context())
        spans.append(span)
        span.end()
    root = provider.get_tracer("c").start_span("root", Context())
    root.end()
    spans.append(root)
    ours = ExportTraceServiceRequest.FromString(TraceEncoder().encode(spans))
    assert ours.resource_spans[0].scope_spans[0].spans[0].flags == 0x301, "the remote parent is sampled"
    assert ours.resource_spans[0].scope_spans[0].spans[0].links[0].trace_state == "v=1,w=2"
    assert ours.resource_spans[0].scope_spans[2].spans[0].flags == 0x103, "the root is sampled and random"
    assert without_flags(ours) == without_flags(encode_spans(spans))


VALUES = st.recursive(
    st.one_of(
        st.text(), st.booleans(), st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.binary()
    ),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1), inner, max_size=3),
    max_leaves=5,
)


@given(st.text(), st.dictionaries(st.text(min_size=1), VALUES, max_size=5))
def test_any_name_and_attributes(name, attributes):
    provider = TracerProvider(resource=Resource({}), shutdown_on_exit=False)
    span = provider.get_tracer("t").start_span(name, Context(), attributes=attributes)
    span.add_event(name, attributes)
    span.end()
    ours = ExportTraceServiceRequest.FromString(TraceEncoder().encode([span]))
    assert without_flags(ours) == without_flags(encode_spans([span]))


def test_a_value_that_protobuf_cannot_hold_costs_no_span():
    tracer = TracerProvider(resource=Resource({}), shutdown_on_exit=False).get_tracer("t")
    span = tracer.start_span("s", Context(), attributes={"big": 2**70, "ok": 1})
    span.add_event("e", {"big": [-(2**70)]})
    span.end()
    request = ExportTraceServiceRequest.FromString(TraceEncoder().encode([span]))
    (encoded,) = request.resource_spans[0].scope_spans[0].spans
    assert {item.key: item.value.string_value for item in encoded.attributes} == {"big": str(2**70), "ok": ""}


@pytest.mark.parametrize("time", [-1, 2**64])
def test_a_span_that_cannot_be_encoded_is_left_out_and_logged(time, caplog):
    tracer = TracerProvider(resource=Resource({}), shutdown_on_exit=False).get_tracer("t")
    bad = tracer.start_span("bad", Context(), start_time=time)
    bad.end()
    good = tracer.start_span("good", Context())
    good.end()
    request = ExportTraceServiceRequest.FromString(TraceEncoder().encode([bad, good]))
    assert [span.name for span in request.resource_spans[0].scope_spans[0].spans] == ["good"]
    assert "'bad'" in caplog.text


def test_nothing_makes_an_empty_request():
    assert TraceEncoder().encode([]) == b""
