"""The page with one script tag: its click is a trace in the agent."""

import functools
import threading
import time
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import sync_playwright

from examples.shop.visitor import FLAGS, find_chromium
from tests.examples.conftest import CHECKOUT, RunningAgent

PAGE = CHECKOUT / "examples" / "page"

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium on this machine: run 'make setup'"),
    pytest.mark.skipif(
        not (CHECKOUT / "web/dist/spanweave.js").is_file(), reason="no browser build: run 'make setup'"
    ),
]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def site(agent: RunningAgent, tmp_path: Path) -> Iterator[str]:
    """The example's folder over HTTP, its tag pointing to the agent of this test."""
    text = (PAGE / "index.html").read_text()
    assert "http://127.0.0.1:4318" in text
    (tmp_path / "index.html").write_text(text.replace("http://127.0.0.1:4318", agent.otlp))
    (tmp_path / "greeting.txt").write_bytes((PAGE / "greeting.txt").read_bytes())
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(tmp_path)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_click_and_its_fetch_are_one_trace(agent: RunningAgent, site: str) -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        page = browser.new_page()
        page.goto(site)
        page.wait_for_function("window.spanweave")
        page.click("#greet")
        page.wait_for_function("document.querySelector('#greeting').textContent !== ''")
        page.close()  # hands what was not sent yet to a beacon
        give_up = time.monotonic() + 30
        while not (
            found := agent.ask("/api/v1/traces?service=plain-page&operation=click+button%23greet")["traces"]
        ):
            assert time.monotonic() < give_up, "the click's trace has not arrived"
            time.sleep(0.1)
        browser.close()
    spans = [
        span
        for group in agent.ask(f"/api/v1/traces/{found[0]['trace_id']}")["resourceSpans"]
        for scope in group["scopeSpans"]
        for span in scope["spans"]
    ]
    click = next(span for span in spans if span["name"].startswith("click"))
    fetch = next(span for span in spans if span["name"] == "GET")
    assert fetch["parentSpanId"] == click["spanId"]
