from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tui.spans import MS, NOW, Sketch, checkout, export
from tui.spans import LiveSpan, read_spans
from tui.waterfall import Waterfall, lay_out


def live(*sketches: Sketch) -> list[LiveSpan]:
    return [span for _, span in read_spans(export(sketches))]


def names(waterfall: Waterfall) -> list[str]:
    return [
        "  " * node.depth + (node.span.name if node.span else f"missing {node.span_id.hex()[-2:]}")
        for node in waterfall.nodes
    ]


def test_children_stand_below_their_parents_by_start() -> None:
    assert names(lay_out(live(*checkout()))) == [
        "click #buy",
        "  POST /checkout",
        "    POST /checkout",
        "      SELECT cart",
        "      POST /charge",
        "        risk score",
        "      INSERT order",
    ]


def test_a_missing_parent_is_a_node_of_its_own() -> None:
    waterfall = lay_out(live(Sketch("late", 5, 9, 3, 200), Sketch("early", 1, 4, 2, 200)))
    assert names(waterfall) == ["missing c8", "  early", "  late"]
    assert (waterfall.nodes[0].start, waterfall.nodes[0].end) == (NOW + MS, NOW + 9 * MS)


def test_spans_that_name_each_other_as_parents_are_all_shown() -> None:
    waterfall = lay_out(
        live(
            Sketch("root", 0, 9, 1),
            Sketch("a", 2, 3, 2, 3),
            Sketch("b", 4, 5, 3, 2),
            Sketch("self", 6, 7, 4, 4),
        )
    )
    assert names(waterfall) == ["root", "a", "  b", "self"]
    assert [node.circular for node in waterfall.nodes] == [False, True, False, True]


def test_a_child_before_its_parent_is_left_where_it_is_and_marked() -> None:
    waterfall = lay_out(live(Sketch("page", 10, 50, 1), Sketch("server", 4, 30, 2, 1, service="api")))
    assert [node.skew for node in waterfall.nodes] == [0, 6 * MS]
    assert waterfall.nodes[1].start == NOW + 4 * MS
    assert waterfall.start == NOW + 4 * MS


def test_folding_hides_the_subtree_and_guides_lead_to_every_row() -> None:
    waterfall = lay_out(live(*checkout()))
    folded = {waterfall.nodes[4].span_id}
    assert waterfall.visible(folded) == [0, 1, 2, 3, 4, 6]
    assert [waterfall.guides(index, 10) for index in range(7)] == [
        "", "└╴", "  └╴", "    ├╴", "    ├╴", "    │ └╴", "    └╴",
    ]  # fmt: skip
    assert waterfall.guides(5, 2) == "⋯ │ └╴"


def test_the_critical_path_is_what_the_duration_consists_of() -> None:
    waterfall = lay_out(live(*checkout()))
    path = {
        node.span.name: node.critical_ns // MS for node in waterfall.nodes if node.span and node.depth > 1
    }
    assert path == {
        "POST /checkout": 13,
        "SELECT cart": 16,
        "POST /charge": 51,
        "risk score": 56,
        "INSERT order": 18,
    }


def test_of_parallel_children_only_the_last_to_finish_is_critical() -> None:
    waterfall = lay_out(
        live(Sketch("root", 0, 10, 1), Sketch("quick", 1, 5, 2, 1), Sketch("slow", 1, 9, 3, 1))
    )
    assert [node.critical_ns // MS for node in waterfall.nodes] == [2, 8, 0]
    assert names(waterfall) == ["root", "  slow", "  quick"]


def test_a_span_s_own_time_is_what_no_child_covers() -> None:
    waterfall = lay_out(live(Sketch("root", 0, 10, 1), Sketch("a", 1, 5, 2, 1), Sketch("b", 3, 20, 3, 1)))
    assert waterfall.self_time(0) == 1 * MS


@st.composite
def traces(draw: st.DrawFn) -> list[Sketch]:
    count = draw(st.integers(1, 25))
    sketches = []
    for number in range(1, count + 1):
        start = draw(st.integers(-20, 50))
        sketches.append(
            Sketch(
                f"span {number}",
                start,
                start + draw(st.integers(-5, 40)),
                number,
                draw(st.integers(0, count + 3)),
            )
        )
    return sketches


@given(traces())
def test_every_span_is_shown_once_whatever_the_parents(sketches: list[Sketch]) -> None:
    waterfall = lay_out(live(*sketches))
    shown = [node.span.span_id for node in waterfall.nodes if node.span]
    assert sorted(shown) == sorted(span.span_id for span in live(*sketches))
    assert [node.index for node in waterfall.nodes] == list(range(len(waterfall.nodes)))
    for node in waterfall.nodes:
        assert node.parent < node.index < node.index + node.size <= len(waterfall.nodes)
        assert node.size == 1 + sum(child.size for child in waterfall.children(node.index))
        assert 0 <= waterfall.self_time(node.index) <= node.end - node.start


@given(traces(), st.randoms(use_true_random=False))
def test_the_order_of_arrival_makes_no_difference(sketches: list[Sketch], random: Random) -> None:
    shuffled = list(sketches)
    random.shuffle(shuffled)
    assert names(lay_out(live(*sketches))) == names(lay_out(live(*shuffled)))


@given(traces())
def test_the_critical_path_covers_the_root_without_a_gap_or_an_overlap(sketches: list[Sketch]) -> None:
    waterfall = lay_out(live(*sketches))
    root = next((node for node in waterfall.nodes if node.parent < 0 and node.span), waterfall.nodes[0])
    pieces = sorted(piece for node in waterfall.nodes for piece in node.critical)
    assert sum(end - start for start, end in pieces) == root.end - root.start
    reached = root.start
    for start, end in pieces:
        assert start == reached
        assert end > start
        reached = end


@pytest.mark.parametrize("shape", ["chain", "fan"])
def test_ten_thousand_spans_are_laid_out(shape: str) -> None:
    spans = live(
        *(
            Sketch("step", n, 20_000 - n, n, (n - 1 if shape == "chain" else 1) if n > 1 else 0)
            for n in range(1, 10_001)
        )
    )
    waterfall = lay_out(spans)
    assert len(waterfall.nodes) == 10_000
    assert waterfall.nodes[-1].depth == (9_999 if shape == "chain" else 1)
    assert len(waterfall.guides(9_999, 6)) <= 14


def test_no_spans_are_an_empty_waterfall() -> None:
    assert lay_out([]).nodes == []
