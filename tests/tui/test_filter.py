import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tui.spans import Sketch, checkout, export, trace_id
from tui.filter import FilterError, parse
from tui.spans import read_spans
from tui.traces import Trace, TraceStore, TraceSummary
from tui.widgets.filter_bar import settled


def trace(*sketches: Sketch) -> Trace:
    store = TraceStore()
    store.add(read_spans(export(sketches)), 0)
    (only,) = store.traces()
    return only


GOOD = trace(*checkout())
BAD = trace(*checkout(2, failed=True))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "service=shop",
        "service=sho*",
        "service~SHOP",
        "service!=auth",
        'name="click #buy"',
        "name~click",
        "operation=risk?score",
        "duration>100ms",
        "duration=182ms",
        "duration<1s",
        "spans=7 spans>=7 spans<8",
        "errors=0",
        "ok",
        "-error",
        "not error",
        "status=ok",
        "status!=error",
        "trace=0000",
        "trace=*01",
        "http.route=/checkout",
        "http.route~charge",
        "http.response.status_code<300",
        "@http.route=/charge",
        "host.name=loom",
        "http.route!=/login",
        "checkout",
        "SQLITE",
        '"from cart"',
        "error or ok",
        "(error or duration>1ms) and service=shop",
        "-(error or spans>100)",
        'name="click \\#buy"',
    ],
)
def test_what_a_trace_meets(text: str) -> None:
    assert parse(text).matches(GOOD)


@pytest.mark.parametrize(
    "text",
    [
        "service=auth",
        "service=SHOP",
        "service!=shop",
        "service!~pay",
        "name=POST*",
        "duration>=183ms",
        "spans>7",
        "error",
        "errors>=1",
        "status=error",
        "trace=0001",
        "http.route=/login",
        "http.route!=/charge",
        "http.response.status_code>=500",
        "http.route>5",
        "nowhere",
        "ok and error",
        "ok error",
        "-checkout",
    ],
)
def test_what_a_trace_does_not_meet(text: str) -> None:
    assert not parse(text).matches(GOOD)


def test_errors_are_found() -> None:
    assert parse("error errors=2 status=error http.response.status_code=502 declined").matches(BAD)


@pytest.mark.parametrize(
    ("text", "column", "reason"),
    [
        ("servce=shop", 0, "did you mean service"),
        ("xyz=1", 0, "there are service, name"),
        ("error duration>100", 15, "needs a unit: 100ms"),
        ("duration>", 9, "a value is missing"),
        ("duration~5ms", 8, "is a number"),
        ("service>5", 7, "is text"),
        ("spans>many", 6, "whole number"),
        ("status=bad", 0, "ok or error"),
        ("http.status>five", 12, "compares numbers"),
        ('service="shop', 8, "quote is not closed"),
        ('"shop', 0, "quote is not closed"),
        ("(error", 0, "not closed"),
        ("error)", 5, "closes nothing"),
        ("error or", 8, "missing"),
        ("or error", 0, "missing"),
        ("and error", 0, "before this “and”"),
        ("not", 3, "missing"),
        ("not or error", 4, "missing"),
        ("not )", 4, "missing"),
        ("(" * 30 + "a", 20, "too deeply"),
    ],
)
def test_what_is_wrong_is_said_with_its_column(text: str, column: int, reason: str) -> None:
    with pytest.raises(FilterError, match=reason) as caught:
        parse(text)
    assert caught.value.column == column


@given(st.text(alphabet='ab =<>~!()"\\-@.*1ms', max_size=30))
def test_any_text_is_a_filter_or_a_fault_with_a_column(text: str) -> None:
    try:
        wanted = parse(text)
    except FilterError as error:
        assert 0 <= error.column <= len(text)
    else:
        wanted.matches(GOOD)


def test_the_agent_is_asked_for_one_condition_on_spans_at_a_time() -> None:
    wanted = parse("service=shop error duration>=100ms http.route=/cart name~x -operation=y")
    assert wanted.queries == (
        (("min_duration", "100000000ns"), ("service", "shop")),
        (("min_duration", "100000000ns"), ("error", "true")),
        (("min_duration", "100000000ns"), ("attribute", "http.route=/cart")),
    )
    assert parse("text").queries == ((),)
    assert parse("error or service=shop").queries == ((),)


def test_a_stored_trace_meets_what_the_agent_vouched_for() -> None:
    store = TraceStore()
    summary = TraceSummary(trace_id(9), "GET /", "shop", ("shop",), 1, 5, 3, 0)
    store.add_stored([summary], [("attribute", "http.route=/cart"), ("operation", "SELECT")])
    (stored,) = store.traces()
    assert parse("http.route=/cart operation=SELECT service=shop").matches(stored)
    assert not parse("http.route=/other").matches(stored)


@pytest.mark.parametrize(
    ("typed", "applied"),
    [
        ("error dur", "error"),
        ("error", "error"),
        ("-serv", ""),
        ("dur ", "dur "),
        ("checkout", "checkout"),
        ("a (na", "a ("),
    ],
)
def test_a_word_that_may_become_a_field_does_not_filter_while_it_is_typed(typed: str, applied: str) -> None:
    assert settled(typed) == applied
