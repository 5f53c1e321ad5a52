"""Which services there are, and how they do."""

from dataclasses import dataclass

import duckdb

from host_agent.query.source import Condition, rows_of
from host_agent.store.partition import Snapshot


@dataclass(frozen=True, slots=True)
class ServiceSummary:
    """Counts are of spans; times are Unix nanoseconds, durations nanoseconds."""

    name: str
    span_count: int
    error_count: int
    last_seen: int
    median_duration: int
    p99_duration: int


def find_services(
    cursor: duckdb.DuckDBPyConnection, snapshot: Snapshot, start: int | None = None, end: int | None = None
) -> list[ServiceSummary]:
    """The services with a span in the time range, by name.

    A span that stands in two segments is counted once: only traces in more than one place are looked at for
    that, since a segment by itself holds no span twice.
    """
    where: list[Condition] = []
    segments = snapshot.segments
    if start is not None:
        where.append(Condition("end_unix_nano >= ?", (start,)))
        segments = tuple(segment for segment in segments if segment.end >= start)
    if end is not None:
        where.append(Condition("start_unix_nano < ?", (end,)))
        segments = tuple(segment for segment in segments if segment.start < end)
    columns = ["service", "status", "end_unix_nano", "duration_ns", "trace_id", "span_id"]
    source = rows_of(cursor, Snapshot(snapshot.layout, segments, snapshot.fresh), columns, where)
    sql = f"""
        SELECT service, count(*), count(*) FILTER (status = 2), max(end_unix_nano),
            approx_quantile(greatest(duration_ns, 0), 0.5)::BIGINT,
            approx_quantile(greatest(duration_ns, 0), 0.99)::BIGINT
        FROM (SELECT DISTINCT ON (trace_id, span_id) * FROM {source.sql}) GROUP BY service ORDER BY service"""
    return [ServiceSummary(*row) for row in cursor.execute(sql, source.parameters).fetchall()]
