"""The tracing SDK behind `opentelemetry.trace`."""

from wasm_sdk.sdk.limits import SpanLimits
from wasm_sdk.sdk.trace.batch import BatchSpanProcessor
from wasm_sdk.sdk.trace.export import InMemorySpanExporter, OTLPSpanExporter, SpanExporter
from wasm_sdk.sdk.trace.parts import Event
from wasm_sdk.sdk.trace.processor import SimpleSpanProcessor, SpanProcessor
from wasm_sdk.sdk.trace.provider import TracerProvider
from wasm_sdk.sdk.trace.sampler import (
    ALWAYS_OFF,
    ALWAYS_ON,
    AlwaysRecord,
    Decision,
    ParentBased,
    ProbabilitySampler,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from wasm_sdk.sdk.trace.span import Span
from wasm_sdk.sdk.trace.tracer import Tracer

__all__ = [
    "ALWAYS_OFF",
    "ALWAYS_ON",
    "AlwaysRecord",
    "BatchSpanProcessor",
    "Decision",
    "Event",
    "InMemorySpanExporter",
    "OTLPSpanExporter",
    "ParentBased",
    "ProbabilitySampler",
    "Sampler",
    "SamplingResult",
    "SimpleSpanProcessor",
    "Span",
    "SpanExporter",
    "SpanLimits",
    "SpanProcessor",
    "TraceIdRatioBased",
    "Tracer",
    "TracerProvider",
]
