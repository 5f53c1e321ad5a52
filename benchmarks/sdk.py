"""The SDK against opentelemetry-sdk: CPU time, interleaved rounds of fresh spans with 8 attributes, medians.

A round is one trace: a root and 511 children, whose attributes are given at their start; of the eight values
two are never the same, six repeat. Both SDKs hand ended spans to a processor that keeps them, and encode them
afterwards. Where Pyodide is installed in `web/`, the same start and end is timed there, under Node.
"""

import gc
import json
import shutil
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from opentelemetry import trace as api
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk import metrics as official_metrics
from opentelemetry.sdk import trace as official
from opentelemetry.sdk.metrics.export import InMemoryMetricReader as OfficialReader

from benchmarks.result import Result
from wasm_sdk.sdk.metrics import InMemoryMetricReader, MeterProvider
from wasm_sdk.sdk.trace import Span, SpanProcessor, TracerProvider
from wasm_sdk.sdk.trace.encode import TraceEncoder

ROUNDS = 15
SPANS = 512
MEASUREMENTS = 2000
PEER = "opentelemetry-sdk"
CHECKOUT = Path(__file__).parent.parent
PYODIDE = CHECKOUT / "web" / "node_modules" / "pyodide"


class Keep(SpanProcessor):
    """Keeps ended spans."""

    def __init__(self) -> None:
        self.spans: list[Any] = []

    def on_end(self, span: Span) -> None:
        self.spans.append(span)


class OfficialKeep(official.SpanProcessor):
    """The same for the peer."""

    def __init__(self) -> None:
        self.spans: list[Any] = []

    def on_end(self, span: official.ReadableSpan) -> None:
        self.spans.append(span)


def attributes(number: int) -> dict[str, str | int | float | bool]:
    return {
        "http.request.method": "GET",
        "url.path": f"/items/{number * 7919}",
        "http.route": "/items/{id}",
        "server.address": "shop.example.com",
        "http.response.status_code": 200 if number % 7 else 503,
        "http.response.body.size": number * 31,
        "app.score": 0.5,
        "cache.hit": number % 2 == 0,
    }


def spend(work: Callable[[], object]) -> float:
    """CPU seconds of `work`, which does not pay for collecting what the work before it left behind."""
    gc.collect()
    started = time.process_time()
    work()
    return time.process_time() - started


def trace_of(tracer: api.Tracer, given: list[dict[str, Any]]) -> None:
    with tracer.start_as_current_span("root"):
        for each in given:
            tracer.start_span("GET /items/{id}", attributes=each).end()


def setting_of(tracer: api.Tracer, given: list[dict[str, Any]]) -> None:
    with tracer.start_as_current_span("root"):
        for each in given:
            span = tracer.start_span("GET /items/{id}")
            for key, value in each.items():
                span.set_attribute(key, value)
            span.end()


def nested_of(tracer: api.Tracer, given: list[dict[str, Any]]) -> None:
    for each in given:
        with tracer.start_as_current_span("GET /items/{id}", attributes=each):
            pass


def official_encode(spans: list[Any]) -> bytes:
    encoded: bytes = encode_spans(spans).SerializeToString()
    return encoded


def spans() -> list[Result]:
    keep, peer_keep = Keep(), OfficialKeep()
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(keep)
    peer_provider = official.TracerProvider(shutdown_on_exit=False)
    peer_provider.add_span_processor(peer_keep)
    ours, theirs = provider.get_tracer("benchmark"), peer_provider.get_tracer("benchmark")
    encoder = TraceEncoder()
    found: dict[str, tuple[list[float], list[float]]] = {}

    def note(name: str, mine: float, other: float) -> None:
        found.setdefault(name, ([], []))[0].append(mine)
        found[name][1].append(other)

    for round_ in range(ROUNDS):
        given = [attributes(round_ * SPANS + number) for number in range(SPANS - 1)]
        for name, work in (("start_end", trace_of), ("start_set_end", setting_of), ("as_current", nested_of)):
            keep.spans.clear()
            peer_keep.spans.clear()
            other = spend(partial(work, theirs, given))
            mine = spend(partial(work, ours, given))
            note(name, mine, other)
            if name == "start_end":
                other += spend(partial(official_encode, peer_keep.spans))
                mine += spend(partial(encoder.encode, keep.spans))
                note("start_to_bytes", mine, other)
    each = {
        name: (statistics.median(mine) / SPANS * 1e9, statistics.median(other) / SPANS * 1e9)
        for name, (mine, other) in found.items()
    }
    ratio = statistics.median(other / mine for mine, other in zip(*found["start_to_bytes"], strict=True))
    results = [Result(f"sdk_span_{name}_ns", mine, "ns", PEER, other) for name, (mine, other) in each.items()]
    return [*results, Result("sdk_native_over_opentelemetry", ratio, "times faster")]


def measure(record: Callable[[int, dict[str, Any]], None], given: list[dict[str, Any]]) -> None:
    for number in range(MEASUREMENTS):
        record(number, given[number % len(given)])


def metrics() -> list[Result]:
    readers = InMemoryMetricReader(), OfficialReader()
    ours = MeterProvider([readers[0]], shutdown_on_exit=False).get_meter("m")
    theirs = official_metrics.MeterProvider([readers[1]], shutdown_on_exit=False).get_meter("m")
    counters = ours.create_counter("c"), theirs.create_counter("c")
    histograms = ours.create_histogram("h"), theirs.create_histogram("h")
    given = [{"route": f"/{number}", "status": 200} for number in range(20)]
    found: list[list[float]] = [[], [], [], []]
    for _ in range(ROUNDS):
        for place, counter in enumerate(counters):
            found[place].append(spend(partial(measure, counter.add, given)))
        for place, histogram in enumerate(histograms, 2):
            found[place].append(spend(partial(measure, histogram.record, given)))
    each = [statistics.median(times) / MEASUREMENTS * 1e9 for times in found]
    return [
        Result("sdk_counter_add_ns", each[0], "ns", PEER, each[1]),
        Result("sdk_histogram_record_ns", each[2], "ns", PEER, each[3]),
    ]


PROGRAM = """
import json, time
from opentelemetry import trace
from wasm_sdk.sdk.trace import TracerProvider
tracer = TracerProvider(shutdown_on_exit=False).get_tracer("benchmark")
given = {"a": "GET", "b": "/items/1", "c": "/items/{id}", "d": "host", "e": 200, "f": 31, "g": 0.5, "h": True}
best = 1.0
with tracer.start_as_current_span("root"):
    for _ in range(30):
        started = time.perf_counter()
        for _ in range(500):
            tracer.start_span("GET /items/{id}", attributes=given).end()
        best = min(best, (time.perf_counter() - started) / 500)
json.dumps(best)
"""


def pyodide() -> list[Result]:
    node = shutil.which("node")
    if node is None or not PYODIDE.is_dir():
        print("sdk: no Pyodide in web/node_modules, so nothing of WebAssembly is measured", file=sys.stderr)
        return []
    with tempfile.TemporaryDirectory() as folder:
        ignore = shutil.ignore_patterns("*.so", "*.pyd", "*.c", "__pycache__")
        shutil.copytree(CHECKOUT / "wasm_sdk", Path(folder) / "wasm_sdk", ignore=ignore)
        program = Path(folder) / "program.py"
        program.write_text(PROGRAM, encoding="utf-8")
        host = CHECKOUT / "tests" / "wasm_sdk" / "runtime" / "pyodide_host.mjs"
        done = subprocess.run(
            [node, host, PYODIDE, folder, sysconfig.get_path("purelib"), program],
            stdout=subprocess.PIPE,
            check=True,
            timeout=120,
            text=True,
        )
    return [Result("sdk_span_start_end_pyodide_node_ns", json.loads(done.stdout) * 1e9, "ns")]


def run() -> list[Result]:
    return [*spans(), *metrics(), *pyodide()]
