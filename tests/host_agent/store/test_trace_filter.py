"""Which traces a segment may hold."""

import random

import pyarrow as pa
import pytest

from host_agent.store.trace_filter import TraceFilter, hashes, hashes_of


def made_of(ids: list[bytes]) -> TraceFilter:
    return TraceFilter.parse(bytes(TraceFilter.of_hashes([hashes(pa.array(ids, pa.binary()))])))


@pytest.mark.parametrize("prefix", [b"", bytes(8), b"\xff" * 12])
def test_lets_its_own_through_and_few_others(prefix: bytes) -> None:
    """Ids that share most of their bytes too, as those of tracers with 64-bit ids do."""
    draw = random.Random(5)
    ids = [prefix + draw.randbytes(16 - len(prefix)) for _ in range(1500)]
    strangers = [prefix + draw.randbytes(16 - len(prefix)) for _ in range(1500)]
    passes = made_of(ids)
    assert all(passes.may_have(hashes_of([trace_id])) for trace_id in ids)
    assert sum(passes.may_have(hashes_of([trace_id])) for trace_id in strangers) < 10
    assert passes.may_have(hashes_of([*strangers[:5], ids[77]]))


def test_an_empty_segment_and_odd_ids() -> None:
    assert not made_of([]).may_have(hashes_of([b"t" * 16]))
    assert not made_of([b"short", b""]).may_have(hashes_of([b"t" * 16]))
    assert not made_of([b"t" * 16]).may_have(hashes_of([]))


def test_what_is_no_filter_is_refused() -> None:
    with pytest.raises(ValueError, match="empty"):
        TraceFilter.parse(b"")
