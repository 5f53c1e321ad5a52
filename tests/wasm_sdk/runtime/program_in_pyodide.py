"""Run by test_pyodide.py inside Pyodide; `argv` holds the collector's URL."""
# ruff: noqa: F704  (Pyodide runs it with top-level await)

import asyncio
import json
import logging
import time

from opentelemetry import trace
from opentelemetry.context import Context

from wasm_sdk import runtime
from wasm_sdk.export import ExporterSettings, OTLPHTTPExporter, RetryPolicy
from wasm_sdk.otlp.signal import Signal
from wasm_sdk.propagation.tracecontext import TraceContextPropagator
from wasm_sdk.sdk.configure import configure
from wasm_sdk.sdk.logs import LoggingHandler
from wasm_sdk.sdk.resource import Resource
from wasm_sdk.sdk.trace import BatchSpanProcessor, OTLPSpanExporter, TracerProvider

(url,) = argv  # type: ignore[name-defined]  # noqa: F821
provider = TracerProvider(resource=Resource.create({"service.name": "in pyodide"}))
settings = ExporterSettings(f"{url}/v1/traces", compression="gzip", timeout=10)
exporter = OTLPSpanExporter(
    transport=OTLPHTTPExporter(Signal.TRACES, settings, retry=RetryPolicy(initial=0.01))
)
processor = BatchSpanProcessor(exporter, schedule_delay_millis=20)
provider.add_span_processor(processor)
trace.set_tracer_provider(provider)
tracer = trace.get_tracer("program", "1.0")

carrier: dict[str, str] = {}
with tracer.start_as_current_span("root", attributes={"answer": 42, "text": "wört"}) as root:
    TraceContextPropagator().inject(carrier)
    with tracer.start_as_current_span("child") as child:
        await asyncio.sleep(0.005)
        child.add_event("event", {"list": [1, 2]})

while processor.exported < 2:  # noqa: ASYNC110 - by the timer, without being asked
    await asyncio.sleep(0.01)

tracer.start_span("flushed", Context()).end()
flushed = await provider.force_flush()
delivered_synchronously = bool(provider.force_flush())

started = time.perf_counter()
for _ in range(2000):
    tracer.start_span("measured", Context(), attributes={"a": 1, "b": "c"}).end()
per_span = (time.perf_counter() - started) / 2000
stopped = await provider.shutdown()

sdk = configure("in pyodide", endpoint=url, set_global=False)
sdk.meter_provider.get_meter("program").create_histogram("duration", "s").record(0.5, {"k": "v"})
log = logging.getLogger("program")
log.addHandler(LoggingHandler(logger_provider=sdk.logger_provider))
log.warning("from %s", "pyodide")
stopped &= await sdk.shutdown()

unreachable = OTLPSpanExporter(ExporterSettings("http://127.0.0.1:9/", timeout=0.05))
failed = not await unreachable.export([child])

json.dumps(
    {
        "runtime": runtime.current.name,
        "traceparent": carrier["traceparent"],
        "trace_id": f"{root.get_span_context().trace_id:032x}",
        "flushed": flushed,
        "delivered_synchronously": delivered_synchronously,
        "stopped": stopped,
        "failed": failed,
        "dropped": processor.dropped,
        "us_per_span": per_span * 1e6,
    }
)
