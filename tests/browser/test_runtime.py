"""Where Python cannot run, the loader exports by itself and says why."""

from collections.abc import Callable

from playwright.sync_api import BrowserContext

from tests.browser.collector import Collector
from tests.browser.conftest import Visit

Open = Callable[..., Visit]


def test_without_wasm_in_the_csp_the_loader_exports_and_says_why(
    visit: Open, collector: Collector, agent: str
) -> None:
    page = visit(
        csp=f"script-src 'self' 'unsafe-inline' {agent}; worker-src blob: {agent}; connect-src 'self' {agent}"
    )
    assert "'wasm-unsafe-eval'" in page.await_console("the Python runtime is off")
    page.await_runtime("loader")
    page.page.click("#buy")
    collector.span("click button#buy")
    assert {arrival.content_type for arrival in collector.arrivals} == {"text/plain"}


def test_where_the_csp_forbids_the_worker_the_console_says_what_to_allow(
    visit: Open, collector: Collector, agent: str
) -> None:
    page = visit(
        csp=f"script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval' {agent}; worker-src 'none'; connect-src *"
    )
    assert "blob:" in page.await_console("the Python runtime is off")
    collector.span("documentLoad")


def test_a_worker_that_crashes_gives_its_records_back(visit: Open, collector: Collector) -> None:
    page = visit()
    page.await_runtime("python")
    collector.span("documentLoad")
    collector.status = 503
    page.page.click("#buy")
    page.page.wait_for_timeout(1500)  # handed to the worker, which retries
    page.page.workers[0].evaluate("setTimeout(() => { throw new Error('out of memory') })")
    assert "out of memory" in page.await_console("the Python runtime is off")
    collector.status = 200
    collector.span("click button#buy")
    assert collector.arrivals[-1].content_type == "text/plain"


def test_without_the_later_script_the_loader_still_exports(visit: Open, collector: Collector) -> None:
    page = visit(goto=False)
    page.page.route("**/later.js", lambda route: route.abort())
    page.goto()
    assert "The loader exports" in page.await_console("are off")
    collector.span("documentLoad")


def test_a_page_of_an_origin_that_is_not_allowed_is_told_so(visit: Open, collector: Collector) -> None:
    collector.origins = {"https://shop.example"}
    page = visit(tag='data-runtime="off"')
    told = page.await_console("does not allow pages of")
    assert page.url in told and "http.cors.allowed_origins" in told
    assert not collector.arrivals


def test_an_agent_that_is_away_is_told_from_one_that_refuses(visit: Open) -> None:
    page = visit(tag='data-endpoint="http://127.0.0.1:9" data-runtime="off"')
    page.await_console("cannot be reached")


def test_python_runs_under_a_strict_csp_that_the_guide_gives(
    visit: Open, collector: Collector, agent: str
) -> None:
    scripts = f"default-src 'self'; script-src 'self' 'wasm-unsafe-eval' {agent}; worker-src blob: {agent}"
    csp = f"{scripts}; connect-src 'self' {agent}"
    page = visit(csp=csp, body="<button id=buy>Buy</button>")
    page.await_runtime("python")
    assert page.page.workers[0].url.startswith("blob:")
    page.page.click("#buy")
    collector.span("click button#buy")


def test_a_page_of_the_agents_own_origin_needs_no_blob_worker(
    context: BrowserContext, collector: Collector, agent: str
) -> None:
    page = context.new_page()
    page.goto(f"{agent}/page")
    page.wait_for_function("window.spanweave?.runtime === 'python'")
    assert page.workers[0].url.startswith(f"{agent}/sdk/assets/worker-")
    collector.span("documentLoad")
