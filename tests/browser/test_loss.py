"""Records outlive their page: killed, crowded, offline, or with an agent that is away."""

import json
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from playwright.sync_api import BrowserContext, Playwright

from examples.shop.visitor import FLAGS, find_chromium
from tests.browser.collector import Collector, attributes_of
from tests.browser.conftest import Visit

Open = Callable[..., Visit]
OFF = 'data-runtime="off"'
MANY = """(count) => {
    for (let i = 0; i < count; i++)
        spanweave.tracer.startSpan("bulk", { parent: null, attributes: { i, pad: "x".repeat(400) } }).end();
}"""


def test_a_page_that_is_closed_right_after_the_click_is_not_forgotten(
    visit: Open, collector: Collector
) -> None:
    page = visit()
    page.page.click("#buy")
    page.page.close(run_before_unload=False)
    click = collector.span("click button#buy")
    assert click.trace_id


def test_a_browser_that_is_killed_has_kept_the_click_for_the_next_page(
    playwright: Playwright, visit: Open, collector: Collector, tmp_path: Path
) -> None:
    url = visit(tag=OFF).url
    with profile(playwright, tmp_path) as context:
        page = context.new_page()
        page.goto(url)
        page.wait_for_load_state("load")
        page.evaluate("spanweave.flush()")
        page.click("#buy")
        page.wait_for_timeout(100)
        kill(context)
    assert not [span for span in collector.spans() if span.name.startswith("click")]
    with profile(playwright, tmp_path) as context:
        context.new_page().goto(url)
        click = collector.span("click button#buy")
        assert collector.span("GET", server__port=int(url.rpartition(":")[2])).parent_span_id == click.span_id


@contextmanager
def profile(playwright: Playwright, folder: Path) -> Iterator[BrowserContext]:
    """A browser that keeps what its pages store."""
    context = playwright.chromium.launch_persistent_context(
        folder, executable_path=find_chromium(), args=FLAGS
    )
    yield context
    context.close()


def kill(context: BrowserContext) -> None:
    """Ends the browser as a power cut would: no handler runs, in no process."""
    assert context.browser
    session = context.browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    for process in sorted(processes, key=lambda process: process["type"] != "browser"):
        with suppress(ProcessLookupError):
            os.kill(process["id"], signal.SIGKILL)


def test_what_no_beacon_takes_waits_for_the_next_page(visit: Open, collector: Collector) -> None:
    page = visit(tag=OFF)
    page.page.evaluate(MANY, 400)
    page.page.goto("about:blank")
    collector.span("bulk")
    beaconed = {span.span_id for span in collector.spans() if span.name == "bulk"}
    assert 50 < len(beaconed) < 150
    page.goto()
    collector.await_one(lambda: [len(bulk(collector))], lambda count: count == 400, "400 spans")


def bulk(collector: Collector) -> set[int]:
    return {attributes_of(span)["i"] for span in collector.spans() if span.name == "bulk"}


def test_offline_records_wait_in_storage(visit: Open, collector: Collector, context: BrowserContext) -> None:
    page = visit(tag=OFF)
    collector.span("documentLoad")
    context.set_offline(True)
    page.page.evaluate(MANY, 5)
    page.page.evaluate("spanweave.flush()")
    page.page.close()
    context.set_offline(False)
    context.new_page().goto(page.url)
    collector.await_one(lambda: [len(bulk(collector))], lambda count: count == 5, "5 spans")


def test_a_busy_agent_gets_everything_when_it_can_take_it(visit: Open, collector: Collector) -> None:
    collector.status = 503
    collector.headers = {"retry-after": "1"}
    page = visit(tag=OFF)
    page.page.evaluate(MANY, 5)
    assert page.page.evaluate("spanweave.flush()") is False
    collector.status = 200
    collector.await_one(lambda: [len(bulk(collector))], lambda count: count == 5, "5 spans")


def test_what_is_dropped_is_counted_and_told(visit: Open, collector: Collector) -> None:
    collector.status = 503
    page = visit(tag=OFF)
    page.page.evaluate(MANY, 2100)
    collector.status = 200

    def accounted() -> list[int]:
        points = collector.points("otel.sdk.processor.span.processed")
        assert {attributes_of(point)["error.type"] for point in points} <= {"queue_full"}
        return [sum(point.as_int for point in points) + len({span.span_id for span in collector.spans()})]

    # The document's two spans, and these.
    collector.await_one(accounted, lambda count: count == 2102, "account of all spans")
    assert len(bulk(collector)) < 2100


def test_what_the_agent_refuses_for_good_is_dropped_and_said(visit: Open, collector: Collector) -> None:
    collector.status = 400
    page = visit(tag=OFF)
    page.page.evaluate("spanweave.flush()")
    assert "answered 400" in page.await_console("are dropped")


def test_two_pages_of_an_origin_do_not_take_each_others_records(visit: Open, collector: Collector) -> None:
    collector.status = 503
    first = visit(tag=OFF)
    first.page.evaluate(MANY, 3)
    first.page.wait_for_timeout(100)
    second = first.page.context.new_page()
    second.goto(first.url)
    rows = second.evaluate(
        """() => new Promise((resolve) => (indexedDB.open("spanweave").onsuccess = (event) => {
            const keys = event.target.result.transaction("records").objectStore("records").getAllKeys();
            keys.onsuccess = () => resolve(JSON.stringify(keys.result));
        }))"""
    )
    assert len({page for page, _ in json.loads(rows)}) >= 1
    second.close()
    collector.status = 200
    collector.await_one(lambda: [len(bulk(collector))], lambda count: count == 3, "3 spans")
