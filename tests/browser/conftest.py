"""One Chromium a module; a collector, and a site whose page carries the script tag, a test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Playwright, sync_playwright

from examples.shop.visitor import FLAGS, find_chromium
from tests.browser.collector import DIST, Collector
from tests.browser.serving import served
from tests.browser.site import Site


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = [item for item in items if "tests/browser/" in item.nodeid]
    for item in here:
        item.add_marker(pytest.mark.browser)
        if find_chromium() is None:
            item.add_marker(pytest.mark.skip(reason="no Chromium on this machine: run 'make setup'"))
        elif not (DIST / "spanweave.js").is_file():
            item.add_marker(pytest.mark.skip(reason="no browser build: run 'make setup'"))


@pytest.fixture(scope="module")
def playwright() -> Iterator[Playwright]:
    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="module")
def browser(playwright: Playwright) -> Iterator[Browser]:
    browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
    yield browser
    browser.close()


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A browser profile of its own."""
    context = browser.new_context()
    yield context
    context.close()


@pytest.fixture
def collector() -> Collector:
    return Collector()


@pytest.fixture
def agent(collector: Collector) -> Iterator[str]:
    """The origin at which the collector listens."""
    with served(collector.app()) as origin:
        yield origin


class Visit:
    """A page that is open, the site it belongs to, and what its console said."""

    def __init__(self, page: Page, site: Site, url: str) -> None:
        self.page = page
        self.site = site
        self.url = url
        self.console: list[str] = []
        page.on("console", lambda message: self.console.append(message.text))

    def goto(self) -> None:
        self.page.goto(self.url)

    def await_runtime(self, runtime: str) -> None:
        # Not `wait_for_function`: it needs eval, which some of the pages' policies forbid.
        for _ in range(1500):
            if self.page.evaluate("window.spanweave?.runtime") == runtime:
                return
            self.page.wait_for_timeout(20)
        raise AssertionError(f"the runtime did not become {runtime!r}; the console said {self.console}")

    def await_console(self, text: str) -> str:
        """The first console message that holds `text`."""
        for _ in range(500):
            for message in self.console:
                if text in message:
                    return message
            self.page.wait_for_timeout(20)
        raise AssertionError(f"the console never said {text!r}, but {self.console}")


@pytest.fixture
def visit(context: BrowserContext, agent: str) -> Iterator[Callable[..., Visit]]:
    """Opens a page of a site with the given `Site` fields; the script comes from the collector's origin."""
    with ExitStack() as stack:

        def open_page(*, goto: bool = True, **fields: str) -> Visit:
            site = Site(**{"script": agent, **fields})
            url = stack.enter_context(served(site.app()))
            visit = Visit(context.new_page(), site, url)
            if goto:
                visit.goto()
            return visit

        yield open_page
