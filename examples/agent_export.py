"""A program with the official OpenTelemetry SDK, the agent, and its trace read back.

With `spanweave agent` running: `python -m examples.agent_export` (`--otlp` and `--api` say where else).
"""

import argparse
import json
import sys
import urllib.error
import urllib.request

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind


def main() -> int:
    parser = argparse.ArgumentParser(description="Export a trace with the official SDK and read it back.")
    parser.add_argument("--otlp", default="http://127.0.0.1:4318", help="where the agent takes OTLP/HTTP")
    parser.add_argument("--api", default="http://127.0.0.1:4319", help="where it answers queries")
    asked = parser.parse_args()
    try:
        with urllib.request.urlopen(f"{asked.api}/healthz", timeout=10):
            pass
    except urllib.error.URLError as error:
        print(f"no agent answers at {asked.api} ({error.reason}): start `spanweave agent`", file=sys.stderr)
        return 1
    trace_id = export(asked.otlp)
    # Whatever was acknowledged is found at once.
    with urllib.request.urlopen(f"{asked.api}/api/v1/traces/{trace_id}", timeout=10) as response:
        trace = json.load(response)
    print(f"trace {trace_id}")
    for resource_spans in trace["resourceSpans"]:
        for scope_spans in resource_spans["scopeSpans"]:
            for span in scope_spans["spans"]:
                print(f"  {span['name']}, child of {span.get('parentSpanId') or 'nobody'}")
    return 0


def export(otlp: str) -> str:
    """A request and the query inside it, sent to `otlp`; returns the trace id in hexadecimal."""
    provider = TracerProvider(resource=Resource.create({"service.name": "orders"}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{otlp}/v1/traces")))
    tracer = provider.get_tracer("examples.agent_export")
    with tracer.start_as_current_span("POST /orders", kind=SpanKind.SERVER) as request:
        request.set_attribute("http.response.status_code", 201)
        with tracer.start_as_current_span("INSERT orders", kind=SpanKind.CLIENT):
            pass
    provider.shutdown()  # sends what waits
    return f"{request.get_span_context().trace_id:032x}"


if __name__ == "__main__":
    sys.exit(main())
