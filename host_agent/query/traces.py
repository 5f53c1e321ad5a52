"""Recent traces, and one trace.

A list is made in two steps: which traces (the index columns of whole segments, newest segments first, until
no older one can hold a newer trace), then what is in each of them. Both take a span that is stored twice for
one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from host_agent.query.errors import TooLarge
from host_agent.query.source import Condition, rows_of
from host_agent.query.trace_query import Cursor, TraceQuery
from host_agent.store.envelope import close_envelope
from host_agent.store.partition import Snapshot
from host_agent.store.segment import Segment
from host_agent.store.trace_filter import hashes_of

ACTIVITY = "CASE WHEN end_unix_nano > received_unix_nano THEN received_unix_nano ELSE end_unix_nano END"
"""When a span was last active: a sender's clock that runs ahead cannot keep a trace on top of the list."""
MAX_SPANS = 100_000
"""Of a trace that is given back at once."""
FIRST_ROWS = 100_000
"""Rows of the newest segments that a list looks at first; each next look is at four times as many."""


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """Times are Unix nanoseconds. The root is the span without a parent, else the earliest one, as
    `root_is_missing` says."""

    trace_id: bytes
    root_name: str
    root_service: str
    root_is_missing: bool
    services: tuple[str, ...]
    start: int
    end: int
    last_activity: int
    span_count: int
    error_count: int

    @property
    def duration(self) -> int:
        return max(0, self.end - self.start)


@dataclass(frozen=True, slots=True)
class Page:
    traces: tuple[TraceSummary, ...]
    next_cursor: Cursor | None


def find_traces(cursor: duckdb.DuckDBPyConnection, snapshot: Snapshot, query: TraceQuery) -> Page:
    """The traces that match, the most recently active first."""
    candidates: dict[bytes, int] = {}
    for part, newest_of_rest in _batches(snapshot, query):
        for trace_id, activity in _candidates(cursor, part, query):
            candidates[trace_id] = max(activity, candidates.get(trace_id, 0))
        ranked = sorted(candidates.items(), key=lambda each: (-each[1], each[0]))[: query.limit]
        if len(ranked) == query.limit and ranked[-1][1] > newest_of_rest:
            break
    else:
        ranked = sorted(candidates.items(), key=lambda each: (-each[1], each[0]))[: query.limit]
    if not ranked:
        return Page((), None)
    summaries = _summaries(cursor, snapshot, query, [trace_id for trace_id, _ in ranked])
    next_cursor = Cursor(ranked[-1][1], ranked[-1][0]) if len(ranked) == query.limit else None
    return Page(tuple(summaries[trace_id] for trace_id, _ in ranked if trace_id in summaries), next_cursor)


def read_trace(cursor: duckdb.DuckDBPyConnection, snapshot: Snapshot, trace_id: bytes) -> bytes | None:
    """The trace's spans exactly as they were sent, as TracesData in protobuf; None when there is none.

    Raises:
        TooLarge: it has more than `MAX_SPANS` spans.
    """
    source = rows_of(
        cursor,
        holding(snapshot, [trace_id]),
        ["resource", "scope", "item", "span_id", "start_unix_nano"],
        [Condition("trace_id = ?", (trace_id,))],
    )
    sql = f"SELECT * FROM {source.sql} LIMIT {MAX_SPANS + 1}"
    rows = cursor.execute(sql, source.parameters).fetchall()
    if not rows:
        return None
    if len(rows) > MAX_SPANS:
        raise TooLarge(f"the trace has more than {MAX_SPANS:,} spans")
    spans = {row[3]: row for row in reversed(rows)}
    ordered = sorted(spans.values(), key=lambda row: (row[0], row[1], row[4], row[3]))
    return close_envelope((resource, scope, item) for resource, scope, item, _, _ in ordered)


def holding(snapshot: Snapshot, trace_ids: list[bytes]) -> Snapshot:
    """The part of the snapshot that may hold one of these traces."""
    traces = hashes_of(trace_ids)
    return replace(snapshot, segments=tuple(each for each in snapshot.segments if each.may_hold(traces)))


def _batches(snapshot: Snapshot, query: TraceQuery) -> Iterator[tuple[Snapshot, int]]:
    """The snapshot in parts, newest first, with the newest activity that the parts behind may hold.

    A trace's duration needs all of its spans, so it is asked of everything in the time range at once.
    """
    inside = [
        segment
        for segment in snapshot.segments
        if (query.start is None or segment.end >= query.start)
        and (query.end is None or segment.start < query.end)
    ]
    inside.sort(key=_activity, reverse=True)
    batch: list[Segment] = []
    fresh = snapshot.fresh
    enough = FIRST_ROWS
    for index, segment in enumerate(inside):
        batch.append(segment)
        rest = inside[index + 1 :]
        full = sum(each.rows for each in batch) >= enough and not query.by_duration
        if full and rest:
            yield replace(snapshot, segments=tuple(batch), fresh=fresh), _activity(rest[0])
            batch, fresh, enough = [], (), 4 * enough
    yield replace(snapshot, segments=tuple(batch), fresh=fresh), -1


def _activity(segment: Segment) -> int:
    return min(segment.end, segment.received)


def _candidates(
    cursor: duckdb.DuckDBPyConnection, snapshot: Snapshot, query: TraceQuery
) -> list[tuple[bytes, int]]:
    having, parameters = _after(query)
    matching = query.conditions()
    if query.by_duration:
        columns = ["trace_id", f"{ACTIVITY} AS activity", "start_unix_nano", "end_unix_nano"]
        source = rows_of(cursor, snapshot, columns, (), query.attributes, "matches", matching)
        activity = "max(activity) FILTER (matches)"
        having.append("bool_or(matches)")
        span = "(max(end_unix_nano)::HUGEINT - min(start_unix_nano))"
        having.append(f"{span} BETWEEN ? AND ?")
        parameters += [query.min_duration or 0, _maximum(query)]
    else:
        columns = ["trace_id", f"{ACTIVITY} AS activity"]
        source = rows_of(cursor, snapshot, columns, matching, query.attributes)
        activity = "max(activity)"
    sql = f"""
        SELECT trace_id, {activity} AS latest FROM {source.sql} GROUP BY trace_id
        HAVING {" AND ".join(having) or "true"} ORDER BY latest DESC, trace_id LIMIT ?"""
    return cursor.execute(sql, [*source.parameters, *parameters, query.limit]).fetchall()


def _maximum(query: TraceQuery) -> int:
    return query.max_duration if query.max_duration is not None else (1 << 64) - 1


def _after(query: TraceQuery) -> tuple[list[str], list[Any]]:
    if query.cursor is None:
        return [], []
    return (
        ["(latest < ? OR (latest = ? AND trace_id > ?))"],
        [query.cursor.activity, query.cursor.activity, query.cursor.trace_id],
    )


def _summaries(
    cursor: duckdb.DuckDBPyConnection, snapshot: Snapshot, query: TraceQuery, trace_ids: list[bytes]
) -> dict[bytes, TraceSummary]:
    """What is in each of these traces, spans outside of the time range too; without those whose newest
    matching span stands on an earlier page."""
    columns = [
        "trace_id",
        "span_id",
        "octet_length(parent_span_id) = 0 AS is_root",
        "name",
        "service",
        "start_unix_nano",
        "end_unix_nano",
        "status",
        f"{ACTIVITY} AS activity",
    ]
    chosen = Condition(f"trace_id IN ({', '.join('?' * len(trace_ids))})", tuple(trace_ids))
    part = holding(snapshot, trace_ids)
    source = rows_of(cursor, part, columns, [chosen], query.attributes, "matches", query.conditions())
    having, parameters = _after(query)
    sql = f"""
        WITH spans AS (SELECT DISTINCT ON (trace_id, span_id) * FROM {source.sql})
        SELECT trace_id,
            coalesce(arg_min(name, start_unix_nano) FILTER (is_root), arg_min(name, start_unix_nano)),
            coalesce(arg_min(service, start_unix_nano) FILTER (is_root), arg_min(service, start_unix_nano)),
            NOT bool_or(is_root), list_sort(list(DISTINCT service)),
            min(start_unix_nano), max(end_unix_nano), max(activity), count(*), count(*) FILTER (status = 2),
            max(activity) FILTER (matches) AS latest
        FROM spans GROUP BY trace_id HAVING {" AND ".join(having) or "true"}"""
    found: dict[bytes, TraceSummary] = {}
    for row in cursor.execute(sql, [*source.parameters, *parameters]).fetchall():
        summary = TraceSummary(row[0], row[1], row[2], row[3], tuple(row[4]), *row[5:10])
        if not query.by_duration or (query.min_duration or 0) <= summary.duration <= _maximum(query):
            found[summary.trace_id] = summary
    return found
