from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tui.bars import Tone, axis_ticks, duration_fraction, meter, span_bar, sparkline

times = st.integers(0, 2**64)


@given(st.lists(st.floats(0, 1e9), max_size=30), st.integers(1, 20))
def test_a_sparkline_has_its_width_and_shows_what_is_not_zero(values: list[float], width: int) -> None:
    line = sparkline(values, width)
    assert len(line) == width
    assert line.count(" ") == width - sum(1 for value in values[-width:] if value > 0)


@given(st.floats(-1, 2), st.integers(0, 20))
def test_a_meter_has_its_width(fraction: float, width: int) -> None:
    assert len(meter(fraction, width)) == width


def test_a_meter_is_drawn_to_half_a_cell() -> None:
    assert [meter(part / 8, 4) for part in (0, 1, 4, 8)] == ["    ", "▖   ", "▄▄  ", "▄▄▄▄"]


def test_durations_stand_on_a_logarithmic_scale() -> None:
    assert duration_fraction(0) == 0
    assert duration_fraction(10**7) == 0.4
    assert duration_fraction(10**12) == 1


@given(times, times, times, times, st.integers(0, 60))
def test_a_bar_fills_its_width_whatever_the_times(
    start: int, end: int, first: int, last: int, width: int
) -> None:
    start, end = sorted((start, end))
    window = (min(first, last), max(first, last))
    runs = list(span_bar((start, end), [(start, end)], window, width))
    assert sum(cell_len(text) for text, _ in runs) == width
    outside = end < window[0] or start > window[1]
    assert any(tone is not Tone.NONE for _, tone in runs) == (width > 0 and not outside)


def test_the_critical_part_is_vivid() -> None:
    assert list(span_bar((0, 80), [(20, 40)], (0, 100), 10)) == [
        ("▄▄", Tone.DIM),
        ("▄▄", Tone.VIVID),
        ("▄▄▄▄", Tone.DIM),
        ("  ", Tone.NONE),
    ]


@given(st.integers(-1, 2**64), st.integers(0, 300))
def test_ticks_are_round_and_on_the_axis(length: int, width: int) -> None:
    ticks = axis_ticks(length, width)
    assert all(0 <= column < width for column, _ in ticks)
    assert len(ticks) <= width // 10 + 1
