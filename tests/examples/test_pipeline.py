"""The example's pipeline drops health checks and puts errors into a file besides."""

import json
import time
from pathlib import Path

import httpx

from tests.examples.conftest import CHECKOUT, run_agent
from wasm_sdk.otlp import (
    Resource,
    ResourceSpans,
    ScopeSpans,
    Span,
    Status,
    StatusCode,
    TracesData,
    encode_traces,
)


def request(name: str, code: StatusCode) -> Span:
    now = time.time_ns()
    return Span(
        trace_id=name.encode().ljust(16, b"."), span_id=name.encode()[-8:], name=name,
        start_time_unix_nano=now, end_time_unix_nano=now + 1, status=Status(code=code),
    )  # fmt: skip


def test_health_checks_are_dropped_and_errors_are_filed_besides(tmp_path: Path) -> None:
    text = (CHECKOUT / "examples" / "pipeline.yaml").read_text()
    errors = tmp_path / "errors"
    config = tmp_path / "pipeline.yaml"
    config.write_text(text.replace("build/errors", str(errors)))
    spans = [
        request("GET /health", StatusCode.OK),
        request("GET /cart", StatusCode.OK),
        request("GET /order", StatusCode.ERROR),
    ]
    body = encode_traces(TracesData([ResourceSpans(Resource(), [ScopeSpans(spans=spans)])]))
    with run_agent(tmp_path / "data", "--config", str(config)) as agent:
        answer = httpx.post(
            f"{agent.otlp}/v1/traces", content=body, headers={"content-type": "application/x-protobuf"}
        )
        assert answer.status_code == 200
        give_up = time.monotonic() + 20
        while len(found := agent.ask("/api/v1/traces")["traces"]) < 2 or not list(errors.glob("*.jsonl")):
            assert time.monotonic() < give_up
            time.sleep(0.05)
    assert {trace["root_name"] for trace in found} == {"GET /cart", "GET /order"}
    (line,) = next(errors.glob("traces-*.jsonl")).read_text().splitlines()
    (filed,) = json.loads(line)["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert filed["name"] == "GET /order"
