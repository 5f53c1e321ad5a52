"""`spanweave traces` and `spanweave show`, against a real agent."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import click
import httpx
import pytest
from click.testing import CliRunner, Result

from host_agent.agent import Agent
from host_agent.cli.show import show, traces
from host_agent.config import AgentConfig, ApiConfig, GrpcConfig, HttpConfig
from wasm_sdk.otlp import (
    KeyValues,
    Resource,
    ResourceSpans,
    ScopeSpans,
    Span,
    Status,
    StatusCode,
    TracesData,
    decode_json,
    encode_traces,
)

TRACE = b"\x11" * 16
NOWHERE = "http://127.0.0.1:9"


@pytest.fixture
async def agent(tmp_path: Path) -> AsyncIterator[Agent]:
    config = AgentConfig(
        data_dir=tmp_path, http=HttpConfig(port=0), grpc=GrpcConfig(port=0), api=ApiConfig(port=0)
    )
    async with Agent(config) as agent:
        yield agent


async def store_checkout(agent: Agent) -> None:
    now = time.time_ns()
    root = Span(
        TRACE, b"\1" * 8, name="POST /orders", start_time_unix_nano=now, end_time_unix_nano=now + 10**7
    )
    failed = Span(
        TRACE,
        b"\2" * 8,
        parent_span_id=b"\1" * 8,
        name="INSERT",
        start_time_unix_nano=now + 10**6,
        end_time_unix_nano=now + 3 * 10**6,
        status=Status(code=StatusCode.ERROR),
    )
    resource = Resource(attributes=KeyValues.of({"service.name": "shop"}))
    body = encode_traces(TracesData([ResourceSpans(resource, [ScopeSpans(spans=[root, failed])])]))
    async with httpx.AsyncClient() as client:
        headers = {"content-type": "application/x-protobuf"}
        answer = await client.post(f"{agent.http_url}/v1/traces", content=body, headers=headers)
        assert answer.status_code == 200


async def run(command: click.Command, *arguments: str) -> Result:
    """The command in a thread of its own: the agent lives on this event loop."""
    return await asyncio.to_thread(CliRunner().invoke, command, arguments)


async def test_a_listed_trace_tells_its_id_length_service_name_and_errors(agent: Agent) -> None:
    await store_checkout(agent)
    listed = await run(traces, "--url", agent.api_url, "--service", "shop", "--error", "--since", "1h")
    assert listed.exit_code == 0
    assert listed.output.split()[0] == TRACE.hex()
    assert listed.output.rstrip().endswith("10 ms     2 spans  shop  POST /orders  1 error")


async def test_what_is_listed_may_be_read_by_machines(agent: Agent) -> None:
    await store_checkout(agent)
    listed = await run(traces, "--url", agent.api_url, "--json")
    assert [trace["span_count"] for trace in json.loads(listed.output)["traces"]] == [2]


async def test_nothing_that_matches_is_said_so(agent: Agent) -> None:
    assert (await run(traces, "--url", agent.api_url)).output == "No trace matches.\n"


async def test_a_trace_is_shown_as_a_tree_by_its_id_or_as_the_latest(agent: Agent) -> None:
    await store_checkout(agent)
    shown = await run(show, TRACE.hex(), "--url", agent.api_url)
    assert [line.split("  ")[0] for line in shown.output.splitlines()] == ["POST /orders", "└─ INSERT"]
    assert (await run(show, "latest", "--url", agent.api_url)).output == shown.output
    as_json = await run(show, "latest", "--json", "--url", agent.api_url)
    assert isinstance(trace := decode_json("traces", as_json.output), TracesData)
    assert len(trace.resource_spans[0].scope_spans[0].spans) == 2


async def test_mistakes_are_explained_in_one_line(agent: Agent) -> None:
    url = ["--url", agent.api_url]
    for arguments, words in (
        ((show, "latest"), "has stored no trace yet"),
        ((show, "zz"), "'zz' is no trace id; use 32 hexadecimal digits"),
        ((show, TRACE.hex()), "is stored; it may not have arrived yet"),
        ((traces, "--since", "soon"), "since is 'soon'"),
    ):
        failed = await run(*arguments, *url)
        assert failed.exit_code == 1
        assert words in failed.output
        assert failed.output.count("\n") == 1


@pytest.mark.parametrize("url", [NOWHERE, "nonsense"])
async def test_an_agent_that_is_not_there_is_named_with_what_to_do(url: str) -> None:
    failed = await run(traces, "--url", url)
    assert failed.exit_code == 1
    assert failed.output.startswith(f"Error: no agent at {url} (")
    assert "spanweave agent" in failed.output
