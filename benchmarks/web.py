"""The page: what it transfers, how Python boots, what the main thread pays. Real agent, shop and Chromium.

Sizes are Brotli, as the agent sends them. `main_thread_load_ms` is the processor time of scripts that the
tag adds, `main_thread_load_tasks_ms` of all tasks. An event's cost is taken by V8's sampling profiler: every
sample on the page's main thread with a function of ours on its stack. The best of `ROUNDS` visits counts,
for the machine does other things, too.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

from playwright.sync_api import BrowserContext, CDPSession, Page, sync_playwright

from benchmarks.result import Result
from examples.shop.processes import Demo
from examples.shop.visitor import FLAGS, find_chromium

DIST = Path(__file__).parent.parent / "web" / "dist"
ROUNDS = 5
EVENTS = 2000
INTERVAL_US = 100
SETTLE_MS = 3000
SPANS = """async (count) => {
    const attributes = { "http.request.method": "GET", "http.response.status_code": 200, "server.port": 443 };
    for (let i = 0; i < count; i++) {
        spanweave.tracer
            .startSpan("GET", { parent: null, kind: 3, attributes })
            .setAttribute("url.full", `https://a.example/${i}?q=1`)
            .setAttribute("order.number", i)
            .end();
        if (i % 20 === 19) await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return spanweave.flush();
}"""


def run() -> list[Result]:
    results = sizes()
    with (
        tempfile.TemporaryDirectory() as folder,
        Demo(Path(folder) / "demo") as demo,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch_persistent_context(
            Path(folder) / "profile", executable_path=find_chromium(), args=FLAGS
        )
        try:
            results += boots(browser, demo.shop_url)
            results += main_thread_load(browser, demo.shop_url)
            results += main_thread_event(browser, demo.shop_url)
        finally:
            browser.close()
    return results


def sizes() -> list[Result]:
    """Our own part, the loader alone, and all that a first visit transfers."""
    files: dict[str, dict[str, int]] = json.loads((DIST / "manifest.json").read_text())["files"]
    brotli = {name: size["brotli"] / 1000 for name, size in files.items()}
    ours = sum(
        size for name, size in brotli.items() if not name.startswith(("assets/pyodide-", "assets/python-"))
    )
    return [
        Result("package_kb_br", ours, "kB"),
        Result("loader_kb_br", brotli["spanweave.js"], "kB"),
        Result("transfer_kb_br", sum(brotli.values()), "kB"),
    ]


def boots(browser: BrowserContext, url: str) -> list[Result]:
    """From the worker's start until Python exports: on a first visit, and with what the browser cached."""
    times = [boot(browser, url) for _ in range(1 + ROUNDS)]
    return [
        Result("boot_first_visit_ms", times[0], "ms"),
        Result("boot_second_visit_ms", min(times[1:]), "ms"),
    ]


def boot(browser: BrowserContext, url: str) -> float:
    page = browser.new_page()
    page.goto(url)
    milliseconds: float = await_python(page)
    page.close()
    return milliseconds


def await_python(page: Page) -> float:
    page.wait_for_function("window.spanweave?.runtime === 'python'")
    milliseconds: float = page.evaluate("spanweave.bootMilliseconds")
    return milliseconds


def main_thread_load(browser: BrowserContext, url: str) -> list[Result]:
    """The main thread's processor time until Python is there, less that of the page without the tag."""
    bare, tagged = [], []
    for _ in range(ROUNDS):
        bare.append(load(browser, url, blocked=True))
        tagged.append(load(browser, url, blocked=False))
    script, tasks = (
        min(visit[kind] for visit in tagged) - min(visit[kind] for visit in bare) for kind in range(2)
    )
    return [Result("main_thread_load_ms", script, "ms"), Result("main_thread_load_tasks_ms", tasks, "ms")]


def load(browser: BrowserContext, url: str, *, blocked: bool) -> tuple[float, float]:
    """Processor milliseconds of scripts, and of all tasks, until three seconds after the load."""
    page = browser.new_page()
    if blocked:
        page.route("**/spanweave.js", lambda route: route.abort())
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable", {"timeDomain": "threadTicks"})
    page.goto(url)
    page.wait_for_timeout(SETTLE_MS)
    metrics = {
        each["name"]: each["value"] * 1000 for each in session.send("Performance.getMetrics")["metrics"]
    }
    page.close()
    return metrics["ScriptDuration"], metrics["TaskDuration"]


def main_thread_event(browser: BrowserContext, url: str) -> list[Result]:
    """What our scripts take of the page's main thread for a span, from its start until it is acknowledged."""
    events = []
    for _ in range(ROUNDS):
        page = browser.new_page()
        page.goto(url)
        await_python(page)
        page.wait_for_timeout(1500)  # what the load recorded is exported by then
        profiler = start_profiler(page)
        if not page.evaluate(SPANS, EVENTS):
            raise RuntimeError("the agent did not acknowledge the spans")
        events.append(ours_ms(profiler) * 1000 / EVENTS)
        page.close()
    return [Result("main_thread_event_us", min(events), "us")]


def start_profiler(page: Page) -> CDPSession:
    session = page.context.new_cdp_session(page)
    session.send("Profiler.enable")
    session.send("Profiler.setSamplingInterval", {"interval": INTERVAL_US})
    session.send("Profiler.start")
    return session


def ours_ms(profiler: CDPSession) -> float:
    """Milliseconds of the samples since the profiler's start that have a function of ours on their stack."""
    profile: dict[str, Any] = profiler.send("Profiler.stop")["profile"]
    nodes = {node["id"]: node for node in profile["nodes"]}
    mine: set[int] = set()
    for node in profile["nodes"]:  # parents come before their children
        if "/sdk/" in node["callFrame"]["url"] or node["id"] in mine:
            mine.add(node["id"])
            mine.update(node.get("children", []))
    assert mine <= nodes.keys()
    times = [*profile["timeDeltas"][1:], INTERVAL_US]
    microseconds = sum(time for node, time in zip(profile["samples"], times, strict=True) if node in mine)
    return float(microseconds) / 1000
