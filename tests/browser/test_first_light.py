"""The main job on the demo shop: real agent, real service, real Chromium, from the click to the store."""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from examples.shop.processes import Demo
from examples.shop.run import ask, await_trace, fetch_trace
from examples.shop.visitor import buy, find_chromium, visit
from host_agent.cli.tree import Node, build_forest
from wasm_sdk.otlp import SpanKind

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason="no Chromium on this machine: run 'make setup'"),
    pytest.mark.skipif(not Path("web/dist").is_dir(), reason="no browser build: run 'make setup'"),
]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with Demo(tmp_path_factory.mktemp("demo")) as demo:
        yield demo


def test_a_click_becomes_one_stored_trace_through_page_server_and_database(demo: Demo) -> None:
    since = time.time_ns()
    with visit(demo.shop_url) as page:
        page.wait_for_selector("#buy-loom")
        assert buy(page, "loom").startswith("Order ")
        trace = await_trace(demo, since)
    (click,) = build_forest(trace)
    nodes = list(click.walk())
    assert len({node.span.trace_id for node in nodes}) == 1
    assert click.service == "shop-page"
    (fetch,) = [node for node in click.children if node.span.kind == SpanKind.CLIENT]
    (server,) = [node for node in fetch.children if node.span.kind == SpanKind.SERVER]
    assert (fetch.service, server.service) == ("shop-page", "shop")
    assert server.span.name == "POST /api/products/{product}/orders"
    assert {node.span.attributes["db.system"] for node in server.children} == {"sqlite"}


def test_a_page_killed_right_after_the_click_still_gives_its_span(demo: Demo) -> None:
    since = time.time_ns()
    with visit(demo.shop_url) as page:
        page.wait_for_selector("#buy-yarn")
        page.click("#buy-yarn")
    assert any("click" in node.span.name.lower() for node in await_nodes(demo, since, "click"))


def test_the_documents_load_joins_the_trace_of_the_server_that_gave_it(demo: Demo) -> None:
    since = time.time_ns()
    with visit(demo.shop_url) as page:
        page.wait_for_selector("#buy-yarn")
    nodes = await_nodes(demo, since, "documentLoad")
    assert {node.service for node in nodes} == {"shop", "shop-page"}
    assert len({node.span.trace_id for node in nodes}) == 1


def test_make_run_without_a_terminal_prints_the_tree_and_exits_0() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "examples.shop.run"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    tree = run.stdout.splitlines()
    assert [line.split(" · ")[-1].split()[0] for line in tree if " · " in line][:2] == ["client", "server"]
    assert any("INSERT" in line for line in tree)


def await_nodes(demo: Demo, since: int, name: str) -> list[Node]:
    """All spans of the first stored trace that has a span with `name` in its name."""
    give_up = time.monotonic() + 30
    while time.monotonic() < give_up:
        for summary in ask(f"{demo.api_url}/api/v1/traces?limit=20&start={since}")["traces"]:
            forest = build_forest(fetch_trace(demo, summary["trace_id"]))
            nodes = [node for root in forest for node in root.walk()]
            if any(name.lower() in node.span.name.lower() for node in nodes):
                return nodes
        time.sleep(0.2)
    raise AssertionError(f"no trace with a span named like {name!r}: {demo.processes[0].tail()}")
