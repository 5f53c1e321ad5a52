"""A trace built by hand, as protobuf and as JSON, read back, screened, cut into slices and joined again.

Run it from the checkout: `python -m examples.otlp_roundtrip`.
"""

import time

from wasm_sdk import otlp
from wasm_sdk.otlp import (
    KeyValues,
    MalformedOTLP,
    Resource,
    ResourceSpans,
    ScopeSpans,
    Signal,
    Span,
    SpanKind,
)
from wasm_sdk.otlp.screen import screen
from wasm_sdk.otlp.transcode import json_to_protobuf, protobuf_to_json
from wasm_sdk.otlp.wire import iter_spans, join_spans


def checkout(now: int) -> otlp.TracesData:
    """Two spans of a shop: the request, and the query inside it."""
    request = Span(
        trace_id=bytes.fromhex("5b8efff798038103d269b633813fc60c"),
        span_id=bytes.fromhex("eee19b7ec3c1b174"),
        name="POST /checkout",
        kind=SpanKind.SERVER,
        start_time_unix_nano=now,
        end_time_unix_nano=now + 42_000_000,
        attributes=KeyValues.of({"http.response.status_code": 200, "cart": {"items": 3, "skus": ["a", "b"]}}),
    )
    query = Span(
        trace_id=request.trace_id,
        span_id=bytes.fromhex("eee19b7ec3c1b175"),
        parent_span_id=request.span_id,
        name="INSERT shop.orders",
        kind=SpanKind.CLIENT,
        start_time_unix_nano=now + 5_000_000,
        end_time_unix_nano=now + 9_000_000,
    )
    resource = Resource(KeyValues.of({"service.name": "shop"}))
    return otlp.TracesData([ResourceSpans(resource, [ScopeSpans(spans=[request, query])])])


def main() -> None:
    traces = checkout(time.time_ns())

    data = otlp.encode_traces(traces)
    text = protobuf_to_json(Signal.TRACES, data)
    print(f"protobuf: {len(data)} bytes, JSON: {len(text)} bytes")
    assert otlp.decode_traces(data) == traces
    assert json_to_protobuf(Signal.TRACES, text) == data

    print("attributes:", traces.resource_spans[0].scope_spans[0].spans[0].attributes.as_dict())

    slices = list(iter_spans(data))
    servers = join_spans(each for each in slices if each.kind == SpanKind.SERVER)
    print(f"of {len(slices)} spans the server's alone: {len(servers)} bytes, no span decoded")

    traces.resource_spans[0].scope_spans[0].spans[1].span_id = bytes(8)
    screened = screen(Signal.TRACES, otlp.encode_traces(traces))
    print(f"screened: {screened.items} accepted, {screened.message}")

    try:
        otlp.decode_traces(data[:100])
    except MalformedOTLP as error:
        print("cut short:", error)
    try:
        otlp.decode_traces_json(text.replace(b"5b8efff7", b"trace-id"))
    except MalformedOTLP as error:
        print("not hexadecimal:", error)


if __name__ == "__main__":
    main()
