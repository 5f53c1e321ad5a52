"""Code instrumented for opentelemetry-api, unchanged, on this SDK."""

import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).parents[3]

PROGRAM = """
import sqlite3
from opentelemetry import baggage, propagate, trace
early = trace.get_tracer("asked for before there was a provider")

from wasm_sdk.propagation.baggage import BaggagePropagator
from wasm_sdk.propagation.tracecontext import TraceContextPropagator
from wasm_sdk.sdk.resource import Resource
from wasm_sdk.sdk.trace import BatchSpanProcessor, InMemorySpanExporter, TracerProvider
from opentelemetry.propagators.composite import CompositePropagator

provider, exporter = TracerProvider(resource=Resource({})), InMemorySpanExporter()
provider.add_span_processor(BatchSpanProcessor(exporter))
trace.set_tracer_provider(provider)
propagate.set_global_textmap(CompositePropagator([TraceContextPropagator(), BaggagePropagator()]))

from opentelemetry.instrumentation.sqlite3 import SQLite3Instrumentor
from opentelemetry.instrumentation.starlette import StarletteInstrumentor
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

SQLite3Instrumentor().instrument()

def home(request):
    connection = sqlite3.connect(":memory:")
    with early.start_as_current_span("inner"):
        connection.cursor().execute("select 1").fetchall()
    return PlainTextResponse(str(baggage.get_baggage("user")))

app = Starlette(routes=[Route("/home", home)])
StarletteInstrumentor.instrument_app(app)
header = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
answer = TestClient(app).get("/home", headers={"traceparent": header, "baggage": "user=alice"})
assert answer.text == "alice", answer.text
assert provider.force_flush()
spans = {span.name: span for span in exporter.spans}
server, inner, query = spans["GET /home"], spans["inner"], spans["select"]
assert all(span.context.trace_id == 0x0af7651916cd43dd8448eb211c80319c for span in spans.values())
assert server.parent.span_id == 0xb7ad6b7169203331 and server.parent.is_remote
assert inner.parent == server.context and query.parent == inner.context
assert server.kind is trace.SpanKind.SERVER and server.attributes["http.status_code"] == 200
assert query.attributes["db.statement"] == "select 1"
"""


def test_starlette_and_sqlite_instrumentations():
    subprocess.run(
        [sys.executable, "-W", "error::ResourceWarning", "-c", PROGRAM], check=True, cwd=CHECKOUT, timeout=60
    )
