"""Log records and metrics by time, also where the sender gave none."""

from typing import Any

import pytest

from host_agent.query.records import LogQuery, MetricQuery, find_metrics, find_records
from host_agent.store.partition import Snapshot
from wasm_sdk.otlp import (
    Gauge,
    LogRecord,
    Metric,
    NumberDataPoint,
    Signal,
    decode_logs,
    decode_metrics,
)


def bodies(data: bytes) -> list[Any]:
    return [
        record.body
        for resource in decode_logs(data).resource_logs
        for scope in resource.scope_logs
        for record in scope.log_records
    ]


@pytest.mark.parametrize("flushed", [False, True])
async def test_a_record_without_a_time_is_found_and_ordered_by_when_it_arrived(
    kept: Any, telemetry: Any, flushed: bool
) -> None:
    noon, second = telemetry.noon, telemetry.second
    timeless = LogRecord(body="no time at all", severity_number=9)
    observed = LogRecord(body="observed", observed_time_unix_nano=noon + 20 * second)
    kept.put(telemetry.logs(telemetry.log("early", at=10)), Signal.LOGS, received=noon + 11 * second)
    kept.put(telemetry.logs(timeless), Signal.LOGS, received=noon + 15 * second)
    kept.put(telemetry.logs(observed, telemetry.log("late", at=30)), Signal.LOGS, received=noon + 31 * second)
    if flushed:
        await kept.flush()

    found = await kept.ask(find_records, LogQuery(), signal=Signal.LOGS)
    assert bodies(found) == ["late", "observed", "no time at all", "early"]
    since = LogQuery(start=noon + 12 * second, end=noon + 16 * second)
    found = await kept.ask(find_records, since, signal=Signal.LOGS)
    assert bodies(found) == ["no time at all"]
    record = decode_logs(found).resource_logs[0].scope_logs[0].log_records[0]
    assert record == timeless, "what was sent is given back unchanged"


@pytest.mark.parametrize("flushed", [False, True])
async def test_a_point_without_a_time_is_found_by_when_it_arrived(
    kept: Any, telemetry: Any, flushed: bool
) -> None:
    received = telemetry.noon + 15 * telemetry.second
    metric = Metric(name="load", data=Gauge([NumberDataPoint(value=1.0)]))
    kept.put(telemetry.metrics(metric), Signal.METRICS, received=received)
    if flushed:
        await kept.flush()

    inside, before = MetricQuery(start=received - 1), MetricQuery(end=received)
    found = await kept.ask(find_records, inside, signal=Signal.METRICS)
    assert decode_metrics(found).resource_metrics[0].scope_metrics[0].metrics == [metric]
    assert (await kept.ask(find_metrics, inside, signal=Signal.METRICS))[0].last_seen == received
    assert await kept.ask(find_records, before, signal=Signal.METRICS) == b""


async def test_records_without_a_time_sent_again_stay_apart(kept: Any, telemetry: Any) -> None:
    body = telemetry.logs(LogRecord(body="tick"))
    for seconds in (1, 2):
        kept.put(body, Signal.LOGS, received=telemetry.noon + seconds * telemetry.second)
        await kept.flush()

    def everything(_: object, snapshot: Snapshot) -> int:
        return sum(segment.rows for segment in snapshot.segments)

    assert await kept.ask(everything, signal=Signal.LOGS) == 2
    assert bodies(await kept.ask(find_records, LogQuery(), signal=Signal.LOGS)) == ["tick", "tick"]
