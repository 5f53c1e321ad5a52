"""Destinations that misbehave in every way, an agent that is killed: what was accepted arrives."""

import asyncio
import random
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from tests.host_agent.conftest import Telemetry
from tests.host_agent.deliver.conftest import Answer, Receiver

KILLS, REQUESTS, SPANS = 3, 25, 4
TROUBLE = [
    Answer(),
    Answer(),
    Answer(503),
    Answer(429, {"Retry-After": "0"}),
    Answer(502),
    Answer(lose=True),
    Answer(hang=True),
]


@pytest.mark.slow
async def test_every_accepted_span_arrives_at_each_destination(
    tmp_path: Path, telemetry: Telemetry, receiver: Receiver, second: Receiver
) -> None:
    common = "type: otlp_http, batch_wait_s: 0, timeout_s: 0.5"
    (tmp_path / "agent.yaml").write_text(f"""
http: {{port: 0}}
grpc: {{port: 0}}
api: {{port: 0}}
data_dir: {tmp_path / "data"}
pipeline:
  routes:
    - {{to: [first]}}
    - {{condition: 'status.code == STATUS_CODE_ERROR', to: [second]}}
destinations:
  first: {{{common}, endpoint: "{receiver.url}"}}
  second: {{{common}, endpoint: "{second.url}"}}
""")
    chance = random.Random(3)
    for each in (receiver, second):
        each.answers += [chance.choice(TROUBLE) for _ in range(40)]
    accepted: list[str] = []
    failing: list[str] = []
    for life in range(KILLS + 1):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "host_agent", "agent", "--config", str(tmp_path / "agent.yaml"),
            stdout=subprocess.PIPE,
        )  # fmt: skip
        assert process.stdout is not None
        url = (await process.stdout.readline()).decode().split()[-1]
        async with httpx.AsyncClient() as client:
            for number in range(REQUESTS if life < KILLS else 1):
                names = [f"{life}/{number}/{span}" for span in range(SPANS)]
                spans = [telemetry.span(name, error=name.endswith("0")) for name in names]
                body = telemetry.traces(*spans)
                headers = {"content-type": "application/x-protobuf"}
                answer = await client.post(f"{url}/v1/traces", content=body, headers=headers)
                assert answer.status_code == 200
                accepted += names
                failing += [name for name in names if name.endswith("0")]
        if life < KILLS:
            process.kill()
            await process.wait()
    async with asyncio.timeout(60):
        while set(receiver.spans()) != set(accepted) or set(second.spans()) != set(failing):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    process.terminate()
    assert await process.wait() == 0
    duplicates = len(receiver.spans()) - len(accepted)
    print(f"{len(accepted)} spans accepted, {duplicates} arrived more than once")
