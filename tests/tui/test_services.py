from tests.tui.spans import MS, NOW, Sketch, checkout, export
from tui.services import DurationCounts, ServiceStats
from tui.spans import LiveSpan, read_spans
from tui.themes import SERVICE_COLOURS_DARK, ServiceColours
from wasm_sdk.otlp import SpanKind

S = 1000 * MS


def live(*sketches: Sketch) -> list[LiveSpan]:
    return [span for _, span in read_spans(export(sketches))]


def test_percentiles_are_within_five_per_cent() -> None:
    durations = DurationCounts()
    for ms in range(1, 1001):
        durations.add(ms * MS)
    for fraction in (0.5, 0.95, 0.99):
        assert abs((durations.percentile(fraction) or 0) / (fraction * 1000 * MS) - 1) < 0.05
    assert DurationCounts().percentile(0.5) is None


def test_a_duration_of_zero_is_counted() -> None:
    durations = DurationCounts()
    durations.add(0)
    assert durations.percentile(0.5) == 0


def test_requests_are_entry_spans_and_roots() -> None:
    stats = ServiceStats()
    for second in range(3):
        stats.add(live(*checkout(failed=second == 0)), NOW + second * S)
    by_name = {summary.name: summary for summary in stats.summaries(NOW + 3 * S)}
    assert sorted(by_name) == ["payments", "shop", "shop-page"]
    shop = by_name["shop"]
    assert (shop.rate, round(shop.error_rate, 2), shop.spans) == (3 / 60, 0.33, 9)
    assert shop.series[-4:] == [0, 1, 1, 1]
    assert abs((shop.p50 or 0) / (154 * MS) - 1) < 0.05


def test_what_is_older_than_a_minute_is_forgotten() -> None:
    stats = ServiceStats()
    stats.add(live(Sketch("x", kind=SpanKind.SERVER)), NOW)
    (summary,) = stats.summaries(NOW + 61 * S)
    assert (summary.rate, summary.p95, sum(summary.series)) == (0, None, 0)


def test_made_up_service_names_do_not_fill_the_memory() -> None:
    stats = ServiceStats(max_services=3)
    stats.add(live(*(Sketch("x", id=number, service=f"s{number}") for number in range(1, 10))), NOW)
    stats.set_stored({f"t{number}": (5, 1) for number in range(10)})
    summaries = stats.summaries(NOW)
    assert len(summaries) == 6
    assert (summaries[-1].stored_spans, summaries[-1].stored_errors) == (5, 1)


def test_services_have_different_colours_while_there_are_enough() -> None:
    colours = ServiceColours()
    count = len(SERVICE_COLOURS_DARK)
    assert len({colours.index(f"service {number}") for number in range(count)}) == count
    assert colours.index("service 0") == colours.index("service 0")
    assert all(colours.index(f"many {number}") < count for number in range(2000))
