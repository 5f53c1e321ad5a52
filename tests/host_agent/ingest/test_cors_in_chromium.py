"""Real pages of two origins before a real agent: one may send, the other is told why not."""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import async_playwright
from starlette.responses import HTMLResponse

from examples.shop.visitor import FLAGS, find_chromium
from host_agent.agent import Agent
from host_agent.config import AgentConfig, ApiConfig, CorsConfig, GrpcConfig, HttpConfig
from host_agent.intake import IntakeReader
from host_agent.listener import HttpListener, bind

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium on this machine: run 'make setup'"),
]

REQUEST = """{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"body":{"stringValue":"%s"}}]}]}]}"""
FETCH = """async ([url, body]) => {
  const headers = {"content-type": "application/json", "x-scope": "shop"};
  try { return (await fetch(url, {method: "POST", headers, body})).status; }
  catch (error) { return String(error); }
}"""
BEACON = "([url, body]) => navigator.sendBeacon(url, body)"


@asynccontextmanager
async def site() -> AsyncIterator[str]:
    """An origin with an empty page."""
    listener = HttpListener(HTMLResponse("<title>page</title>"), bind("127.0.0.1", 0, "site"))
    await listener.start()
    yield listener.url
    await listener.stop()


async def test_an_allowed_page_may_send_and_another_is_told_why_not(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    console: list[str] = []
    async with site() as ours, site() as theirs:
        http = HttpConfig(port=0, cors=CorsConfig(allowed_origins=(ours,)))
        config = AgentConfig(http=http, grpc=GrpcConfig(port=0), api=ApiConfig(port=0), data_dir=tmp_path)
        async with Agent(config) as agent, async_playwright() as playwright:
            url = f"{agent.http_url}/v1/logs"
            browser = await playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
            page = await browser.new_page()
            page.on("console", lambda message: console.append(message.text))
            outcomes: dict[str, Any] = {}
            for name, origin in (("ours", ours), ("theirs", theirs)):
                await page.goto(origin)
                outcomes[name] = await page.evaluate(FETCH, [url, REQUEST % f"fetch of {name}"])
                assert await page.evaluate(BEACON, [url, REQUEST % f"beacon of {name}"])
            await page.goto(ours)  # the beacon is sent before another navigation ends
            await browser.close()
        records = list(IntakeReader(tmp_path / "intake" / "0").records())
    assert outcomes == {"ours": 200, "theirs": "TypeError: Failed to fetch"}
    kept = b"".join(record.data() for record in records)
    assert b"fetch of ours" in kept
    assert b"beacon of ours" in kept
    assert b"theirs" not in kept
    assert any("blocked by CORS policy" in line and theirs in line for line in console)
    warnings = [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert theirs in warnings[0]
    assert "http.cors.allowed_origins" in warnings[0]
