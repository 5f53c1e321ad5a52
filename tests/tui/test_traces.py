from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tests.tui.spans import MS, NOW, Sketch, checkout, export, trace_id
from tui.filter import parse
from tui.listing import Column, Listing, Order
from tui.spans import UNKNOWN_SERVICE, LiveSpan, read_spans
from tui.traces import Trace, TraceStore, TraceSummary
from wasm_sdk.otlp import Resource, ResourceSpans, ScopeSpans, TracesData, encode_traces

S = 1000 * MS


def spans(*sketches: Sketch, arrived: int = NOW) -> list[tuple[bytes, LiveSpan]]:
    return list(read_spans(export(sketches), arrived))


def only(store: TraceStore) -> Trace:
    (trace,) = store.traces()
    return trace


def test_a_trace_is_summed_up_by_its_root() -> None:
    store = TraceStore()
    assert store.add(spans(*checkout(failed=True)), NOW) == 1
    assert only(store).summary == TraceSummary(
        trace_id(1), "click #buy", "shop-page", ("shop-page", "shop", "payments"), NOW, 182 * MS, 7, 2
    )


def test_without_its_root_the_earliest_span_stands_for_it() -> None:
    store = TraceStore()
    store.add(spans(*checkout()[2:]), NOW)
    summary = only(store).summary
    assert (summary.root_name, summary.complete) == ("POST /checkout", False)
    store.add(spans(*checkout()[:2]), NOW)
    assert only(store).summary.root_name == "click #buy"


@given(st.randoms(use_true_random=False), st.integers(1, 7))
def test_neither_order_nor_repetition_nor_batches_matter(random: Random, cut: int) -> None:
    whole = TraceStore()
    whole.add(spans(*checkout(1), *checkout(2, failed=True)), NOW)
    pieces = spans(*checkout(1), *checkout(2, failed=True)) + spans(*checkout(1)[:3])
    random.shuffle(pieces)
    store = TraceStore()
    store.add(pieces[:cut], NOW)
    store.add(pieces[cut:], NOW)
    assert {t.trace_id: t.summary for t in store.traces()} == {t.trace_id: t.summary for t in whole.traces()}


@given(st.permutations([Sketch("first", 0, 5), Sketch("longer", 0, 9), Sketch("renamed!", 0, 9)]))
def test_of_spans_with_one_id_the_same_is_kept_in_any_order(sketches: list[Sketch]) -> None:
    store = TraceStore()
    for sketch in sketches:
        store.add(spans(sketch), NOW)
    assert only(store).summary.root_name == "renamed!"
    assert only(store).weight == sum(span.weight for span in only(store).spans.values())


def test_times_that_make_no_sense_do_not_stretch_the_trace() -> None:
    store = TraceStore()
    backwards = Sketch("backwards", 3, -50, 2, 1)
    store.add(spans(Sketch("root", 0, 9), backwards, Sketch("unset", -NOW / MS, -NOW / MS, 3, 1)), NOW)
    assert (only(store).summary.start, only(store).summary.duration) == (NOW, 9 * MS)
    assert next(span for span in only(store).spans.values() if span.name == "backwards").duration == 0


def test_late_spans_and_clocks_that_run_ahead_are_noticed() -> None:
    store = TraceStore()
    store.add(spans(Sketch("root", 5000, 5100), arrived=NOW), NOW)
    store.add(spans(Sketch("child", 5010, 5020, 2, 1), arrived=NOW + 30 * S), NOW + 30 * S)
    assert only(store).late_spans == 1
    assert only(store).clock_ahead_ns == 5 * S


def test_a_span_without_a_service_name_is_of_an_unknown_service() -> None:
    data = encode_traces(TracesData([ResourceSpans(Resource(), [ScopeSpans(spans=[Sketch("x").span()])])]))
    ((_, span),) = read_spans(data)
    assert span.service == UNKNOWN_SERVICE


def test_the_oldest_traces_go_first_but_never_the_open_one() -> None:
    store = TraceStore(max_traces=3)
    store.pinned = trace_id(1)
    for number in range(1, 7):
        store.add(spans(Sketch("x", trace=number)), NOW)
    assert {trace.trace_id for trace in store.traces()} == {trace_id(1), trace_id(5), trace_id(6)}
    assert store.evicted == 3


def test_memory_is_bounded_by_spans_and_by_bytes() -> None:
    store = TraceStore(max_spans_per_trace=10, max_weight=20_000)
    for number in range(1, 200):
        store.add(spans(*(Sketch("x" * 50, id=id, trace=number) for id in range(1, 15))), NOW)
    assert sum(trace.weight for trace in store.traces()) <= 20_000
    assert all((len(trace.spans), trace.overflow) == (10, 4) for trace in store.traces())


def test_the_agent_s_word_counts_while_it_knows_more() -> None:
    store = TraceStore()
    stored = TraceSummary(trace_id(1), "click #buy", "shop-page", ("shop-page",), NOW, 200 * MS, 6, 0)
    assert store.add_stored([stored]) == 1
    store.add(spans(*checkout()[1:3]), NOW)
    assert only(store).summary is stored
    store.add(spans(*checkout()), NOW)
    assert only(store).summary.span_count == 7
    assert store.add_stored([stored]) == 0


def test_clearing_keeps_the_open_trace_only() -> None:
    store = TraceStore()
    store.add(spans(*checkout(1), *checkout(2)), NOW)
    store.pinned = trace_id(2)
    store.clear()
    assert [trace.trace_id for trace in store.traces()] == [trace_id(2)]
    store.pinned = None
    store.clear()
    assert len(store) == 0


def test_the_list_is_filtered_and_sorted_by_every_column() -> None:
    store = TraceStore()
    for number, (service, name, end) in enumerate([("b", "x", 5), ("a", "z", 9), ("c", "y", 7)], 1):
        store.add(spans(Sketch(name, 0, end, service=service, trace=number)), NOW + number)
    listing = Listing()

    def order() -> str:
        return "".join(trace.summary.root_service for trace in listing.apply(store.traces()))

    assert order() == "cab"
    shown = {}
    for column in list(Column)[1:]:
        listing.order = Order().by(column)
        shown[column.value] = order()
    assert shown == {"Service": "abc", "Name": "bca", "Duration": "acb", "Spans": "cab", "Status": "cab"}
    listing.order = listing.order.by(Column.STATUS)
    assert order() == "bac"
    listing.set_filter(parse("service!=a"))
    assert order() == "bc"
    store.add(spans(Sketch("more", 0, 5, 2, 1, trace=1, service="a")), NOW)
    assert order() == "c"
