"""Which services there are, and how they do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from host_agent.query.source import Condition, rows_of
from host_agent.store.partition import Snapshot

BUCKETS = 8
"""Of a doubling of the duration: a quantile is off by at most 5 %."""


@dataclass(frozen=True, slots=True)
class ServiceSummary:
    """Counts are of spans; times are Unix nanoseconds, durations nanoseconds (within 5 %)."""

    name: str
    span_count: int
    error_count: int
    last_seen: int
    median_duration: int
    p99_duration: int


_Key = tuple[str, bool, int]
"""Service, is it an error, bucket of the duration."""


def find_services(
    cursor: duckdb.DuckDBPyConnection, snapshot: Snapshot, start: int | None = None, end: int | None = None
) -> list[ServiceSummary]:
    """The services with a span in the time range, by name.

    A span that stands in two segments is counted once: only traces in more than one place are looked at for
    that, since a place by itself holds no span twice.
    """
    where: list[Condition] = []
    segments = snapshot.segments
    if start is not None:
        where.append(Condition("end_unix_nano >= ?", (start,)))
        segments = tuple(segment for segment in segments if segment.end >= start)
    if end is not None:
        where.append(Condition("start_unix_nano < ?", (end,)))
        segments = tuple(segment for segment in segments if segment.start < end)
    columns = [
        "trace_id",
        "span_id",
        "service",
        "status = 2 AS failed",
        f"floor(log2(greatest(duration_ns, 1)) * {BUCKETS})::INT AS bucket",
        "end_unix_nano",
        "place",
    ]
    source = rows_of(cursor, Snapshot(snapshot.layout, segments, snapshot.fresh), columns, where)
    counts: dict[_Key, int] = {}
    last_seen: dict[str, int] = {}
    sql = f"SELECT service, failed, bucket, count(*), max(end_unix_nano) FROM {source.sql} GROUP BY ALL"
    for service, failed, bucket, count, last in cursor.execute(sql, source.parameters).fetchall():
        counts[service, failed, bucket] = count
        last_seen[service] = max(last, last_seen.get(service, 0))
    sql = f"""
        SELECT any_value(service), any_value(failed), any_value(bucket), count(*) - 1 FROM {source.sql}
        WHERE trace_id IN (SELECT trace_id FROM {source.sql} GROUP BY 1 HAVING min(place) <> max(place))
        GROUP BY trace_id, span_id HAVING count(*) > 1"""
    for service, failed, bucket, surplus in cursor.execute(sql, source.parameters * 2).fetchall():
        counts[service, failed, bucket] -= surplus
    return [_summary(name, last_seen[name], counts) for name in sorted(last_seen)]


def _summary(name: str, last_seen: int, counts: dict[_Key, int]) -> ServiceSummary:
    mine = sorted(
        (bucket, failed, count) for (service, failed, bucket), count in counts.items() if service == name
    )
    return ServiceSummary(
        name,
        sum(count for _, _, count in mine),
        sum(count for _, failed, count in mine if failed),
        last_seen,
        _quantile(mine, 0.5),
        _quantile(mine, 0.99),
    )


def _quantile(buckets: Sequence[tuple[int, Any, int]], share: float) -> int:
    """The middle of the bucket in which the quantile lies."""
    wanted = share * sum(count for _, _, count in buckets)
    seen = 0
    for bucket, _, count in buckets:
        seen += count
        if seen >= wanted:
            return round(2 ** ((bucket + 0.5) / BUCKETS))
    return 0
