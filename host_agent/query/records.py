"""Log records and metrics: lists of what matches, with the bytes as they were sent."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import duckdb

from host_agent.query.source import Attribute, Condition, rows_of
from host_agent.query.traces import holding
from host_agent.store.envelope import close_envelope
from host_agent.store.partition import Snapshot


@dataclass(frozen=True, slots=True)
class LogQuery:
    """Which log records. Times are Unix nanoseconds; `severity` is the least severity number; `text` stands
    somewhere in the body. Those of one trace when `trace_id` is given."""

    trace_id: bytes | None = None
    service: str | None = None
    severity: int | None = None
    text: str | None = None
    attributes: tuple[Attribute, ...] = ()
    start: int | None = None
    end: int | None = None
    limit: int = 100

    def conditions(self) -> list[Condition]:
        given = [
            ("trace_id = ?", self.trace_id),
            ("service = ?", self.service),
            ("severity_number >= ?", self.severity),
            ("contains(body, ?)", self.text),
            ("time_unix_nano >= ?", self.start),
            ("time_unix_nano < ?", self.end),
        ]
        return [Condition(sql, (value,)) for sql, value in given if value is not None]


@dataclass(frozen=True, slots=True)
class MetricQuery:
    """Which metrics (each as one export brought it). Times are Unix nanoseconds; a metric is in the range
    when one of its points may be."""

    name: str | None = None
    service: str | None = None
    attributes: tuple[Attribute, ...] = ()
    start: int | None = None
    end: int | None = None
    limit: int = 100

    def conditions(self) -> list[Condition]:
        given = [
            ("name = ?", self.name),
            ("service = ?", self.service),
            ("end_unix_nano >= ?", self.start),
            ("start_unix_nano < ?", self.end),
        ]
        return [Condition(sql, (value,)) for sql, value in given if value is not None]


@dataclass(frozen=True, slots=True)
class MetricSummary:
    """One metric of one service: how many points are stored, and until when."""

    name: str
    type: str
    unit: str
    service: str
    points: int
    last_seen: int


def find_records(
    cursor: duckdb.DuckDBPyConnection, snapshot: Snapshot, query: LogQuery | MetricQuery
) -> bytes:
    """What matches, newest first, at most `query.limit` items, as LogsData or MetricsData in protobuf."""
    time = snapshot.layout.last
    columns = ["resource", "scope", "item", time, "batch_id", "batch_index"]
    source = rows_of(cursor, _within(snapshot, query), columns, query.conditions(), query.attributes)
    sql = f"""
        SELECT resource, scope, item FROM (SELECT DISTINCT ON (batch_id, batch_index) * FROM {source.sql})
        ORDER BY {time} DESC, batch_id, batch_index DESC LIMIT ?"""
    rows: Sequence[Any] = cursor.execute(sql, [*source.parameters, query.limit]).fetchall()
    return close_envelope(rows)


def find_metrics(
    cursor: duckdb.DuckDBPyConnection, snapshot: Snapshot, query: MetricQuery
) -> list[MetricSummary]:
    """Which metrics there are, by service and name, at most `query.limit`."""
    columns = ["name", "type", "unit", "service", "points", "end_unix_nano", "batch_id", "batch_index"]
    source = rows_of(cursor, _within(snapshot, query), columns, query.conditions(), query.attributes)
    sql = f"""
        SELECT name, type, unit, service, sum(points)::BIGINT, max(end_unix_nano)
        FROM (SELECT DISTINCT ON (batch_id, batch_index) * FROM {source.sql})
        GROUP BY name, type, unit, service ORDER BY service, name LIMIT ?"""
    return [MetricSummary(*row) for row in cursor.execute(sql, [*source.parameters, query.limit]).fetchall()]


def _within(snapshot: Snapshot, query: LogQuery | MetricQuery) -> Snapshot:
    segments = tuple(
        segment
        for segment in snapshot.segments
        if (query.start is None or segment.end >= query.start)
        and (query.end is None or segment.start < query.end)
    )
    part = replace(snapshot, segments=segments)
    if isinstance(query, LogQuery) and query.trace_id is not None:
        return holding(part, [query.trace_id])
    return part
