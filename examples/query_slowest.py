"""Which spans of the slowest traces take the time: the agent's query API, and the OTLP core.

With `spanweave agent` running: `python -m examples.query_slowest [--service shop] [--since 1h]`.
"""

import argparse
import json
import sys
import urllib.error
import urllib.parse
import urllib.request

from wasm_sdk.otlp import Span, decode_traces

SHOWN = 5


def main() -> int:
    parser = argparse.ArgumentParser(description="The slowest traces and the longest span of each.")
    parser.add_argument("--api", default="http://127.0.0.1:4319", help="where the agent answers queries")
    parser.add_argument("--service", help="only traces with a span of this service")
    parser.add_argument("--since", default="15m", help="how far back, as in 15m or 2h")
    asked = parser.parse_args()
    filters = {"since": asked.since, "limit": "1000"} | ({"service": asked.service} if asked.service else {})
    try:
        found = json.loads(ask(asked.api, f"/api/v1/traces?{urllib.parse.urlencode(filters)}"))["traces"]
        slowest = sorted(found, key=lambda trace: -trace["duration_ns"])[:SHOWN]
        for trace in slowest:
            longest = longest_below_root(read_spans(asked.api, trace["trace_id"]))
            inside = f", of it {longest.name} {milliseconds(longest)}" if longest else ""
            print(f"{trace['trace_id']} {trace['root_name']} {trace['duration_ns'] / 1e6:.1f} ms{inside}")
    except urllib.error.HTTPError as error:  # the answer says which parameter is wrong
        print(json.load(error)["error"]["message"], file=sys.stderr)
        return 1
    except urllib.error.URLError as error:
        print(f"no agent answers at {asked.api} ({error.reason}): start `spanweave agent`", file=sys.stderr)
        return 1
    return 0


def ask(api: str, path: str, accept: str = "application/json") -> bytes:
    request = urllib.request.Request(api + path, headers={"Accept": accept})
    with urllib.request.urlopen(request, timeout=10) as response:
        return bytes(response.read())


def read_spans(api: str, trace_id: str) -> list[Span]:
    """The spans of a trace, from the bytes in which they were sent."""
    trace = decode_traces(ask(api, f"/api/v1/traces/{trace_id}", "application/x-protobuf"))
    return [span for r in trace.resource_spans for scope in r.scope_spans for span in scope.spans]


def longest_below_root(spans: list[Span]) -> Span | None:
    below = [span for span in spans if span.parent_span_id]
    return max(below, key=lambda span: span.end_time_unix_nano - span.start_time_unix_nano, default=None)


def milliseconds(span: Span) -> str:
    return f"{(span.end_time_unix_nano - span.start_time_unix_nano) / 1e6:.1f} ms"


if __name__ == "__main__":
    sys.exit(main())
