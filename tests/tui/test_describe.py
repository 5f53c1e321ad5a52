from dataclasses import replace
from datetime import UTC

from tests.tui.spans import MS, NOW, Sketch, export
from tui.describe import describe
from tui.spans import LiveSpan, read_spans
from tui.traces import TraceStore
from tui.waterfall import lay_out
from wasm_sdk.otlp import (
    InstrumentationScope,
    KeyValues,
    Resource,
    ResourceSpans,
    ScopeSpans,
    SpanEvent,
    SpanLink,
    TracesData,
    encode_traces,
)
from wasm_sdk.otlp.wire import SpanSlice


def described(data: bytes, index: int = 0, arrived: int = NOW) -> str:
    store = TraceStore()
    store.add(read_spans(data, arrived), NOW)
    (trace,) = store.traces()
    waterfall = lay_out(trace.spans.values())
    return describe(trace, waterfall, waterfall.nodes[index], UTC).plain


def test_what_was_dropped_cut_or_unknown_is_said() -> None:
    span = replace(
        Sketch("x", attributes={f"key.{number}": "v" * 5000 for number in range(250)}).span(),
        kind=99,
        trace_state="vendor=1",
        dropped_attributes_count=3,
        events=[SpanEvent(NOW - 2 * MS, f"event {number}") for number in range(205)],
        dropped_events_count=4,
        links=[SpanLink(b"\1" * 16, b"\2" * 8, attributes=KeyValues.of({"why": "retry"}))],
        dropped_links_count=5,
    )
    scope = InstrumentationScope("lib", "2", attributes=KeyValues.of({"level": 1}))
    text = described(encode_traces(TracesData([ResourceSpans(Resource(), [ScopeSpans(scope, [span])])])))
    for expected in (
        "99 (not in OpenTelemetry)",
        "vendor=1",
        "Attributes (250)",
        "and 50 more",
        "… (5,000 characters)",
        "3 dropped by the sender",
        "-2ms",
        "and 5 more",
        "4 dropped by the sender",
        f"trace {'01' * 16} span {'02' * 8}",
        "why = retry",
        "5 dropped by the sender",
        "Scope  lib 2",
        "level = 1",
    ):
        assert expected in text


def test_odd_times_are_said() -> None:
    text = described(export([Sketch("root", 5, 9), Sketch("early", 2, 1, 2, 1)]), 1, NOW + 60_000 * MS)
    assert "starts 3ms before its parent" in text
    assert "arrived 1m 00s after" in text
    assert "ends before it starts" in text
    circular = export([Sketch("a", 0, 1, 1, 2), Sketch("b", 0, 1, 2, 1)])
    assert "one of its own descendants" in described(circular)


def test_a_span_whose_attributes_are_broken_is_still_shown() -> None:
    broken = SpanSlice(b"", b"", _span() + b"\x4a\x02\x0a\x7f")
    span = LiveSpan(broken, "shop", b"\2" * 8, b"", "x", NOW, NOW, False, None)
    store = TraceStore()
    store.add([(b"\1" * 16, span)], NOW)
    waterfall = lay_out([span])
    text = describe(store.traces()[0], waterfall, waterfall.nodes[0], UTC).plain
    assert "cannot be decoded" in text
    assert list(span.attributes()) == []


def _span() -> bytes:
    """The encoded span alone: what stands in the innermost field of an export."""
    ((_, span),) = read_spans(export([Sketch("x")]))
    return bytes(span.slice.span)
