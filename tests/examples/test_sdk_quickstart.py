"""The quickstart runs, and its three signals belong together."""

import json
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]


def test_the_example_prints_one_trace_an_order_with_its_logs_and_metrics() -> None:
    exporters = {f"OTEL_{signal}_EXPORTER": "console" for signal in ("TRACES", "METRICS", "LOGS")}
    done = subprocess.run(
        [sys.executable, "-m", "examples.sdk_quickstart"], check=True, cwd=CHECKOUT,
        env={"PATH": "", **exporters}, stdout=subprocess.PIPE, text=True, timeout=30,
    )  # fmt: skip
    *lines, last = done.stdout.splitlines()
    assert last == "everything was delivered"
    requests = [json.loads(line) for line in lines]
    spans = [
        span
        for request in requests
        for resource in request.get("resourceSpans", ())
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]
    records = [
        record
        for request in requests
        for resource in request.get("resourceLogs", ())
        for scope in resource["scopeLogs"]
        for record in scope["logRecords"]
    ]
    assert sorted(span["name"] for span in spans) == ["order", "order", "pay", "pay"]
    traces = {span["traceId"] for span in spans}
    assert len(traces) == 2
    assert {record["body"]["stringValue"] for record in records} == {
        "order of Alice taken",
        "order of Bob failed",
    }
    taken = next(record for record in records if "taken" in record["body"]["stringValue"])
    assert taken["traceId"] in traces
    failed = [span for span in spans if span.get("status", {}).get("code") == 2]
    assert len(failed) == 2 and all(span["events"][0]["name"] == "exception" for span in failed)
    names = {
        metric["name"]
        for request in requests
        for resource in request.get("resourceMetrics", ())
        for scope in resource["scopeMetrics"]
        for metric in scope["metrics"]
    }
    assert names == {"shop.orders", "shop.payment.duration"}
