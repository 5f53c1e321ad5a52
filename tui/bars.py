"""Bars and sparklines out of block characters: pure functions from numbers to text."""

from collections.abc import Iterable, Iterator, Sequence
from enum import Enum
from math import log10

from tui.format import NS_PER_US

_LEVELS = "▁▂▃▄▅▆▇█"
_HALVES = {(False, False): " ", (True, False): "▖", (False, True): "▗", (True, True): "▄"}
_SHORTEST_NS = 100 * NS_PER_US
_DECADES = 5.0
_NICE_STEPS = (1, 2, 5)


class Tone(Enum):
    """How a cell of a waterfall bar is painted."""

    NONE = "none"
    DIM = "dim"
    VIVID = "vivid"


def sparkline(values: Sequence[float], width: int, top: float | None = None) -> str:
    """The last `width` values as one line; a value above zero never looks like zero.

    Args:
        top: the value of a full cell; by default the largest one shown.
    """
    shown = list(values[-width:])
    top = max(shown, default=0.0) if top is None else top
    if top <= 0:
        return (" " * len(shown)).rjust(width)
    return "".join(" " if value <= 0 else _LEVELS[min(7, int(value / top * 7.999))] for value in shown).rjust(
        width
    )


def meter(fraction: float, width: int) -> str:
    """A bar of `width` cells filled to `fraction` (0 to 1), to half a cell."""
    full, half = divmod(round(min(1.0, max(0.0, fraction)) * width * 2), 2)
    return ("▄" * full + "▖" * half).ljust(width)


def duration_fraction(ns: int) -> float:
    """Where a duration stands between 100 µs and 10 s on a logarithmic scale (0 to 1)."""
    if ns <= _SHORTEST_NS:
        return 0.02 if ns > 0 else 0.0
    return min(1.0, max(0.02, log10(ns / _SHORTEST_NS) / _DECADES))


def span_bar(
    extent: tuple[int, int], critical: Iterable[tuple[int, int]], window: tuple[int, int], width: int
) -> Iterator[tuple[str, Tone]]:
    """Runs of text that draw one span on the common time axis, to half a cell; together they are `width`
    cells.

    Args:
        extent: start and end of the span in nanoseconds; at least half a cell is drawn for it.
        critical: the parts of it on the critical path, which are painted vivid.
        window: start and end of the axis.
    """
    if width <= 0:
        return
    halves = width * 2
    left, right = _half_cells(extent, window, halves)
    marks = bytearray(halves)
    marks[left:right] = b"\1" * max(0, right - left)
    for part in critical:
        vivid_left, vivid_right = _half_cells(part, window, halves)
        vivid_left, vivid_right = max(left, vivid_left), min(right, vivid_right)
        marks[vivid_left:vivid_right] = b"\2" * max(0, vivid_right - vivid_left)
    text, tone = "", Tone.NONE
    for cell in range(width):
        first, second = marks[2 * cell], marks[2 * cell + 1]
        char = _HALVES[bool(first), bool(second)]
        cell_tone = (Tone.NONE, Tone.DIM, Tone.VIVID)[max(first, second)]
        if cell_tone is not tone and text:
            yield text, tone
            text = ""
        text, tone = text + char, cell_tone
    yield text, tone


def _half_cells(extent: tuple[int, int], window: tuple[int, int], halves: int) -> tuple[int, int]:
    start, end = extent
    length = max(1, window[1] - window[0])
    if end < window[0] or start > window[1]:
        return 0, 0
    left = min(halves - 1, max(0, (start - window[0]) * halves // length))
    right = min(halves, -((window[0] - end) * halves // length))
    return left, max(left + 1, right)


def axis_ticks(length_ns: int, width: int, spacing: int = 10) -> list[tuple[int, int]]:
    """Columns and times (nanoseconds from the axis' start) of round ticks, about one every `spacing`
    cells.
    """
    if width <= 0 or length_ns <= 0:
        return []
    wanted = -(-length_ns * spacing // width)
    power = 10 ** (len(str(wanted)) - 1)
    step = next((nice * power for nice in _NICE_STEPS if nice * power >= wanted), 10 * power)
    return [(tick * width // length_ns, tick) for tick in range(0, length_ns, step)]
