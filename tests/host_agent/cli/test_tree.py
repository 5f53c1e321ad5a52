"""A trace as an indented tree of text."""

from hypothesis import given
from hypothesis import strategies as st

from host_agent.cli.tree import NAME_WIDTH, build_forest, format_duration, render_tree
from wasm_sdk.otlp import (
    KeyValues,
    Resource,
    ResourceSpans,
    ScopeSpans,
    Span,
    SpanKind,
    Status,
    StatusCode,
    TracesData,
)


def span(
    number: int, parent: int = 0, name: str = "", start: int = 0, end: int = 100, **fields: object
) -> Span:
    return Span(
        trace_id=b"\1" * 16,
        span_id=number.to_bytes(8, "big"),
        parent_span_id=parent.to_bytes(8, "big") if parent else b"",
        name=name or f"span {number}",
        start_time_unix_nano=start,
        end_time_unix_nano=end,
        **fields,  # type: ignore[arg-type]
    )


def trace(*spans: Span, service: str = "shop") -> TracesData:
    resource = Resource(attributes=KeyValues.of({"service.name": service}))
    return TracesData([ResourceSpans(resource=resource, scope_spans=[ScopeSpans(spans=list(spans))])])


def test_children_stand_below_their_parent_in_the_order_they_began() -> None:
    lines = render_tree(trace(span(1), span(3, 1, start=50), span(2, 1, start=10), span(4, 2, start=20)))
    assert [line[:NAME_WIDTH].rstrip() for line in lines] == [
        "span 1",
        "├─ span 2",
        "│  └─ span 4",
        "└─ span 3",
    ]


def test_a_line_tells_kind_service_duration_and_failure() -> None:
    failed = Status(code=StatusCode.ERROR)
    (line,) = render_tree(trace(span(1, name="GET /", kind=SpanKind.SERVER, end=1_500_000, status=failed)))
    assert line.startswith("GET / · server ")
    assert "  shop  " in line
    assert "1.5 ms" in line
    assert line.endswith("✗")


def test_a_span_without_its_parent_stands_as_a_root() -> None:
    assert [root.span.name for root in build_forest(trace(span(1, parent=9), span(2, parent=1)))] == [
        "span 1"
    ]


def test_an_unknown_kind_is_shown_without_one() -> None:
    assert render_tree(trace(span(1, kind=77)))[0].startswith("span 1 ")


def test_names_cannot_move_the_cursor() -> None:
    assert "\x1b" not in render_tree(trace(span(1, name="\x1b[2Jgone"), service="a\nb"))[0]


def test_an_empty_trace_says_so() -> None:
    assert render_tree(TracesData()) == ["(no spans)"]


def test_a_deep_trace_needs_no_deep_stack() -> None:
    assert len(render_tree(trace(*(span(n, n - 1) for n in range(1, 1501))))) == 1500


@given(
    st.lists(st.tuples(st.integers(1, 12), st.integers(0, 12)), min_size=1, unique_by=lambda pair: pair[0])
)
def test_every_span_is_shown_once_whatever_the_parents_say(pairs: list[tuple[int, int]]) -> None:
    lines = render_tree(trace(*(span(*pair) for pair in pairs)))
    names = [line[:NAME_WIDTH].rstrip().split("─ ")[-1] for line in lines]
    assert sorted(names) == sorted(f"span {number}" for number, _ in pairs)


def test_durations_have_three_digits_and_a_unit() -> None:
    assert [format_duration(n) for n in (0, 999, 12_340, 4_560_000, 1_200_000_000)] == [
        "0 ns",
        "999 ns",
        "12.3 us",
        "4.56 ms",
        "1.2 s",
    ]
