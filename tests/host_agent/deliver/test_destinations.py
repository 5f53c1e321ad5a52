"""An agent with a pipeline: what is sent in arrives where the rules say, whatever the destinations do."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from host_agent.agent import Agent
from host_agent.config import AgentConfig
from host_agent.config_file import parse_config
from host_agent.deliver import delivery
from host_agent.intake import DecisionState, IntakeReader
from tests.host_agent.conftest import Telemetry
from tests.host_agent.deliver.conftest import Answer, Receiver
from wasm_sdk.export.retry import RetryPolicy

FAST = RetryPolicy(initial=0.02, maximum=0.05)


def config(folder: Path, text: str) -> AgentConfig:
    ports = "http: {port: 0}\ngrpc: {port: 0}\napi: {port: 0}\n"
    return parse_config(f"{ports}data_dir: {folder}\n{text}", "test.yaml")


def to(receiver: Receiver, name: str = "first", **more: Any) -> str:
    settings = {"type": "otlp_http", "endpoint": receiver.url, "batch_wait_s": 0.0}
    return json.dumps({name: settings | more})[1:-1]


async def post(agent: Agent, body: bytes, signal: str = "traces") -> None:
    headers = {"content-type": "application/x-protobuf"}
    async with httpx.AsyncClient() as client:
        answer = await client.post(f"{agent.http_url}/v1/{signal}", content=body, headers=headers)
    assert answer.status_code == 200


async def status(agent: Agent) -> dict[str, Any]:
    async with httpx.AsyncClient() as client:
        answer: dict[str, Any] = (await client.get(f"{agent.api_url}/api/v1/status")).json()["pipeline"]
    return answer


async def until(true: Callable[[], bool], seconds: float = 10.0) -> None:
    async with asyncio.timeout(seconds):
        while not true():  # noqa: ASYNC110 - other tasks make it true
            await asyncio.sleep(0.01)


async def stored(agent: Agent) -> list[str]:
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"{agent.api_url}/api/v1/traces?start=2020-01-01T00:00:00Z&limit=100")
    return sorted(trace["root_name"] for trace in answer.json()["traces"])


async def test_rules_decide_what_is_stored_and_what_goes_where(
    tmp_path: Path, telemetry: Telemetry, receiver: Receiver, second: Receiver
) -> None:
    rules = f"""
pipeline:
  filters:
    traces: ['IsMatch(name, "^GET /health")']
    logs: [{{keep: 'severity_number >= SEVERITY_NUMBER_WARN'}}]
  routes:
    - {{condition: 'status.code == STATUS_CODE_ERROR', to: [second]}}
    - {{to: [first]}}
destinations: {{{to(receiver)}, {to(second, "second", encoding="json", compression="none")}}}
"""
    async with Agent(config(tmp_path, rules)) as agent:
        names = ["GET /health", "GET /cart", "GET /pay"]
        spans = [telemetry.span(name, error=name == "GET /pay") for name in names]
        await post(agent, telemetry.traces(*spans, resource={"spanweave.tenant": "somebody else"}))
        await post(agent, telemetry.logs(telemetry.log("a"), telemetry.log("b", severity=17)), "logs")
        await until(lambda: len(receiver.bodies) == 2 and len(second.bodies) == 1)
        assert await stored(agent) == ["GET /cart", "GET /pay"]
        assert (await status(agent))["dropped"]["traces"] == [1]
    assert receiver.spans() == ["GET /cart", "GET /pay"]
    sent = json.loads(second.bodies[0][1])["resourceSpans"][0]
    assert [span["name"] for span in sent["scopeSpans"][0]["spans"]] == ["GET /pay"]
    tenant = [each["value"] for each in sent["resource"]["attributes"] if each["key"] == "spanweave.tenant"]
    assert tenant == [{"stringValue": "default"}]
    assert b"somebody else" not in receiver.bodies[0][1]


async def test_a_destination_that_was_down_gets_everything_also_after_a_restart(
    tmp_path: Path, telemetry: Telemetry, receiver: Receiver, monkeypatch: Any
) -> None:
    monkeypatch.setattr(delivery, "RETRY", FAST)
    await receiver.stop()
    rules = f"destinations: {{{to(receiver)}}}"
    async with Agent(config(tmp_path, rules)) as agent:
        for number in range(5):
            await post(agent, telemetry.traces(telemetry.span(f"op {number}")))
        await until(lambda: agent_delivery(agent).counts.retries > 2)
        assert await stored(agent) == [f"op {number}" for number in range(5)]
    await receiver.start()
    async with Agent(config(tmp_path, rules)) as agent:
        await post(agent, telemetry.traces(telemetry.span("op 5")))
        await until(lambda: len(set(receiver.spans())) == 6)
    assert sorted(receiver.spans()) == [f"op {number}" for number in range(6)]


def agent_delivery(agent: Agent, name: str = "first") -> delivery.Delivery:
    assert agent.destinations is not None
    return agent.destinations.deliveries[name]


async def test_what_a_destination_asks_for_is_honoured(
    tmp_path: Path, telemetry: Telemetry, receiver: Receiver, monkeypatch: Any
) -> None:
    monkeypatch.setattr(delivery, "RETRY", FAST)
    receiver.answers += [Answer(429, {"Retry-After": "1"}), Answer(503), Answer(lose=True), Answer(502)]
    async with Agent(config(tmp_path, f"destinations: {{{to(receiver)}}}")) as agent:
        started = asyncio.get_running_loop().time()
        await post(agent, telemetry.traces(telemetry.span("once")))
        await until(lambda: receiver.asked == 5)
        assert asyncio.get_running_loop().time() - started >= 1.0
        await until(lambda: agent_delivery(agent).counts.retries == 4)
    assert receiver.spans() == ["once", "once"]  # the one whose answer was lost came twice


async def test_what_is_refused_for_good_is_kept_and_shown_and_does_not_stop_the_rest(
    tmp_path: Path, telemetry: Telemetry, receiver: Receiver
) -> None:
    receiver.answers.append(Answer(400))
    async with Agent(config(tmp_path, f"destinations: {{{to(receiver)}}}")) as agent:
        await post(agent, telemetry.traces(telemetry.span("bad")))
        await until(lambda: receiver.asked == 1)
        await post(agent, telemetry.traces(telemetry.span("good")))
        await until(lambda: receiver.spans() == ["good"])
        (kept,) = (await status(agent))["quarantine"]
    assert kept["where"] == "first"
    assert "400" in kept["reason"]
    assert b"bad" in Path(kept["path"]).read_bytes()  # noqa: ASYNC240
    assert receiver.asked == 2


async def test_a_destination_that_hangs_delays_no_other(
    tmp_path: Path, telemetry: Telemetry, receiver: Receiver, second: Receiver
) -> None:
    receiver.otherwise = Answer(hang=True)
    rules = f"destinations: {{{to(receiver)}, {to(second, 'second')}}}"
    async with Agent(config(tmp_path, rules)) as agent:
        for number in range(20):
            await post(agent, telemetry.traces(telemetry.span(f"op {number}")))
        await until(lambda: len(second.spans()) == 20)
        assert agent_delivery(agent).position < agent_delivery(agent, "second").position


async def test_each_record_is_judged_once(tmp_path: Path, telemetry: Telemetry, receiver: Receiver) -> None:
    rules = f"""
pipeline: {{routes: [{{condition: 'name == "a"', to: [first]}}]}}
destinations: {{{to(receiver)}}}
"""
    async with Agent(config(tmp_path, rules)) as agent:
        await post(agent, telemetry.traces(telemetry.span("a"), telemetry.span("b")))
        await post(agent, telemetry.traces(telemetry.span("b")))
        await until(lambda: receiver.spans() == ["a"])
    records = list(IntakeReader(tmp_path / "intake" / "0").records())
    assert [each.decision.state for each in records] == [DecisionState.DETAILED, DecisionState.DECIDED]
    changed = rules.replace('name == "a"', 'name == "b"')
    (tmp_path / "intake" / "0" / "followers" / "to-first.json").unlink()
    async with Agent(config(tmp_path, changed)) as agent:
        await until(lambda: receiver.spans() == ["a", "a"])
        await asyncio.sleep(0.1)
    assert receiver.spans() == ["a", "a"]


async def test_sampling_writes_its_threshold(
    tmp_path: Path, telemetry: Telemetry, receiver: Receiver
) -> None:
    rules = f"pipeline: {{sampling: [{{probability: 0.5}}]}}\ndestinations: {{{to(receiver)}}}"
    low, high = bytes(16), b"\xff" * 16
    async with Agent(config(tmp_path, rules)) as agent:
        spans = [telemetry.span("low", trace_id=b"\1" + low[1:]), telemetry.span("high", trace_id=high)]
        await post(agent, telemetry.traces(*spans))
        await until(lambda: receiver.spans() == ["high"])
        assert await stored(agent) == ["high"]
    assert b"ot=th:8" in receiver.bodies[0][1]


async def test_metrics_leave_one_after_the_other(
    tmp_path: Path, telemetry: Telemetry, receiver: Receiver
) -> None:
    async with Agent(config(tmp_path, f"destinations: {{{to(receiver, batch_bytes=1)}}}")) as agent:
        for number in range(30):
            await post(agent, telemetry.metrics(telemetry.gauge(f"m{number:02}", 1.0)), "metrics")
        await until(lambda: len(receiver.bodies) == 30)
    names = [body[body.index(b"m", body.index(b"tests")) :][:3] for _, body in receiver.bodies]
    assert names == [f"m{number:02}".encode() for number in range(30)]


async def test_another_agent_takes_grpc_and_files_take_lines(tmp_path: Path, telemetry: Telemetry) -> None:
    async with Agent(config(tmp_path / "b", "")) as there:
        rules = f"""
destinations:
  there: {{type: otlp_grpc, endpoint: "{there.grpc_address}", insecure: true, batch_wait_s: 0}}
  lines: {{type: file, folder: {tmp_path / "lines"}, batch_wait_s: 0}}
"""
        async with Agent(config(tmp_path / "a", rules)) as agent:
            await post(agent, telemetry.traces(telemetry.span("x")))
            await until(lambda: agent_delivery(agent, "there").counts.requests == 1)
            await until(lambda: any((tmp_path / "lines").glob("traces-*.jsonl")))
        assert await stored(there) == ["x"]
    (path,) = (tmp_path / "lines").glob("*.jsonl")
    assert "resourceSpans" in json.loads(path.read_text())


async def test_a_full_backlog_drops_what_is_oldest_and_counts_it(
    tmp_path: Path, telemetry: Telemetry, receiver: Receiver
) -> None:
    await receiver.stop()
    rules = f"""
intake: {{segment_bytes: 64KiB}}
destinations: {{{to(receiver, when_full="drop_oldest", max_backlog_bytes="1MiB")}}}
"""
    async with Agent(config(tmp_path, rules)) as agent:
        big = {"note": "n" * 60_000}
        for number in range(30):
            await post(agent, telemetry.traces(telemetry.span(f"op {number:02}", attributes=big)))
        await until(lambda: agent_delivery(agent).counts.dropped_items > 0)
        dropped = agent_delivery(agent).counts.dropped_items
        await receiver.start()
        await until(lambda: "op 29" in receiver.spans(), 60)
        assert len(await stored(agent)) == 30
    assert 0 < dropped < 30


async def test_mixed_signals_arrive_whole_while_requests_wait_for_their_turn(
    tmp_path: Path, telemetry: Telemetry, receiver: Receiver
) -> None:
    rules = f"destinations: {{{to(receiver, in_flight=1, batch_bytes=600)}}}"
    async with Agent(config(tmp_path, rules)) as agent:
        for number in range(30):
            await post(agent, telemetry.traces(telemetry.span(f"op {number}")))
            await post(agent, telemetry.logs(telemetry.log(f"log {number}")), "logs")
        delivered = agent_delivery(agent).counts.delivered
        await until(lambda: sum(delivered.values()) == 60)
        assert len(receiver.spans()) == 30
        assert sum(body.count(b"log ") for path, body in receiver.bodies if path == "/v1/logs") == 30
