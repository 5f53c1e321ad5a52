"""Rules: five conditions (two of them patterns) on each span of a batch of 512, CPU time, median of
interleaved rounds.

The peers judge the same spans: Google's protobuf (upb, C) decodes them and a hand-written Python function
judges the messages; the decoded model does the same with our own messages. The core runs interpreted in a
process of its own.
"""

import json
import os
import random
import re
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks.result import Result

SPANS, ROUNDS = 512, 9
START = 1_760_000_000_000_000_000
CONDITIONS = (
    'IsMatch(name, "^GET /(health|metrics)")',
    'attributes["http.response.status_code"] >= 300 and attributes["http.response.status_code"] < 400',
    r'IsMatch(attributes["url.path"], "/SKU-\\d*7$|^/api/v1/users/\\d*13$")',
    f"start_time_unix_nano < {START} or end_time_unix_nano > {START + 2_100_000_000}",
    "not Probability(0.9)",
)
_NAME, _PATH = re.compile("^GET /(health|metrics)"), re.compile(r"/SKU-\d*7$|^/api/v1/users/\d*13$")
_THRESHOLD = round(0.1 * 2**56)


def run() -> list[Result]:
    found: list[Result] = []
    for interpreted in ("1", ""):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.rules"],
            env=os.environ | {"SPANWEAVE_INTERPRETED": interpreted},
            stdout=subprocess.PIPE,
            check=True,
        )
        found += [Result(**each) for each in json.loads(done.stdout)]
    return found


def request() -> bytes:
    """Spans of some 400 bytes: ten attributes, statuses and paths as a shop has them."""
    chance = random.Random(7)
    message = ExportTraceServiceRequest()
    group = message.resource_spans.add()
    _attributes(group.resource, {"service.name": "shop", "host.name": "a"})
    scope = group.scope_spans.add()
    for _ in range(SPANS):
        span = scope.spans.add()
        span.trace_id, span.span_id, span.parent_span_id = (chance.randbytes(n) for n in (16, 8, 8))
        route = chance.choice(["/api/v1/orders", "/api/v1/users", "/health", "/cart", "/inventory"])
        span.name = f"{chance.choice(['GET', 'POST'])} {route}"
        span.kind = 2
        span.start_time_unix_nano = START + chance.randrange(2_000_000_000)
        span.end_time_unix_nano = span.start_time_unix_nano + int(chance.lognormvariate(16.5, 1.2))
        span.flags = 0x101
        values: dict[str, str | int] = {
            "http.request.method": "GET",
            "http.route": route,
            "http.response.status_code": chance.choices([200, 204, 301, 404, 500], [70, 5, 3, 10, 5])[0],
            "url.path": f"{route}/{chance.randrange(10**6)}",
            "url.scheme": "https",
            "server.address": "shop.example.com",
            "server.port": 443,
            "client.address": "10.0.0.7",
            "network.protocol.version": "1.1",
            "user_agent.original": "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 Safari/537.36",
        }
        _attributes(span, values)
    return bytes(message.SerializeToString())


def _attributes(owner: Any, values: dict[str, str | int]) -> None:
    for key, value in values.items():
        entry = owner.attributes.add()
        entry.key = key
        if isinstance(value, int):
            entry.value.int_value = value
        else:
            entry.value.string_value = value


def by_protobuf(data: bytes) -> int:
    """How many spans one of the conditions drops, out of decoded protobuf messages."""
    message = ExportTraceServiceRequest.FromString(data)
    return sum(_drops(s) for r in message.resource_spans for scope in r.scope_spans for s in scope.spans)


def _drops(span: Any) -> bool:
    if _NAME.search(span.name):
        return True
    found = {entry.key: entry.value for entry in span.attributes}
    status, path = found.get("http.response.status_code"), found.get("url.path")
    if status is not None and 300 <= status.int_value < 400:
        return True
    if path is not None and _PATH.search(path.string_value):
        return True
    if span.start_time_unix_nano < START or span.end_time_unix_nano > START + 2_100_000_000:
        return True
    return int.from_bytes(span.trace_id[9:], "big") < _THRESHOLD


def measure(variants: dict[str, Callable[[], object]]) -> dict[str, float]:
    """CPU nanoseconds a span."""
    samples: dict[str, list[float]] = {name: [] for name in variants}
    for _ in range(ROUNDS):
        for name, call in variants.items():
            start = time.process_time_ns()
            for _ in range(4):
                call()
            samples[name].append((time.process_time_ns() - start) / (4 * SPANS))
    return {name: statistics.median(values) for name, values in samples.items()}


def main() -> list[Result]:
    from wasm_sdk.otlp import decode_traces
    from wasm_sdk.otlp.wire import iter_spans
    from wasm_sdk.rules import Condition, Item, spanview
    from wasm_sdk.rules.encoded import SpanRules
    from wasm_sdk.rules.spantests import Constant, count

    conditions = [Condition.parse(source) for source in CONDITIONS]
    data = request()
    slices = [span.span for span in iter_spans(data)]
    places = [(at := data.index(span), at + len(span)) for span in slices]
    rules = SpanRules([Condition.parse(" or ".join(f"({source})" for source in CONDITIONS))])
    bare = SpanRules([])

    def decoded() -> int:
        group = decode_traces(data).resource_spans[0]
        scope = group.scope_spans[0]
        items = (Item(group.resource, scope.scope, span) for span in scope.spans)
        return sum(any(c.test(item) for c in conditions) for item in items)

    wanted = by_protobuf(data)
    assert decoded() == count(rules.view, rules.tests[0], data, places) == wanted
    figures = measure(
        {
            "protobuf": lambda: by_protobuf(data),
            "decoded": decoded,
            "encoded": lambda: count(rules.view, rules.tests[0], data, places),
            "scan": lambda: count(bare.view, Constant(False), data, places),
        }
    )
    mode = "interpreted" if spanview.__file__.endswith(".py") else "compiled"
    peers = {"protobuf (upb) and Python": figures["protobuf"], "decoded model": figures["decoded"]}
    found = [
        Result(f"rules_{mode}_ns_per_span", figures["encoded"], "ns/span", *peer) for peer in peers.items()
    ]
    found.append(Result(f"rules_{mode}_scan_ns_per_span", figures["scan"], "ns/span"))
    return found


if __name__ == "__main__":
    print(json.dumps([each.__dict__ for each in main()]))
