import logging
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from host_agent.agent import Agent
from host_agent.config import AgentConfig, ApiConfig, GrpcConfig, HttpConfig
from host_agent.intake import IntakeReader
from host_agent.intake.disk import DirectoryInUseError
from host_agent.listener import ListenError
from wasm_sdk.otlp import Resource, ResourceSpans, ScopeSpans, Signal, Span, TracesData, encode


def config(folder: Path, **changes: Any) -> AgentConfig:
    free = {"http": HttpConfig(port=0), "grpc": GrpcConfig(port=0), "api": ApiConfig(port=0)}
    return AgentConfig(**(free | {"data_dir": folder} | changes))


def request(name: str, trace_id: bytes = b"t" * 16) -> bytes:
    span = Span(
        trace_id=trace_id, span_id=b"s" * 8, name=name, start_time_unix_nano=10**18, end_time_unix_nano=10**18
    )
    return encode(
        Signal.TRACES,
        TracesData([ResourceSpans(resource=Resource(), scope_spans=[ScopeSpans(spans=[span])])]),
    )


async def send(agent: Agent, *bodies: bytes) -> None:
    async with httpx.AsyncClient() as client:
        for body in bodies:
            answer = await client.post(
                f"{agent.http_url}/v1/traces",
                content=body,
                headers={"content-type": "application/x-protobuf"},
            )
            assert answer.status_code == 200


async def test_what_is_sent_is_found_also_after_a_restart(tmp_path: Path) -> None:
    url = f"/api/v1/traces/{(b't' * 16).hex()}"
    async with Agent(config(tmp_path)) as agent, httpx.AsyncClient() as client:
        await send(agent, request("checkout"))
        assert "checkout" in (await client.get(agent.api_url + url)).text
        status = (await client.get(f"{agent.api_url}/api/v1/status")).json()
        assert status["ingest"]["items"] == {"traces": 1, "metrics": 0, "logs": 0}
        assert status["intake"]["fsync"] == "interval"
        assert status["listeners"] == {
            "http": agent.http_url,
            "grpc": agent.grpc_address,
            "api": agent.api_url,
        }
    async with Agent(config(tmp_path)) as agent, httpx.AsyncClient() as client:
        assert "checkout" in (await client.get(agent.api_url + url)).text
        assert (await client.get(f"{agent.api_url}/api/v1/status")).json()["store"]["unflushed_rows"] == 0


async def test_it_leaves_no_task_and_no_port_behind(tmp_path: Path) -> None:
    async with Agent(config(tmp_path)) as agent:
        ports = [int(url.rsplit(":", 1)[1]) for url in (agent.http_url, agent.grpc_address, agent.api_url)]
    for port in ports:
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.parametrize(
    ("section", "build"), [("http", HttpConfig), ("grpc", GrpcConfig), ("api", ApiConfig)]
)
async def test_a_port_in_use_is_told_in_one_line(
    tmp_path: Path, section: str, build: Callable[..., Any]
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        changes = {section: build(port=taken.getsockname()[1])}
        with pytest.raises(ListenError, match=rf"{section}: cannot listen on .*in use.*{section}\.port"):
            async with Agent(config(tmp_path, **changes)):
                pass
    async with Agent(config(tmp_path)):  # and everything that had been started was stopped
        pass


async def test_an_address_of_another_machine_is_told(tmp_path: Path) -> None:
    elsewhere = config(tmp_path, http=HttpConfig(host="192.0.2.1", port=0), allow_insecure_bind=True)
    with pytest.raises(ListenError, match=r"http: cannot listen on 192\.0\.2\.1:0: "):
        async with Agent(elsewhere):
            pass


async def test_beyond_loopback_it_does_not_listen_unless_told(tmp_path: Path) -> None:
    with pytest.raises(ListenError, match="allow_insecure_bind"):
        async with Agent(config(tmp_path, grpc=GrpcConfig(host="0.0.0.0", port=0))):
            pass


async def test_one_data_directory_has_one_agent(tmp_path: Path) -> None:
    async with Agent(config(tmp_path)):
        with pytest.raises(DirectoryInUseError, match="in use by another agent"):
            async with Agent(config(tmp_path)):
                pass


async def test_a_part_that_ends_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(self: Any) -> None:
        raise RuntimeError("no more")

    monkeypatch.setattr("host_agent.live.feed.LiveFeed.run", fail)
    async with Agent(config(tmp_path)) as agent:
        with pytest.raises(RuntimeError, match="no more"):
            await agent.failed


async def test_the_log_is_deleted_behind_the_store(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    settings = config(tmp_path)
    settings = settings.model_copy(
        update={"intake": settings.intake.model_copy(update={"segment_bytes": 64 << 10})}
    )
    with caplog.at_level(logging.WARNING):
        async with Agent(settings) as agent:
            await send(agent, *(request("x" * 10_000, n.to_bytes(16, "big")) for n in range(1, 31)))
        async with Agent(settings) as agent:
            await send(agent, *(request("x" * 10_000, n.to_bytes(16, "big")) for n in range(31, 41)))
    kept = list(IntakeReader(tmp_path / "intake" / "0").records())
    assert len(kept) < 30
    assert caplog.records == []
