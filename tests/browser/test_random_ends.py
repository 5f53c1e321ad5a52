"""Pages that end at random moments, one after the other: what they had finished is stored or kept."""

import os
import random
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext

from tests.browser.collector import Collector, attributes_of
from tests.browser.conftest import Visit

PAGES = int(os.environ.get("SPANWEAVE_PAGES", "20"))
WORK = """(page) => {
    let i = 0;
    setInterval(() => {
        spanweave.tracer.startSpan("step", { parent: null, attributes: { page, i } }).end();
        window.done = [...(window.done ?? []), [performance.now(), i++]];
    }, 7);
}"""
DONE = "window.done.filter(([at]) => at < performance.now() - 100).map(([, i]) => i)"


@pytest.mark.scale
def test_no_step_is_lost_whatever_ends_the_page(
    visit: Callable[..., Visit], collector: Collector, context: BrowserContext
) -> None:
    chance = random.Random(7)
    site = visit(tag='data-runtime="off"')
    owed: set[tuple[int, int]] = set()
    for number in range(PAGES):
        end = chance.choice(["close", "leave", "offline", "reload", "busy"])
        if end == "busy":
            collector.status = 503
        page = context.new_page()
        page.goto(site.url)
        page.evaluate(WORK, number)
        page.wait_for_timeout(110 + chance.random() * 1200)
        if end == "offline":
            context.set_offline(True)
        owed |= {(number, i) for i in page.evaluate(DONE)}
        if end == "leave":
            page.goto("about:blank")
        if end == "reload":
            page.reload()
        page.close()
        context.set_offline(False)
        collector.status = 200
    context.new_page().goto(site.url)  # takes up what the others left

    def stored() -> set[tuple[object, object]]:
        steps = (attributes_of(span) for span in collector.spans() if span.name == "step")
        return {(step["page"], step["i"]) for step in steps}

    collector.await_one(lambda: [len(owed - stored())], lambda missing: missing == 0, "all steps", seconds=30)
    assert len(owed) > PAGES
