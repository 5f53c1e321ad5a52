"""The pages under test and the instrumented service behind them."""

from dataclasses import dataclass, field

from opentelemetry import trace
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse
from starlette.routing import Route
from starlette.types import ASGIApp

BODY = """
<button id="buy">Buy</button>
<button id="pair">Two requests, one after the other</button>
<button id="xhr">XHR</button>
<button id="fail">Fail</button>
<p id="void">nothing</p>
<script>
  const q = (id, work) => document.getElementById(id).addEventListener("click", work);
  q("buy", () => fetch("/api/items?card=4711&size=xl"));
  q("pair", async () => { await (await fetch("/api/items")).json(); await fetch("/api/missing"); });
  q("xhr", () => { const x = new XMLHttpRequest(); x.open("PUT", "/api/items"); x.send("{}"); });
  q("fail", () => { throw new TypeError("no such thread"); });
</script>
"""

OPEN = {"access-control-allow-origin": "*", "access-control-allow-headers": "traceparent, tracestate"}


@dataclass
class Site:
    """A page with the script tag, and the service that it talks to.

    Attributes:
        tag: The script tag's `data-` attributes, written out.
        head: More of the page's head.
        timing: The Server-Timing header.
        csp: The page's Content-Security-Policy; none when empty.
        script: The origin that the script comes from.
        server: What the service's own instrumentation recorded.
    """

    script: str
    tag: str = ""
    csp: str = ""
    head: str = ""
    timing: str = 'app;dur=3, traceparent;desc="{parent}"'
    body: str = BODY
    server: InMemorySpanExporter = field(default_factory=InMemorySpanExporter)

    def app(self) -> ASGIApp:
        provider = TracerProvider()
        provider.add_span_processor(SimpleSpanProcessor(self.server))
        routes = [
            Route("/", self.page),
            Route("/api/items", self.items, methods=["GET", "PUT", "OPTIONS"]),
            Route("/api/missing", lambda _: JSONResponse({"error": "missing"}, 404)),
        ]
        return OpenTelemetryMiddleware(
            Starlette(routes=routes), tracer_provider=provider, exclude_spans=["receive", "send"]
        )

    def page(self, _request: Request) -> HTMLResponse:
        context = trace.get_current_span().get_span_context()
        parent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
        headers = {"server-timing": self.timing.format(parent=parent)}
        if self.csp:
            headers["content-security-policy"] = self.csp
        return HTMLResponse(
            f'<!doctype html><title>t</title><link rel="icon" href="data:,">{self.head}'
            f'<script src="{self.script}/sdk/spanweave.js" data-service="page" {self.tag} defer></script>'
            f"{self.body}",
            headers=headers,
        )

    def items(self, request: Request) -> JSONResponse:
        return JSONResponse({"traceparent": request.headers.get("traceparent")}, headers=OPEN)

    def server_span(self, method: str, path: str) -> ReadableSpan:
        """The service's span for a request."""
        for span in self.server.get_finished_spans():
            attributes = span.attributes or {}
            if path in (attributes.get("http.target"), attributes.get("url.path")) and span.name.startswith(
                method
            ):
                return span
        raise AssertionError(
            f"the service saw no {method} {path}: {[s.name for s in self.server.get_finished_spans()]}"
        )
