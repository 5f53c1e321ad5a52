"""Which segments must go: too old, or too many bytes."""

from collections.abc import Iterable

from host_agent.store.segment import Segment


def expired(
    segments: Iterable[Segment], now: int, retention: float | None, max_bytes: int | None
) -> frozenset[Segment]:
    """The segments whose newest row was accepted more than `retention` seconds before `now` (Unix
    nanoseconds), and the oldest of the others while all together exceed `max_bytes`."""
    kept = sorted(segments, key=lambda segment: segment.received)
    gone: list[Segment] = []
    if retention is not None:
        horizon = now - int(retention * 1e9)
        gone = [segment for segment in kept if segment.received < horizon]
        kept = kept[len(gone) :]
    if max_bytes is not None:
        total = sum(segment.size for segment in kept)
        for segment in kept:
            if total <= max_bytes:
                break
            gone.append(segment)
            total -= segment.size
    return frozenset(gone)
