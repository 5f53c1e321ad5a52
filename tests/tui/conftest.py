"""The dashboard under test: a recorded agent where keys are pressed, a real one where the network counts."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest
from textual.pilot import Pilot

from tests.tui.spans import MS, NOW, checkout, export
from tui.app import SpanweaveApp
from tui.recorded import RecordedAgent

if TYPE_CHECKING:
    from host_agent.agent import Agent

RunAgent = Callable[..., "Agent"]


@pytest.fixture
def run_agent(tmp_path: Path) -> RunAgent:
    """Makes agents that keep their data in the same folder, one after the other."""
    from host_agent.agent import Agent
    from host_agent.config import AgentConfig, ApiConfig, GrpcConfig, HttpConfig

    def make(api_port: int = 0) -> "Agent":
        return Agent(
            AgentConfig(
                http=HttpConfig(port=0),
                grpc=GrpcConfig(port=0),
                api=ApiConfig(port=api_port),
                data_dir=tmp_path / "agent",
            )
        )

    return make


async def send(agent: "Agent", *bodies: bytes, path: str = "/v1/traces") -> None:
    """Export encoded requests to an agent."""
    async with httpx.AsyncClient() as client:
        for body in bodies:
            headers = {"content-type": "application/x-protobuf"}
            answer = await client.post(agent.http_url + path, content=body, headers=headers)
            assert answer.status_code == 200, answer.text


def recorded() -> RecordedAgent:
    """Three checkouts, the second of which failed, a third of a second apart."""
    return RecordedAgent(
        [export(checkout(number, failed=number == 2, at=-1000 + 333 * number)) for number in (1, 2, 3)]
    )


def dashboard(agent: RecordedAgent | str | None = None) -> SpanweaveApp:
    """The dashboard at a fixed moment, half a second after NOW, in UTC."""
    return SpanweaveApp(
        agent or recorded(), tz=UTC, clock=lambda: NOW + 500 * MS, wait_for=lambda attempt: 0.05
    )


async def until(pilot: Pilot[None], condition: Callable[[], object]) -> None:
    """Wait until something holds; fails after twenty seconds."""
    async with asyncio.timeout(20):
        while not condition():
            await pilot.pause(0.02)
    await pilot.pause()


@asynccontextmanager
async def running(
    app: SpanweaveApp, size: tuple[int, int] = (120, 30), traces: int = 3
) -> AsyncIterator[Pilot[None]]:
    """The dashboard with so many traces in its list."""
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: len(app.session.store) >= traces)
        app.screen.show_state()  # type: ignore[attr-defined]
        await pilot.pause()
        yield pilot


def screen_text(app: SpanweaveApp) -> str:
    """What the screen shows, line by line."""
    lines = app.screen._compositor.render_strips()
    return "\n".join(strip.text.rstrip() for strip in lines)
