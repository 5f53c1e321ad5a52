"""Spans: what instrumentation sets is what exporters read."""

import asyncio
import time

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

from wasm_sdk.propagation.trace_state import W3CTraceState
from wasm_sdk.sdk.limits import SpanLimits
from wasm_sdk.sdk.trace import Span

REMOTE = SpanContext(0xA0, 0xB0, True, TraceFlags(3), W3CTraceState([("v", "1")]))


def under(context: SpanContext) -> Context:
    return trace.set_span_in_context(trace.NonRecordingSpan(context), Context())


def test_a_root_span(tracer):
    before = time.time_ns()
    span = tracer.start_span("root", Context())
    assert isinstance(span, Span) and isinstance(span, trace.Span)
    assert span.is_recording() and span.parent is None and span.end_time is None
    context = span.get_span_context()
    assert context.is_valid and not context.is_remote
    assert context.trace_flags == TraceFlags.SAMPLED | TraceFlags.RANDOM_TRACE_ID
    assert context is span.get_span_context() is span.context
    span.end()
    assert not span.is_recording()
    assert before <= span.start_time <= span.end_time <= time.time_ns() + 1_000_000


def test_a_child_of_the_current_span(tracer):
    with tracer.start_as_current_span("parent") as parent:
        child = tracer.start_span("child")
        assert trace.get_current_span() is parent
    assert child.parent == parent.get_span_context()
    assert child.context.trace_id == parent.context.trace_id
    assert trace.get_current_span() is trace.INVALID_SPAN


def test_an_explicit_parent_wins_over_the_current_span(tracer):
    with tracer.start_as_current_span("current"):
        child = tracer.start_span("child", under(REMOTE))
        root = tracer.start_span("root", Context())
    assert child.parent == REMOTE and child.context.trace_id == REMOTE.trace_id
    assert child.context.trace_state is REMOTE.trace_state
    assert root.parent is None


def test_an_invalid_parent_is_none(tracer):
    span = tracer.start_span("root", under(SpanContext(0, 5, True)))
    assert span.parent is None and span.context.is_valid


def test_times_can_be_given(tracer):
    span = tracer.start_span("s", Context(), start_time=5)
    span.add_event("e", timestamp=6)
    span.end(7)
    assert (span.start_time, span.events[0].timestamp, span.end_time) == (5, 6, 7)


def test_children_count_from_the_clock_of_their_root(tracer, monkeypatch):
    root = tracer.start_span("root", Context())
    context = trace.set_span_in_context(root, Context())
    monkeypatch.setattr(time, "time_ns", lambda: 0)  # the wall clock is set back
    child = tracer.start_span("child", context)
    child.add_event("event")
    child.end()
    root.end()
    assert root.start_time <= child.start_time <= child.events[0].timestamp <= child.end_time <= root.end_time


def test_attributes(tracer):
    span = tracer.start_span("s", Context(), attributes={"a": 1, "b": "two"})
    span.set_attribute("c", 3.0)
    span.set_attributes({"d": True, "a": 4})
    span.set_attribute("list", ["x", "y"])
    span.set_attribute("bytes", b"\x00")
    span.set_attribute("map", {"k": [1, {"n": None}]})
    span.set_attribute("none", None)
    span.set_attribute("schlüssel", "wört")
    assert dict(span.attributes) == {
        "a": 4, "b": "two", "c": 3.0, "d": True, "list": ("x", "y"), "bytes": b"\x00",
        "map": {"k": (1, {"n": None})}, "none": None, "schlüssel": "wört",
    }  # fmt: skip


def test_given_collections_are_copied(tracer):
    given, values = {"a": 1}, ["x"]
    span = tracer.start_span("s", Context(), attributes=given)
    span.set_attribute("list", values)
    given["b"] = 2
    values.append("y")
    assert dict(span.attributes) == {"a": 1, "list": ("x",)}
    with pytest.raises(TypeError):
        span.attributes["c"] = 3


@pytest.mark.parametrize(("key", "value"), [("", 1), (5, 1), ("object", object()), ("nested", [object()])])
def test_invalid_attributes_are_left_out_and_logged(tracer, caplog, key, value):
    span = tracer.start_span("s", Context())
    span.set_attribute(key, value)
    span.set_attribute("ok", 1)
    if type(key) is str:
        assert dict(span.attributes) == {"ok": 1}
        assert "left out" in caplog.text
    started = tracer.start_span("s", Context(), attributes={key: value, "ok": [1]})
    assert dict(started.attributes) == {"ok": (1,)}


def test_events_keep_their_order(tracer):
    span = tracer.start_span("s", Context())
    span.add_event("first", {"a": [1, 2], "bad": object()})
    span.add_event("second")
    assert [event.name for event in span.events] == ["first", "second"]
    assert dict(span.events[0].attributes) == {"a": (1, 2)}
    assert span.start_time <= span.events[0].timestamp <= span.events[1].timestamp
    assert "first" in repr(span.events[0])


def test_links_keep_their_order(tracer):
    other = SpanContext(3, 4, False)
    span = tracer.start_span("s", Context(), links=[Link(REMOTE, {"k": "v"})])
    span.add_link(other)
    span.add_link(trace.INVALID_SPAN_CONTEXT)
    span.add_link(trace.INVALID_SPAN_CONTEXT, {"why": "kept for its attributes"})
    assert [link.context for link in span.links] == [REMOTE, other, trace.INVALID_SPAN_CONTEXT]
    assert span.links[0].attributes == {"k": "v"}


def test_status(tracer):
    span = tracer.start_span("s", Context())
    assert span.status.status_code is StatusCode.UNSET
    span.set_status(StatusCode.ERROR, "broken")
    assert (span.status.status_code, span.status.description) == (StatusCode.ERROR, "broken")
    span.set_status(StatusCode.UNSET)
    assert span.status.status_code is StatusCode.ERROR
    span.set_status(Status(StatusCode.OK))
    span.set_status(Status(StatusCode.ERROR, "too late"))
    assert span.status.status_code is StatusCode.OK and span.status.description is None


def test_a_description_beside_a_status_object_is_ignored(tracer, caplog):
    span = tracer.start_span("s", Context())
    span.set_status(Status(StatusCode.ERROR, "inner"), "outer")
    assert span.status.description == "inner" and "'outer' is ignored" in caplog.text


def test_the_name_can_change(tracer):
    span = tracer.start_span("s", Context(), kind=SpanKind.SERVER)
    span.update_name("GET /x")
    assert (span.name, span.kind) == ("GET /x", SpanKind.SERVER)
    assert "GET /x" in repr(span)


def test_an_ended_span_does_not_change(tracer, keep, caplog):
    span = tracer.start_span("s", Context(), attributes={"a": 1})
    span.end()
    end = span.end_time
    span.set_attribute("a", 2)
    span.set_attributes({"b": 3})
    span.add_event("late")
    span.add_link(REMOTE)
    span.update_name("other")
    span.set_status(StatusCode.ERROR)
    span.record_exception(ValueError())
    span.end()
    assert (span.name, dict(span.attributes), span.events, span.links) == ("s", {"a": 1}, (), ())
    assert span.status.status_code is StatusCode.UNSET and span.end_time == end
    assert keep.ended == [span]
    assert caplog.text.count("has ended") == 8


class Trouble(Exception):  # noqa: N818
    pass


def test_exceptions_are_events(tracer):
    span = tracer.start_span("s", Context())
    try:
        raise Trouble("nested")
    except Trouble as error:
        span.record_exception(error, {"exception.message": "mine", "more": 1}, timestamp=9)
    span.record_exception(ValueError("plain"))
    first, second = span.events
    assert (first.name, first.timestamp) == ("exception", 9)
    assert first.attributes["exception.type"].endswith("test_span.Trouble")
    assert (first.attributes["exception.message"], first.attributes["more"]) == ("mine", 1)
    assert 'raise Trouble("nested")' in first.attributes["exception.stacktrace"]
    assert second.attributes["exception.type"] == "ValueError"


@pytest.mark.parametrize("start", ["start_span", "start_as_current_span"])
@pytest.mark.parametrize(("record", "status"), [(True, True), (True, False), (False, True), (False, False)])
def test_an_exception_that_leaves_the_block_is_noted_as_asked(tracer, keep, start, record, status):
    with (
        pytest.raises(Trouble),
        getattr(tracer, start)("s", record_exception=record, set_status_on_exception=status),
    ):
        raise Trouble("out")
    (span,) = keep.ended
    assert len(span.events) == record
    assert span.status.status_code is (StatusCode.ERROR if status else StatusCode.UNSET)
    assert span.status.description == ("Trouble: out" if status else None)


def test_cancellation_is_no_error(tracer, keep):
    with pytest.raises(asyncio.CancelledError), tracer.start_as_current_span("s"):
        raise asyncio.CancelledError
    assert not keep.ended[0].events and keep.ended[0].status.status_code is StatusCode.UNSET


def test_a_block_may_leave_its_span_open(tracer, keep):
    with tracer.start_as_current_span("s", end_on_exit=False) as span:
        pass
    assert not keep.ended and span.is_recording()


def test_use_span_of_the_api(tracer, keep):
    span = tracer.start_span("s", Context())
    with pytest.raises(Trouble), trace.use_span(span, end_on_exit=True):
        assert trace.get_current_span() is span
        raise Trouble("out")
    assert keep.ended == [span] and span.events[0].name == "exception"


async def test_decorated_functions_have_a_span_each_call(tracer, keep):
    @tracer.start_as_current_span("plain", attributes={"a": 1})
    def plain(depth: int) -> int:
        return plain(depth - 1) if depth else trace.get_current_span().get_span_context().span_id

    @tracer.start_as_current_span("async")
    async def coroutine() -> int:
        await asyncio.sleep(0.001)
        return trace.get_current_span().get_span_context().span_id

    assert plain.__name__ == "plain"
    innermost = plain(1)
    assert [span.name for span in keep.ended] == ["plain", "plain"]
    assert keep.ended[0].context.span_id == innermost and keep.ended[0].parent == keep.ended[1].context
    assert await coroutine() == keep.ended[2].context.span_id
    assert keep.ended[2].end_time - keep.ended[2].start_time >= 1_000_000


async def test_tasks_keep_their_own_current_span(tracer):
    async def work(name: str) -> SpanContext:
        with tracer.start_as_current_span(name):
            await asyncio.sleep(0)
            child = tracer.start_span("child")
            await asyncio.sleep(0)
            return child.parent

    with tracer.start_as_current_span("root") as root:
        parents = await asyncio.gather(*(work(str(n)) for n in range(5)))
    assert len({parent.span_id for parent in parents}) == 5
    assert {parent.trace_id for parent in parents} == {root.context.trace_id}


LIMITS = SpanLimits(
    max_span_attributes=2, max_events=1, max_links=1, max_event_attributes=1, max_link_attributes=0,
    max_span_attribute_length=3, max_attribute_length=2,
)  # fmt: skip


def test_what_exceeds_a_limit_is_dropped_and_counted(provide, caplog):
    span = (
        provide(span_limits=LIMITS)
        .get_tracer("t")
        .start_span(
            "s", Context(), attributes={"a": 1, "b": 2, "c": 3}, links=[Link(REMOTE, {"x": 1}), Link(REMOTE)]
        )
    )
    span.set_attribute("d", 4)
    span.set_attribute("a", 10)
    span.add_event("kept", {"x": "long", "y": 1})
    span.add_event("dropped")
    span.add_event("dropped")
    assert dict(span.attributes) == {"a": 10, "b": 2}
    assert (span.dropped_attributes, span.dropped_events, span.dropped_links) == (2, 2, 1)
    assert (span.events[0].attributes, span.events[0].dropped_attributes) == ({"x": "lo"}, 1)
    assert (span.links[0].attributes, span.links[0].dropped_attributes) == ({}, 1)
    assert caplog.text.count("further ones are dropped") == 2, "events and links: once a span each"


def test_values_are_cut_to_length(provide):
    tracer = provide(span_limits=SpanLimits(max_span_attribute_length=3)).get_tracer("t")
    span = tracer.start_span("s", Context(), attributes={"s": "äöüß", "n": 12345})
    span.set_attribute("l", ["long text", "x", 12345])
    span.set_attribute("b", b"12345")
    span.set_attribute("m", {"long key": "long value"})
    span.set_attribute("f", 1.23456)
    assert dict(span.attributes) == {
        "s": "äöü", "n": 12345, "l": ("lon", "x", 12345), "b": b"123", "m": {"long key": "lon"}, "f": 1.23456,
    }  # fmt: skip


def test_no_limit(provide):
    limits = SpanLimits(max_span_attributes=None, max_events=None, max_links=None, max_event_attributes=None)
    span = provide(span_limits=limits).get_tracer("t").start_span("s", Context())
    for n in range(300):
        span.set_attribute(str(n), n)
        span.add_event(str(n), {str(m): m for m in range(200)})
        span.add_link(REMOTE)
    assert (len(span.attributes), len(span.events), len(span.links)) == (300, 300, 300)
