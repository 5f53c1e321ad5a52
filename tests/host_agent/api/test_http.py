"""The query API as a client sees it."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from host_agent.api.http import create_api
from host_agent.live.feed import LiveFeed
from host_agent.query.errors import QueryTimeout
from host_agent.tenant import Tenant
from wasm_sdk.otlp import Signal, decode_json, decode_logs, decode_metrics, decode_traces


@pytest.fixture
async def client(kept: Any) -> AsyncIterator[httpx.AsyncClient]:
    api = create_api(kept.store, kept.engine, LiveFeed(None), status=lambda: {"version": "1"})  # type: ignore[arg-type]
    transport = httpx.ASGITransport(app=api, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost:4319") as client:
        yield client


async def test_lists_recent_traces_newest_first(client: httpx.AsyncClient, kept: Any, telemetry: Any) -> None:
    root = telemetry.span("GET /", at=1, seconds=0.5)
    child = telemetry.span("SELECT", parent=root, at=1.1, seconds=0.2, error=True)
    kept.put(telemetry.traces(root, service="web"))
    kept.put(telemetry.traces(child, service="db"))
    later = telemetry.span("GET /later", at=5)
    kept.put(telemetry.traces(later))
    traces = (await client.get("/api/v1/traces")).json()["traces"]
    assert [trace["root_name"] for trace in traces] == ["GET /later", "GET /"]
    assert traces[1] == {
        "trace_id": root.trace_id.hex(),
        "root_name": "GET /",
        "root_service": "web",
        "services": ["db", "web"],
        "start_unix_nano": str(telemetry.noon + telemetry.second),
        "duration_ns": telemetry.second // 2,
        "span_count": 2,
        "error_count": 1,
        "last_activity_unix_nano": str(telemetry.noon + 3 * telemetry.second // 2),
    }


async def test_pages_through_traces_with_a_cursor(
    client: httpx.AsyncClient, kept: Any, telemetry: Any
) -> None:
    for at in range(5):
        kept.put(telemetry.traces(telemetry.span(str(at), at=at)))
        await kept.flush()
    names, cursor = [], {}
    while True:
        page = (await client.get("/api/v1/traces", params={"limit": 2, **cursor})).json()
        names += [trace["root_name"] for trace in page["traces"]]
        if "next_cursor" not in page:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert names == ["4", "3", "2", "1", "0"]


async def test_gives_one_trace_as_json_or_protobuf(
    client: httpx.AsyncClient, kept: Any, telemetry: Any
) -> None:
    span = telemetry.span(attributes={"b": b"\x01", "n": [1, {"x": 2.5}]})
    kept.put(telemetry.traces(span))
    path = f"/api/v1/traces/{span.trace_id.hex().upper()}"
    answer = await client.get(path)
    assert answer.headers["content-type"] == "application/json"
    assert decode_json(Signal.TRACES, answer.text).resource_spans[0].scope_spans[0].spans == [span]
    answer = await client.get(path, headers={"Accept": "application/x-protobuf"})
    assert answer.headers["content-type"] == "application/x-protobuf"
    assert decode_traces(answer.content) == decode_traces(telemetry.traces(span))


async def test_says_why_a_trace_is_not_there(client: httpx.AsyncClient) -> None:
    answer = await client.get(f"/api/v1/traces/{'ab' * 16}")
    assert answer.status_code == 404
    assert "no span of trace abab" in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("path", "field", "hint"),
    [
        ("/api/v1/traces?limit=0", "limit", "from 1 to 1000"),
        ("/api/v1/traces?limit=ten", "limit", "whole number"),
        ("/api/v1/traces?min_duration=10", "min_duration", "250ms"),
        ("/api/v1/traces?min_duration=2s&max_duration=1s", "max_duration", "swap"),
        ("/api/v1/traces?since=yesterday", "since", "unit"),
        ("/api/v1/traces?since=1h&start=0", "since", "one of them"),
        ("/api/v1/traces?start=2026-13-01", "start", "RFC 3339"),
        ("/api/v1/traces?start=5&end=5", "end", "later"),
        ("/api/v1/traces?servise=web", "servise", "'service'"),
        ("/api/v1/traces?zzz=web", "zzz", "known are attribute"),
        ("/api/v1/traces?service=", "service", "value"),
        ("/api/v1/traces?service=a&service=b", "service", "once"),
        ("/api/v1/traces?error=maybe", "error", "true or false"),
        ("/api/v1/traces?attribute==x", "attribute", "KEY=VALUE"),
        ("/api/v1/traces?cursor=%21", "cursor", "next_cursor"),
        ("/api/v1/traces?tenant=../etc", "tenant", None),
        ("/api/v1/traces?service=" + "x" * 5000, "service", None),
        ("/api/v1/traces?" + "&".join(["attribute=a"] * 17), "attribute", None),
        ("/api/v1/traces/xyz", "trace_id", "32 hexadecimal"),
        (f"/api/v1/traces/{'0' * 32}", "trace_id", "not all zero"),
        ("/api/v1/logs?severity=loud", "severity", "warn"),
        ("/api/v1/services?limit=3", "limit", "known are"),
    ],
)
async def test_names_the_parameter_that_is_wrong(
    client: httpx.AsyncClient, path: str, field: str, hint: str | None
) -> None:
    answer = await client.get(path)
    error = answer.json()["error"]
    assert (answer.status_code, error["field"]) == (400, field)
    assert error["message"]
    assert hint is None or hint in error["hint"]


async def test_parameters_are_values_never_sql(client: httpx.AsyncClient, kept: Any, telemetry: Any) -> None:
    hostile = "x') OR true; DROP TABLE fresh; --"
    kept.put(telemetry.traces(telemetry.span(attributes={hostile: hostile}), service=hostile))
    await kept.flush()
    kept.put(telemetry.traces(telemetry.span(), service="other"))
    for query in ({"service": hostile}, {"attribute": f"{hostile}"}, {"attribute": f'a"b={hostile}'}):
        answer = await client.get("/api/v1/traces", params=query)
        assert answer.status_code == 200
        assert len(answer.json()["traces"]) == (0 if 'a"b' in str(query) else 1)


async def test_lists_services_with_their_errors(client: httpx.AsyncClient, kept: Any, telemetry: Any) -> None:
    kept.put(telemetry.traces(telemetry.span(), telemetry.span(at=9, error=True), service="web"))
    kept.put(telemetry.traces(telemetry.span(seconds=0.25), service="db"))
    services = (await client.get("/api/v1/services")).json()["services"]
    assert [(each["name"], each["span_count"], each["error_count"]) for each in services] == [
        ("db", 1, 0),
        ("web", 2, 1),
    ]
    assert services[0]["median_duration_ns"] == pytest.approx(telemetry.second / 4, rel=0.05)
    assert (await client.get("/api/v1/services", params={"since": "1m"})).json() == {"services": []}


async def test_gives_logs_of_a_trace(client: httpx.AsyncClient, kept: Any, telemetry: Any) -> None:
    trace_id = bytes(range(1, 17))
    mine = telemetry.log("paid", trace_id=trace_id, severity=17)
    kept.put(telemetry.logs(mine, telemetry.log("else", at=1)), Signal.LOGS)
    answer = await client.get(
        "/api/v1/logs", params={"trace_id": trace_id.hex()}, headers={"Accept": "application/x-protobuf"}
    )
    assert decode_logs(answer.content) == decode_logs(telemetry.logs(mine))
    answer = await client.get("/api/v1/logs?severity=error&text=pai&service=shop")
    assert decode_json(Signal.LOGS, answer.text) == decode_logs(telemetry.logs(mine))


async def test_gives_metrics_by_name(client: httpx.AsyncClient, kept: Any, telemetry: Any) -> None:
    load = telemetry.gauge("system.load", 0.5)
    kept.put(telemetry.metrics(load, telemetry.gauge("other", 1)), Signal.METRICS)
    answer = await client.get(
        "/api/v1/metrics?name=system.load", headers={"Accept": "application/x-protobuf"}
    )
    assert decode_metrics(answer.content).resource_metrics[0].scope_metrics[0].metrics == [load]
    names = (await client.get("/api/v1/metrics/names")).json()["metrics"]
    assert [(each["name"], each["type"], each["points"]) for each in names] == [
        ("other", "gauge", 1),
        ("system.load", "gauge", 1),
    ]


async def test_keeps_tenants_apart(client: httpx.AsyncClient, kept: Any, telemetry: Any) -> None:
    span = telemetry.span()
    kept.put(telemetry.traces(span), tenant=Tenant("acme"))
    assert (await client.get("/api/v1/traces")).json() == {"traces": []}
    assert (await client.get(f"/api/v1/traces/{span.trace_id.hex()}")).status_code == 404
    assert len((await client.get("/api/v1/traces?tenant=acme")).json()["traces"]) == 1


async def test_answers_status_health_and_what_there_is(client: httpx.AsyncClient) -> None:
    assert (await client.get("/api/v1/status")).json() == {"version": "1"}
    assert (await client.get("/healthz")).text == "ok\n"
    assert "/api/v1/traces" in (await client.get("/api/v1")).json()["paths"]
    assert (await client.get("/nothing")).json()["error"]["message"] == "there is nothing at /nothing"
    assert (await client.post("/api/v1/traces")).status_code == 405


async def test_a_slow_query_is_told_to_be_narrower(
    client: httpx.AsyncClient, kept: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def late(*_: Any) -> None:
        raise QueryTimeout("the query took longer than 10 seconds")

    monkeypatch.setattr(kept.engine, "run", late)
    answer = await client.get("/api/v1/traces")
    assert answer.status_code == 503
    assert "since=15m" in answer.json()["error"]["hint"]


async def test_a_trace_too_large_for_memory_is_refused(
    client: httpx.AsyncClient, kept: Any, telemetry: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("host_agent.query.traces.MAX_SPANS", 2)
    root = telemetry.span()
    kept.put(telemetry.traces(root, telemetry.span(parent=root), telemetry.span(parent=root)))
    answer = await client.get(f"/api/v1/traces/{root.trace_id.hex()}")
    assert answer.status_code == 413
    assert "DuckDB" in answer.json()["error"]["hint"]


async def test_a_fault_of_the_agent_is_answered_without_details(
    client: httpx.AsyncClient, kept: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any) -> None:
        raise RuntimeError("secret path")

    monkeypatch.setattr(kept.engine, "run", broken)
    answer = await client.get("/api/v1/traces")
    assert answer.status_code == 500
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("headers", "reason"),
    [
        ({"Host": "evil.example:4319"}, "Host header"),
        ({"Host": "127.0.0.1.evil.example"}, "Host header"),
        ({"Host": "a@localhost"}, "Host header"),
        ({"Host": "localhost:x"}, "Host header"),
        ({"Origin": "https://evil.example"}, "origin"),
        ({"Origin": "null"}, "origin"),
        ({"Origin": "http://localhost:9999"}, "origin"),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, "another site"),
    ],
)
async def test_refuses_pages_of_other_sites(
    client: httpx.AsyncClient, headers: dict[str, str], reason: str
) -> None:
    answer = await client.get("/api/v1/traces", headers=headers)
    assert answer.status_code == 403
    assert reason in answer.json()["error"]["message"]
    assert answer.json()["error"]["hint"]


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "127.0.0.1:4319"},
        {"Host": "[::1]:4319"},
        {"Host": "localhost:4319", "Origin": "http://localhost:4319"},
        {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"},
        {"Sec-Fetch-Site": "none"},
    ],
)
async def test_lets_programs_and_its_own_pages_in(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    assert (await client.get("/api/v1/traces", headers=headers)).status_code == 200


async def test_configured_names_and_origins_may_enter(kept: Any) -> None:
    api = create_api(
        kept.store,
        kept.engine,
        LiveFeed(None),  # type: ignore[arg-type]
        status=dict,
        allowed_hosts=["spans.internal"],
        allowed_origins=["https://dash.example"],
    )
    transport = httpx.ASGITransport(app=api)
    async with httpx.AsyncClient(transport=transport, base_url="http://spans.internal") as client:
        answer = await client.get("/api/v1/traces", headers={"Origin": "https://dash.example"})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "https://dash.example"


async def test_a_trace_with_late_parts_in_memory_and_on_disk_is_one(
    client: httpx.AsyncClient, kept: Any, telemetry: Any
) -> None:
    root = telemetry.span()
    child = telemetry.span("child", parent=root)
    kept.put(telemetry.traces(root))
    await kept.flush()
    kept.put(telemetry.traces(child))
    answer = await client.get(
        f"/api/v1/traces/{root.trace_id.hex()}", headers={"Accept": "application/x-protobuf"}
    )
    spans = [
        span for each in decode_traces(answer.content).resource_spans for span in each.scope_spans[0].spans
    ]
    assert {span.name for span in spans} == {"GET /cart", "child"}


@pytest.mark.parametrize("harm", ["pages", "gone"])
async def test_a_segment_damaged_while_the_agent_runs_is_set_aside_and_the_rest_answers(
    client: httpx.AsyncClient, kept: Any, telemetry: Any, harm: str
) -> None:
    for at in range(3):
        kept.put(telemetry.traces(*(telemetry.span(f"span {at}", at=at) for _ in range(50))))
        await kept.flush()
    victim = kept.store.segments[1].path
    whole = victim.read_bytes()
    if harm == "pages":
        victim.write_bytes(b"PAR1" + bytes(len(whole) // 2) + whole[4 + len(whole) // 2 :])
    else:
        victim.unlink()
    answer = await client.get("/api/v1/traces", params={"limit": 1000})
    assert answer.status_code == 200
    assert {trace["root_name"] for trace in answer.json()["traces"]} == {"span 0", "span 2"}
    assert str(victim) in kept.store.damaged[0]
    assert victim.with_suffix(".damaged").exists() == (harm == "pages")
    assert not victim.exists()
