"""Batching on the event loop and OTLP over HTTP; knows nothing of `opentelemetry-api`, so that the page needs
none.
"""

from wasm_sdk.export.batch import Batcher
from wasm_sdk.export.completion import Completion, complete
from wasm_sdk.export.otlp_http import Delivery, OTLPHTTPExporter, Transport
from wasm_sdk.export.retry import RetryPolicy
from wasm_sdk.export.settings import ExporterSettings

__all__ = [
    "Batcher",
    "Completion",
    "Delivery",
    "ExporterSettings",
    "OTLPHTTPExporter",
    "RetryPolicy",
    "Transport",
    "complete",
]
