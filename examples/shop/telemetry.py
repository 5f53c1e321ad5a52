"""What any service does to be seen: the official SDK, its OTLP exporter, two instrumentations."""

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from opentelemetry.instrumentation.sqlite3 import SQLite3Instrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from starlette.applications import Starlette
from starlette.routing import Match, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send


def instrument(app: Starlette, agent: str) -> TracerProvider:
    """Exports the spans of `app` and of its SQLite calls to the agent at the URL `agent`."""
    provider = TracerProvider(resource=Resource.create({"service.name": "shop"}))
    exporter = OTLPSpanExporter(endpoint=f"{agent}/v1/traces")
    provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=300))
    trace.set_tracer_provider(provider)
    SQLite3Instrumentor().instrument()
    app.add_middleware(ServerTiming)
    app.add_middleware(
        OpenTelemetryMiddleware,
        default_span_details=lambda scope: span_details(app, scope),
        exclude_spans=["receive", "send"],
        excluded_urls="healthz",
    )
    return provider


def span_details(app: Starlette, scope: Scope) -> tuple[str, dict[str, str]]:
    """Name and attributes of a server span: the route, not the path, keeps the names few."""
    for route in app.routes:
        if isinstance(route, Route) and route.matches(scope)[0] is Match.FULL:
            return f"{scope['method']} {route.path}", {"http.route": route.path}
    return str(scope.get("method", "HTTP")), {}


class ServerTiming:
    """Tells the page which span served it (`Server-Timing: traceparent`): its load joins that trace."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_timing(message: Message) -> None:
            context = trace.get_current_span().get_span_context()
            if message["type"] == "http.response.start" and context.is_valid:
                parent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
                message["headers"].append((b"server-timing", f'traceparent;desc="{parent}"'.encode()))
            await send(message)

        await self.app(scope, receive, send_with_timing if scope["type"] == "http" else send)
