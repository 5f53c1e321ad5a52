"""Starts spans. Source: OpenTelemetry specification, trace SDK, "SDK Span creation"."""

import functools
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

from opentelemetry import context as context_api
from opentelemetry import trace as api
from opentelemetry.context import Context

from wasm_sdk.sdk import clock
from wasm_sdk.sdk.attributes import PLAIN, Attributes, clean_attributes
from wasm_sdk.sdk.ids import IdGenerator, RandomIdGenerator
from wasm_sdk.sdk.limits import SpanLimits
from wasm_sdk.sdk.resource import Resource
from wasm_sdk.sdk.scope import InstrumentationScope
from wasm_sdk.sdk.trace.pipeline import Pipeline
from wasm_sdk.sdk.trace.sampler import ALWAYS_ON, ParentBased, Sampler
from wasm_sdk.sdk.trace.span import Span

P = ParamSpec("P")
R = TypeVar("R")

_SAMPLED = int(api.TraceFlags.SAMPLED)
_RANDOM = int(api.TraceFlags.RANDOM_TRACE_ID)
_PLAIN_BUT_TEXT = PLAIN - {str}
_INTERNAL = api.SpanKind.INTERNAL
# The key that the API files the current span under; it has no public name.
(_SPAN_KEY,) = api.set_span_in_context(api.INVALID_SPAN, Context())
_get_current = context_api.get_current
_monotonic = clock.monotonic
_anchor = clock.anchor

# Trace id, parent's span id, flags, tracestate, clock anchor, attributes, and the parent's context.
Judged = tuple[
    bytes, bytes, int, api.TraceState | None, int, Mapping[str, Any] | None, api.SpanContext | None
]


class Tracer(api.Tracer):
    """Made by `TracerProvider.get_tracer`. What spans look up often stands here as plain attributes."""

    def __init__(
        self,
        scope: InstrumentationScope,
        resource: Resource,
        sampler: Sampler,
        pipeline: Pipeline,
        ids: IdGenerator,
        limits: SpanLimits,
        enabled: bool = True,
    ) -> None:
        self.scope = scope
        self.resource = resource
        self.pipeline = pipeline
        self.limits = limits
        self.enabled = enabled
        """Whether spans are made at all."""
        self.attribute_room = (
            sys.maxsize if limits.max_span_attributes is None else limits.max_span_attributes
        )
        """Attributes a span may hold."""
        self.plain = PLAIN if limits.max_span_attribute_length is None else _PLAIN_BUT_TEXT
        """Types of attribute values that need no look."""
        self._sampler = sampler
        # The two usual answers of the default sampler, given without asking it.
        self._inherits = isinstance(sampler, ParentBased) and sampler.inherits_locally
        self._keeps_roots = sampler is ALWAYS_ON or (isinstance(sampler, ParentBased) and sampler.keeps_roots)
        self._random = _RANDOM if ids.is_trace_id_random() else 0
        if isinstance(ids, RandomIdGenerator):
            self._span_ids = ids.pool
            self._new_span_id, self._new_trace_id = ids.span_id, ids.trace_id
        else:
            self._span_ids = []
            self._new_span_id = lambda: ids.generate_span_id().to_bytes(8, "big")
            self._new_trace_id = lambda: ids.generate_trace_id().to_bytes(16, "big")

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: api.SpanKind = _INTERNAL,
        attributes: Mapping[str, Any] | None = None,
        links: Sequence[api.Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> api.Span:
        """Start a span whose parent is the span in `context` (default: the current context).

        Attributes that are known now are better given here than set later: samplers see them.
        """
        parent = (_get_current() if context is None else context).get(_SPAN_KEY)
        parent_context = None
        if type(parent) is Span and parent._flags & _SAMPLED and self._inherits and self.enabled:
            trace_id = parent._trace_id
            parent_id = parent._span_id
            flags = parent._flags
            state = parent._trace_state
            anchor = parent._anchor
        elif parent is None and self._keeps_roots and self.enabled:
            trace_id = self._new_trace_id()
            parent_id = b""
            flags = self._random | _SAMPLED
            state = None
            anchor = _anchor()
        else:
            judged = self._judge(name, context, kind, attributes, links)
            if isinstance(judged, api.NonRecordingSpan):
                return judged
            trace_id, parent_id, flags, state, anchor, attributes, parent_context = judged
        try:
            span_id = self._span_ids.pop()
        except IndexError:
            span_id = self._new_span_id()
        dropped = 0
        kept: Attributes = {}
        if attributes:
            plain = self.plain
            for value in attributes.values():
                if type(value) not in plain:
                    kept, dropped = self._clean(attributes)
                    break
            else:
                # A key that is no string is found when the span is encoded.
                if len(attributes) <= self.attribute_room and "" not in attributes:
                    kept = dict(attributes)
                else:
                    kept, dropped = self._clean(attributes)
        start = anchor + _monotonic() if start_time is None else start_time
        span = Span(self, name, kind, trace_id, span_id, parent_id, flags, state, anchor, start, kept)
        if dropped:
            span.extras.dropped_attributes = dropped
        if parent_context is not None:
            span.extras.parent = parent_context
        if not (record_exception and set_status_on_exception):
            span.extras.exceptions = record_exception | set_status_on_exception << 1
        if links:
            for link in links:
                span._add_link(link.context, link.attributes)
        if self.pipeline.starting:
            self.pipeline.start(span, context)
        return span

    def _clean(self, attributes: Mapping[str, Any]) -> tuple[Attributes, int]:
        limits = self.limits
        return clean_attributes(attributes, limits.max_span_attributes, limits.max_span_attribute_length)

    def _judge(
        self,
        name: str,
        context: Context | None,
        kind: api.SpanKind,
        attributes: Mapping[str, Any] | None,
        links: Sequence[api.Link] | None,
    ) -> api.NonRecordingSpan | Judged:
        """What the sampler makes of a span: what it starts with, or a span that stands for it unrecorded."""
        parent_span = api.get_current_span(context)
        parent = parent_span.get_span_context()
        if not self.enabled:
            return api.NonRecordingSpan(parent)
        if parent.is_valid:
            trace_id = parent.trace_id.to_bytes(16, "big")
            parent_id = parent.span_id.to_bytes(8, "big")
            random = parent.trace_flags & _RANDOM
        else:
            trace_id, parent_id, random = self._new_trace_id(), b"", self._random
        number = int.from_bytes(trace_id, "big")
        result = self._sampler.should_sample(context, number, name, kind, attributes, links or ())
        flags = random | _SAMPLED if result.decision.is_sampled() else random
        state = result.trace_state
        if not result.decision.is_recording():
            span_id = int.from_bytes(self._new_span_id(), "big")
            return api.NonRecordingSpan(api.SpanContext(number, span_id, False, api.TraceFlags(flags), state))
        anchor = parent_span._anchor if isinstance(parent_span, Span) else _anchor()
        return trace_id, parent_id, flags, state, anchor, result.attributes, parent if parent_id else None

    def start_as_current_span(  # type: ignore[override]  # the API's type is a private class
        self,
        name: str,
        context: Context | None = None,
        kind: api.SpanKind = _INTERNAL,
        attributes: Mapping[str, Any] | None = None,
        links: Sequence[api.Link] | None = None,
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
        end_on_exit: bool = True,
    ) -> "CurrentSpan":
        """A context manager that starts a span and makes it the current one; also a decorator."""
        return CurrentSpan(
            self,
            (name, context, kind, attributes, links, start_time, record_exception, set_status_on_exception),
            record_exception | set_status_on_exception << 1,
            end_on_exit,
        )


class CurrentSpan(AbstractContextManager[api.Span]):
    """A span that is the current one inside a `with` block, or during each call of a decorated function."""

    __slots__ = ("_arguments", "_end_on_exit", "_exceptions", "_span", "_token", "_tracer")

    def __init__(
        self, tracer: Tracer, arguments: tuple[Any, ...], exceptions: int, end_on_exit: bool
    ) -> None:
        self._tracer = tracer
        self._arguments = arguments
        self._exceptions = exceptions
        self._end_on_exit = end_on_exit

    def __enter__(self) -> api.Span:
        span = self._span = self._tracer.start_span(*self._arguments)
        self._token = context_api.attach(Context({**_get_current(), _SPAN_KEY: span}))
        return span

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        context_api.detach(self._token)
        span = self._span
        # As the API's use_span: what derives from BaseException alone (cancellation, exit) is no error.
        if isinstance(exc_val, Exception) and isinstance(span, Span) and span.is_recording():
            span.fail(exc_val, self._exceptions)
        if self._end_on_exit:
            span.end()

    def _again(self) -> "CurrentSpan":
        return CurrentSpan(self._tracer, self._arguments, self._exceptions, self._end_on_exit)

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Decorate a function or a coroutine function: each call has a span of its own."""
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def traced_coroutine(*args: P.args, **kwargs: P.kwargs) -> Any:
                with self._again():
                    return await function(*args, **kwargs)

            return traced_coroutine  # type: ignore[return-value]  # R is the coroutine

        @functools.wraps(function)
        def traced(*args: P.args, **kwargs: P.kwargs) -> R:
            with self._again():
                return function(*args, **kwargs)

        return traced
