"""A click in a real browser, through servers that know nothing of tracing, to a file: one stored trace."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from playwright.sync_api import Browser, sync_playwright

from examples.shop.processes import Demo
from examples.shop.run import ask, fetch_trace
from examples.shop.visitor import FLAGS, find_chromium
from host_agent.cli.tree import Node, build_forest
from tests.kernel.conftest import SERVERS, nothing_stays_attached
from tests.kernel.serving import certificate, nginx_before
from wasm_sdk.otlp import SpanKind

pytestmark = [
    pytest.mark.kernel,
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium on this machine: run 'make setup'"),
    pytest.mark.skipif(not Path("web/dist").is_dir(), reason="no browser build: run 'make setup'"),
]
# Names that only the programs of this test bear: nobody else's are traced.
SHOP, PROXY = f"spw-s{os.getpid()}", f"spw-n{os.getpid()}"


class TracingAgent(Demo):
    """An agent whose configuration names the programs to trace; nothing else runs."""

    def _start(self) -> None:
        self.start_agent(f"kernel: {{targets: {{commands: [{SHOP}, {PROXY}]}}, files: true}}\n")
        end = time.monotonic() + 30  # the agent says that it has started when its probes are attached
        while "keeping" not in self.processes[0].tail():
            assert time.monotonic() < end, self.processes[0].tail()
            time.sleep(0.02)


@pytest.fixture(scope="module", autouse=True)
def _kernel_allows_it() -> Iterator[None]:
    """Instead of around each test: the agent stays for all of them, and loads what it comes to need."""
    with nothing_stays_attached():
        yield


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with TracingAgent(tmp_path_factory.mktemp("agent")) as agent:
        yield agent


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        flags = [*FLAGS, "--ignore-certificate-errors"]
        browser = playwright.chromium.launch(executable_path=find_chromium(), args=flags)
        yield browser
        browser.close()


@pytest.mark.parametrize("way", ["plain", "https", "nginx"])
def test_a_click_reaches_the_file_in_one_trace(
    way: str, agent: Demo, browser: Browser, tmp_path: Path, start_server: Callable[..., tuple[object, int]]
) -> None:
    database = tmp_path / "orders.sqlite"
    program = tmp_path / SHOP
    program.symlink_to(sys.executable)
    pem = [str(certificate(tmp_path))] if way == "https" else []
    script = f"{agent.agent_url}/sdk/spanweave.js"
    _, port = start_server(str(program), str(SERVERS / "orders.py"), str(database), script, *pem)
    since = time.time_ns()
    # What is under the click, from above: kind, service, and the port that the request went to.
    steps = [(SpanKind.SERVER, Path(sys.executable).resolve().name, port)]
    with ExitStack() as stack:
        if way == "nginx":
            behind = port
            _, port = stack.enter_context(nginx_before(port, tmp_path, PROXY))
            steps = [(SpanKind.SERVER, "nginx", port), (SpanKind.CLIENT, "nginx", behind), *steps]
        click = None
        for order in range(1, 4):  # a program that has just begun is in sight after a moment, its TLS too
            page = browser.new_page()
            page.goto(f"{'https' if pem else 'http'}://127.0.0.1:{port}/")
            page.click("#order")
            page.wait_for_selector(f"text=Order {order}")
            page.close()
            if click := _await_click(agent, since, database):
                break
        assert click, agent.processes[0].tail()
    steps.insert(0, (SpanKind.CLIENT, "orders-page", port))

    tree = "\n".join(_shown(click))
    assert click.service == "orders-page"
    above = click
    for kind, service, port in steps:
        requests = [n for n in above.children if "http.request.method" in n.span.attributes.as_dict()]
        assert [(n.span.kind, n.service, n.span.attributes["server.port"]) for n in requests] == [
            (kind, service, port)
        ], tree
        (above,) = requests
        assert above.span.name == "POST"
        assert above.span.attributes["http.response.status_code"] == 200
    assert above.span.attributes["url.path"] == "/orders"
    assert above.span.attributes["url.scheme"] == ("https" if pem else "http")
    files = _files(click, database)
    assert {node.span.name for node in files} >= {"openat", "pread64", "pwrite64", "fdatasync"}
    assert all(node in above.children for node in files), tree
    server = range(above.span.start_time_unix_nano, above.span.end_time_unix_nano)
    assert all(node.span.start_time_unix_nano in server for node in files)
    assert "hidden" not in tree


def _files(click: Node, database: Path) -> list[Node]:
    return [n for n in click.walk() if n.span.attributes.get("file.path") == str(database)]


def _await_click(agent: Demo, since: int, database: Path) -> Node | None:
    """The click of the stored trace that holds the file, from one root; None when it does not come."""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        for summary in ask(f"{agent.api_url}/api/v1/traces?limit=20&start={since}")["traces"]:
            roots = build_forest(fetch_trace(agent, summary["trace_id"]))
            if len(roots) == 1 and "click" in roots[0].span.name.lower() and _files(roots[0], database):
                return roots[0]
        time.sleep(0.2)
    return None


def _shown(node: Node, depth: int = 0) -> list[str]:
    line = f"{'  ' * depth}{node.service}: {node.span.name} {node.span.attributes.as_dict()}"
    return [line, *(below for child in node.children for below in _shown(child, depth + 1))]
