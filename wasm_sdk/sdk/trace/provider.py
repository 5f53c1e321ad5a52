"""The tracer provider. Source: OpenTelemetry specification, trace SDK, "Tracer Provider"."""

import logging
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from opentelemetry import trace as api

from wasm_sdk.export.completion import Completion
from wasm_sdk.sdk import environ
from wasm_sdk.sdk.completions import flush_at_exit, together
from wasm_sdk.sdk.ids import IdGenerator, RandomIdGenerator
from wasm_sdk.sdk.limits import SpanLimits
from wasm_sdk.sdk.resource import Resource
from wasm_sdk.sdk.scope import InstrumentationScope, Scopes
from wasm_sdk.sdk.trace.pipeline import Pipeline
from wasm_sdk.sdk.trace.processor import SpanProcessor
from wasm_sdk.sdk.trace.sampler import Sampler
from wasm_sdk.sdk.trace.sampler_environ import sampler_from_environ
from wasm_sdk.sdk.trace.tracer import Tracer

_log = logging.getLogger(__name__)


class TracerProvider(api.TracerProvider):
    """Makes tracers and owns their configuration; `opentelemetry.trace.set_tracer_provider` takes it.

    Args:
        sampler: Default: `OTEL_TRACES_SAMPLER`, else `ParentBased(ALWAYS_ON)`.
        resource: Default: `Resource.create()`.
        shutdown_on_exit: Flush when the program ends or the page goes (from where it may come back).
        id_generator: Default: random identifiers.
        span_limits: Default: `OTEL_*_LIMIT`.
        enabled: Which scopes get tracers that make spans (the specification's TracerConfigurator); default:
            all.
    """

    def __init__(
        self,
        sampler: Sampler | None = None,
        resource: Resource | None = None,
        shutdown_on_exit: bool = True,
        id_generator: IdGenerator | None = None,
        span_limits: SpanLimits | None = None,
        *,
        enabled: Callable[[InstrumentationScope], bool] | None = None,
    ) -> None:
        self.resource = resource or Resource.create()
        self.sampler = sampler or sampler_from_environ()
        self._ids = id_generator or RandomIdGenerator()
        self._limits = span_limits or SpanLimits.from_environ()
        self._enabled = enabled
        self._disabled = environ.boolean("OTEL_SDK_DISABLED")
        self._pipeline = Pipeline()
        self._scopes = Scopes()
        self._tracers: dict[InstrumentationScope, Tracer] = {}
        self._closed = False
        if shutdown_on_exit:
            flush_at_exit(self.force_flush)

    def get_tracer(
        self,
        instrumenting_module_name: str,
        instrumenting_library_version: str | None = None,
        schema_url: str | None = None,
        attributes: Mapping[str, Any] | None = None,
    ) -> api.Tracer:
        """The tracer of an instrumentation scope, the same one each time; a no-op after shutdown."""
        if self._closed or self._disabled:
            return api.NoOpTracer()
        if not instrumenting_module_name:
            _log.warning("get_tracer was called without a name: spans will not tell who made them")
        scope = self._scopes.get(
            instrumenting_module_name or "", instrumenting_library_version, schema_url, attributes
        )
        tracer = self._tracers.get(scope)
        if tracer is None:
            enabled = self._enabled is None or self._enabled(scope)
            tracer = self._tracers[scope] = Tracer(
                scope, self.resource, self.sampler, self._pipeline, self._ids, self._limits, enabled
            )
        return tracer

    def add_span_processor(self, span_processor: SpanProcessor) -> None:
        """Add a processor behind the others; tracers that exist already use it too."""
        self._pipeline.add(span_processor)

    def force_flush(self, timeout_millis: int = 30000) -> Completion:
        """Export what has ended. Await the result in a coroutine, read it as a truth value elsewhere."""
        deadline = time.monotonic() + timeout_millis / 1000

        def flush(processor: SpanProcessor) -> Completion | bool | None:
            return processor.force_flush(max(0, int((deadline - time.monotonic()) * 1000)))

        return together([partial(flush, each) for each in self._pipeline.processors])

    def shutdown(self) -> Completion:
        """Flush and shut the processors down, once; spans that end afterwards are dropped."""
        if self._closed:
            return Completion(True)
        self._closed = True
        for tracer in self._tracers.values():
            tracer.enabled = False
        return together([each.shutdown for each in self._pipeline.processors])
