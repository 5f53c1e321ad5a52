"""What stands in the store: nothing twice, nothing lost, whatever merging and retention do."""

import random
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
import pytest

from host_agent.query.source import Attribute
from host_agent.query.trace_query import TraceQuery
from host_agent.query.traces import find_traces, read_trace
from host_agent.store import shred
from host_agent.store.columns import LAYOUTS
from host_agent.store.compact import choose
from host_agent.store.retention import expired
from host_agent.store.segment import Segment, open_segment, segment_path
from host_agent.store.store import Store, StoreLimits
from host_agent.tenant import DEFAULT_TENANT
from wasm_sdk.otlp import KeyValues, LogRecord, Signal, decode_traces

NOW = 1_790_000_600 * 10**9


def stored_ids(root: Path) -> list[tuple[bytes, bytes]]:
    """What a stranger with DuckDB finds."""
    sql = (
        f"SELECT trace_id, span_id FROM read_parquet('{root}/**/*.parquet', union_by_name=true) ORDER BY 1, 2"
    )
    return duckdb.sql(sql).fetchall()


def spans_of(data: bytes | None) -> set[bytes]:
    assert data is not None
    return {
        span.span_id
        for resource in decode_traces(data).resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    }


async def test_a_span_that_comes_again_is_stored_once(kept: Any, telemetry: Any) -> None:
    span = telemetry.span()
    kept.put(telemetry.traces(span, span))
    kept.put(telemetry.traces(span))
    assert kept.store.counts.duplicates == 2
    await kept.flush()
    kept.put(telemetry.traces(span))
    assert kept.store.counts.duplicates == 3, "the flush before is remembered"
    assert kept.store.unflushed_rows == 0


async def test_a_log_record_with_its_own_uid_is_stored_once_whatever_batch_brings_it(
    kept: Any, telemetry: Any
) -> None:
    def log(body: str, uid: str) -> LogRecord:
        return telemetry.log(body, attributes=KeyValues.of({"log.record.uid": uid}))

    kept.put(telemetry.logs(log("first", "01A"), log("second", "01B")), Signal.LOGS)
    kept.put(telemetry.logs(log("second", "01B"), log("third", "01C"), telemetry.log("third")), Signal.LOGS)
    await kept.flush()
    assert kept.store.counts.duplicates == 1
    bodies = duckdb.sql(f"SELECT body FROM read_parquet('{kept.root}/**/*.parquet') ORDER BY 1").fetchall()
    assert bodies == [("first",), ("second",), ("third",), ("third",)]


async def test_a_duplicate_in_a_later_segment_is_never_seen_and_goes_with_the_merge(
    kept: Any, telemetry: Any
) -> None:
    span = telemetry.span(error=True)
    for _ in range(4):
        kept.put(telemetry.traces(span))
        await kept.flush()
        kept.put(telemetry.traces(telemetry.span("between", at=-5)))
        await kept.flush()
    copies = [each for each in stored_ids(kept.root) if each == (span.trace_id, span.span_id)]
    assert len(copies) > 1
    page = await kept.ask(find_traces, TraceQuery(error=True))
    assert [(trace.span_count, trace.error_count) for trace in page.traces] == [(1, 1)]
    assert spans_of(await kept.ask(read_trace, span.trace_id)) == {span.span_id}
    await kept.store.maintain(NOW)
    assert len(stored_ids(kept.root)) == len(set(stored_ids(kept.root))) == 5


@pytest.mark.parametrize("columns", [96, 3])
async def test_merged_segments_hold_the_same_rows_sorted(
    kept: Any, telemetry: Any, columns: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 3 columns most attributes stand in `attributes_more`, and which do differs from segment to
    segment."""
    monkeypatch.setattr(shred, "MAX_COLUMNS", columns)
    monkeypatch.setattr("host_agent.store.compact.MAX_COLUMNS", columns)
    monkeypatch.setattr("host_agent.store.segment.ROW_GROUP_ROWS", 16)
    monkeypatch.setattr("host_agent.store.compact.ROW_GROUP_ROWS", 16)
    monkeypatch.setattr("host_agent.store.compact.BLOCK_ROWS", 7)
    chance = random.Random(3)
    spans = []
    for flush in range(8):
        for _ in range(40):
            keys = chance.sample(["a", "b", "c", "d", f"only.{flush}"], 3)
            spans.append(
                telemetry.span(attributes={key: chance.randrange(5) for key in keys} | {"l": [1, "x"]})
            )
        kept.put(telemetry.traces(*spans[-40:], resource={"zone": flush}))
        await kept.flush()
    before = stored_ids(kept.root)
    await kept.store.maintain(NOW)
    assert len(kept.store.segments) == 1
    assert stored_ids(kept.root) == before == sorted((span.trace_id, span.span_id) for span in spans)
    merged = kept.store.segments[0]
    stored = pq.read_table(merged.path)
    assert [row["trace_id"] for row in stored.select(["trace_id"]).to_pylist()] == [i for i, _ in before]
    for key, value in [("a", "3"), ("only.5", "1"), ("zone", "2"), ("l", "x"), ("l", "1"), ("d", None)]:
        expected = {
            span.trace_id
            for number, span in enumerate(spans)
            if (key == "zone" and str(number // 40) == value)
            or any(each.key == key and value in (None, str(each.value)) for each in span.attributes)
            or key == "l"
        }
        page = await kept.ask(find_traces, TraceQuery(attributes=(Attribute(key, value),), limit=1000))
        assert {trace.trace_id for trace in page.traces} == expected, (key, value)


async def test_a_crash_between_merging_and_deleting_leaves_no_row_twice(kept: Any, telemetry: Any) -> None:
    copies = {}
    for _ in range(4):
        kept.put(telemetry.traces(telemetry.span()))
        await kept.flush()
    for segment in kept.store.segments:
        copies[segment.path] = segment.path.read_bytes()
    await kept.store.maintain(NOW)
    for path, data in copies.items():
        path.write_bytes(data)
    (kept.store.segments[0].path.parent / "00000099-00000099.tmp").write_bytes(b"half")
    again = Store(kept.root)
    again.load()
    assert [(segment.first, segment.last, segment.rows) for segment in again.segments] == [(1, 4, 4)]
    assert len(list(kept.root.rglob("*.*"))) == 1


async def test_a_file_that_is_no_segment_is_told_and_left_alone(kept: Any, telemetry: Any) -> None:
    kept.put(telemetry.traces(telemetry.span()))
    await kept.flush()
    path = kept.store.segments[0].path
    path.write_bytes(path.read_bytes()[:100])
    (path.parent / "notes.txt").write_text("mine")
    again = Store(kept.root)
    again.load()
    assert again.segments == []
    assert str(path) in again.damaged[0]
    assert path.exists()


async def test_a_query_keeps_the_files_that_it_reads(kept: Any, telemetry: Any) -> None:
    for _ in range(4):
        kept.put(telemetry.traces(telemetry.span()))
        await kept.flush()
    with kept.store.snapshot(DEFAULT_TENANT, Signal.TRACES) as snapshot:
        await kept.store.maintain(NOW)
        assert len(kept.store.segments) == 1
        page = await kept.engine.run(lambda cursor: find_traces(cursor, snapshot, TraceQuery()))
        assert len(page.traces) == 4
    assert len(list(kept.root.rglob("*.parquet"))) == 1


async def test_retention_drops_what_was_accepted_long_ago(kept: Any, telemetry: Any) -> None:
    kept.store.limits = StoreLimits(retention=3600)
    kept.put(telemetry.traces(telemetry.span()), received=NOW - 2 * 3600 * 10**9)
    await kept.flush()
    kept.put(telemetry.traces(telemetry.span()), received=NOW)
    await kept.flush()
    await kept.store.maintain(NOW)
    assert [segment.received for segment in kept.store.segments] == [NOW]
    assert (kept.store.counts.dropped_segments, kept.store.counts.dropped_rows) == (1, 1)
    assert len(list(kept.root.rglob("*.parquet"))) == 1


def segment(number: int, size: int = 10, received: int = 0) -> Segment:
    path = segment_path(Path("store"), number, number)
    return Segment(path, number, number, 1, size, 0, 0, received, None, frozenset(), frozenset())  # type: ignore[arg-type]


def test_the_oldest_go_when_the_disk_bound_is_met() -> None:
    segments = [segment(1, 50, received=3), segment(2, 50, received=1), segment(3, 50, received=2)]
    assert expired(segments, 10, None, 100) == {segments[1]}
    assert expired(segments, 10, None, 10) == set(segments)
    assert expired(segments, 10, None, None) == set()


def test_neighbours_of_one_size_are_merged_and_large_ones_left_alone() -> None:
    small = [segment(n) for n in range(1, 4)]
    assert choose(small, 1000) == []
    assert choose([*small, segment(4)], 1000) == [*small, segment(4)]
    large = segment(2, 900)
    assert choose([segment(1), large, segment(3), segment(4), segment(5), segment(6)], 1000) == [
        segment(n) for n in (3, 4, 5, 6)
    ]
    assert sum(each.size for each in choose([segment(n, 300) for n in range(1, 9)], 1000)) <= 1000


def test_repeated_merging_keeps_the_number_of_files_and_rewrites_small() -> None:
    """A thousand flushes of a quarter of a megabyte."""
    segments: list[Segment] = []
    written = 0
    for number in range(1, 1001):
        segments.append(segment(number, 250_000))
        while chosen := choose(segments, 128 << 20):
            size = sum(each.size for each in chosen)
            written += size
            merged = Segment(
                segment_path(Path("store"), chosen[0].first, chosen[-1].last),
                chosen[0].first,
                chosen[-1].last,
                1,
                size,
                0,
                0,
                0,
                None,  # type: ignore[arg-type]
                frozenset(),
                frozenset(),
            )
            at = segments.index(chosen[0])
            segments[at : at + len(chosen)] = [merged]
    assert len(segments) < 20
    assert written < 6 * 250_000_000


async def test_every_sample_of_real_telemetry_is_given_back_whole(kept: Any, otlp_samples: Any) -> None:
    """What is stored equals what was sent, for the traces of many systems."""
    sent: dict[tuple[bytes, bytes], Any] = {}
    for sample in otlp_samples:
        if sample.signal != "traces" or sample.encoding != "protobuf":
            continue
        body = sample.path.read_bytes()
        kept.put(body)
        for resource in decode_traces(body).resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    key = (span.trace_id, span.span_id)
                    sent.setdefault(
                        key, (resource.resource, resource.schema_url, scope.scope, scope.schema_url, span)
                    )
    assert sent
    await kept.flush()
    got = {}
    for trace_id in {trace_id for trace_id, _ in sent}:
        data = await kept.ask(read_trace, trace_id)
        for resource in decode_traces(data).resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    key = (span.trace_id, span.span_id)
                    got[key] = (resource.resource, resource.schema_url, scope.scope, scope.schema_url, span)
    assert got == sent


async def test_unknown_fields_come_back(kept: Any, telemetry: Any) -> None:
    span = telemetry.span()
    span.unknown = b"\xa2\x06\x03new"
    kept.put(telemetry.traces(span))
    await kept.flush()
    data = await kept.ask(read_trace, span.trace_id)
    assert decode_traces(data).resource_spans[0].scope_spans[0].spans == [span]


async def test_times_and_kinds_out_of_the_ordinary_are_stored(kept: Any, telemetry: Any) -> None:
    odd = telemetry.span()
    odd.start_time_unix_nano, odd.end_time_unix_nano, odd.kind = 2**64 - 1, 0, -7
    kept.put(telemetry.traces(odd))
    await kept.flush()
    page = await kept.ask(find_traces, TraceQuery())
    assert [(trace.start, trace.duration) for trace in page.traces] == [(2**64 - 1, 0)]
    assert open_segment(Path("README.md")) is None
    assert LAYOUTS[Signal.TRACES].order[0] == "trace_id"


async def test_attributes_whose_names_differ_in_case_alone_are_told_apart(kept: Any, telemetry: Any) -> None:
    names = ("user", "User", "USER", "User_1")
    for number in range(4):
        given = {name: f"{name}-{number}" for name in names[number % 2 :]}
        kept.put(telemetry.traces(telemetry.span(attributes=given)))
        await kept.flush()

    async def found() -> list[int]:
        queries = [
            TraceQuery(attributes=(Attribute(name, f"{value}-3"),)) for name in names for value in names
        ]
        return [len((await kept.ask(find_traces, query)).traces) for query in queries]

    expected = [int(name == value != "user") for name in names for value in names]
    assert await found() == expected
    await kept.store.maintain(NOW)
    assert len(kept.store.segments) == 1
    assert await found() == expected


async def test_a_damaged_segment_is_reported_and_never_written_over(kept: Any, telemetry: Any) -> None:
    kept.put(telemetry.traces(telemetry.span()))
    await kept.flush()
    path = kept.store.segments[0].path
    path.write_bytes(b"PAR1, cut short")
    again = type(kept)(kept.root)
    try:
        assert str(path) in again.store.damaged[0]
        again.put(telemetry.traces(telemetry.span()))
        await again.flush()
        assert path.read_bytes() == b"PAR1, cut short"
        assert len(again.store.segments) == 1
    finally:
        again.engine.close()


def test_folders_that_are_not_of_the_store_are_left_alone(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "tenant=Not A Tenant" / "signal=traces").mkdir(parents=True)
    (tmp_path / "tenant=default" / "signal=profiles").mkdir(parents=True)
    Store(tmp_path).load()
    assert [record.levelname for record in caplog.records] == ["WARNING", "WARNING"]
