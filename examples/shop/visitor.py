"""A visitor of the shop: headless Chromium that clicks as a person would."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Error, Page, sync_playwright

from examples.shop.processes import DemoError

# The browser's own calls home only slow the start down.
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
FLAGS += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")


def find_chromium() -> str | None:
    """The path of an installed Chromium; None where only Playwright's own can serve."""
    return next((path for name in CHROMIUMS if (path := shutil.which(name))), None)


@contextmanager
def visit(url: str) -> Iterator[Page]:
    """The page at `url` in a headless Chromium.

    Raises:
        DemoError: there is no Chromium, or the page does not load.
    """
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=find_chromium(), args=FLAGS)
        except Error as error:
            raise DemoError(
                f"no Chromium can be started ({error.message.splitlines()[0]}).\n"
                "Install it ('apt-get install chromium', or 'python -m playwright install chromium'), or run "
                "`make run` in a terminal and open the shop in your own browser."
            ) from None
        try:
            page = browser.new_page()
            page.goto(url)
            yield page
            page.close()  # as a person leaves: the page may say what it still has to say
        except Error as error:
            raise DemoError(f"the page {url}: {error.message}") from None
        finally:
            browser.close()


def buy(page: Page, product: str) -> str:
    """Clicks the product's button; returns what the shop said."""
    page.evaluate("document.querySelector('#message').textContent = ''")
    page.click(f"#buy-{product}")
    page.wait_for_function("document.querySelector('#message').textContent !== ''")
    return page.inner_text("#message")
