"""`make run`: the whole path on this machine, page to terminal.

On a terminal the dashboard opens while a visitor clicks through the shop. Without one the page is driven
once in headless Chromium, and the trace of that click is printed as a tree; the exit code is 0 when all of it
is there.
"""

import contextlib
import json
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable

from examples.shop.processes import Demo, DemoError
from examples.shop.visitor import buy, visit
from host_agent.cli.tree import Node, build_forest, render_tree
from wasm_sdk.otlp import SpanKind, TracesData, decode_traces

TRACE_TIMEOUT = 30.0  # seconds until the click's trace must be whole


def main() -> int:
    """Runs the demo and returns the exit code."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        with Demo() as demo:
            return on_terminal(demo) if sys.stdout.isatty() and sys.stdin.isatty() else headless(demo)
    except DemoError as error:
        print(f"make run: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 0


def on_terminal(demo: Demo) -> int:
    """The dashboard, with a visitor in the shop; ends when the dashboard does."""
    print(f"The shop is at {demo.shop_url}: open it in a browser and click. The dashboard comes up now.")
    with (demo.folder / "visitor.log").open("wb") as log:
        visitor = subprocess.Popen(
            [sys.executable, "-m", "examples.shop.stroll", demo.shop_url], stdout=log, stderr=log
        )
    try:
        subprocess.run([sys.executable, "-m", "host_agent", "tui", demo.api_url], check=False)
    finally:
        visitor.terminate()
        visitor.wait()
    return 0


def headless(demo: Demo) -> int:
    """One click in headless Chromium, and its trace."""
    print(
        f"agent    {demo.agent_url} OTLP/HTTP, 127.0.0.1:{demo.grpc_port} OTLP/gRPC, {demo.api_url} queries"
    )
    print(f"shop     {demo.shop_url}")
    since = time.time_ns()
    with visit(demo.shop_url) as page:
        page.wait_for_selector("#buy-loom")
        print(f"click    Buy: {buy(page, 'loom')}")
        trace = await_trace(demo, since)
    print()
    print("\n".join(render_tree(trace)))
    return 0


def await_trace(demo: Demo, since: int) -> TracesData:
    """The stored trace of the click.

    Raises:
        DemoError: it is not whole within `TRACE_TIMEOUT` seconds; says what is missing.
    """
    give_up = time.monotonic() + TRACE_TIMEOUT
    missing = "the agent has stored no trace"
    while time.monotonic() < give_up:
        for summary in ask(f"{demo.api_url}/api/v1/traces?limit=20&start={since}")["traces"]:
            trace = fetch_trace(demo, summary["trace_id"])
            what = what_is_missing(build_forest(trace))
            if what is None:
                return trace
            if "click" in summary["root_name"].lower():
                missing = f"in the click's trace {summary['trace_id']} {what}"
        time.sleep(0.25)
    raise DemoError(f"{missing}. The logs are in {demo.folder}.")


def what_is_missing(roots: list[Node]) -> str | None:
    """None where the click, its fetch, the server and the database are one line of descent."""
    if len(roots) != 1:
        return f"there are {len(roots)} roots"
    click = roots[0]
    if "click" not in click.span.name.lower():
        return f"the root is {click.span.name!r}, not a click"
    steps: dict[str, Callable[[Node], bool]] = {
        "fetch": lambda node: node.span.kind == SpanKind.CLIENT and node.service == click.service,
        "server": lambda node: node.span.kind == SpanKind.SERVER and node.service != click.service,
        "database call": lambda node: node.span.attributes.get("db.system") is not None,
    }
    above = click
    for step, fits in steps.items():
        below = next((node for node in above.walk() if node is not above and fits(node)), None)
        if below is None:
            return f"there is no {step} below {above.span.name!r}"
        above = below
    return None


def ask(url: str) -> dict[str, list[dict[str, str]]]:
    with urllib.request.urlopen(url, timeout=10) as response:
        return dict(json.load(response))


def fetch_trace(demo: Demo, trace_id: str) -> TracesData:
    request = urllib.request.Request(
        f"{demo.api_url}/api/v1/traces/{trace_id}", headers={"Accept": "application/x-protobuf"}
    )
    with contextlib.suppress(urllib.error.HTTPError), urllib.request.urlopen(request, timeout=10) as response:
        return decode_traces(response.read())
    return TracesData()


if __name__ == "__main__":
    sys.exit(main())
