"""The propagator of `traceparent` and `tracestate`. Source: W3C Trace Context level 2."""

import re

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.propagators import textmap
from opentelemetry.trace import format_span_id, format_trace_id

from wasm_sdk.propagation.trace_state import W3CTraceState

TRACEPARENT = "traceparent"
TRACESTATE = "tracestate"

# A later version may append fields after a dash; version 00 has none and ff is forbidden.
_TRACEPARENT = re.compile(
    r"(?!ff)(?P<version>[0-9a-f]{2})-(?P<trace>[0-9a-f]{32})-(?P<span>[0-9a-f]{16})-(?P<flags>[0-9a-f]{2})"
    r"(?P<more>-[^\r\n]*)?"
)
_NO_TRACE = "0" * 32
_NO_SPAN = "0" * 16
_KNOWN_FLAGS = trace.TraceFlags.SAMPLED | trace.TraceFlags.RANDOM_TRACE_ID


def parse_traceparent(header: str) -> tuple[int, int, trace.TraceFlags] | None:
    """Trace id, parent's span id and flags in a `traceparent` header; `None` when it is invalid.

    Of the flags only `sampled` and `random` are kept, since those are all that level 2 defines.
    """
    match = _TRACEPARENT.fullmatch(header.strip(" \t"))
    if match is None or match["trace"] == _NO_TRACE or match["span"] == _NO_SPAN:
        return None
    if match["version"] == "00" and match["more"] is not None:
        return None
    flags = trace.TraceFlags(int(match["flags"], 16) & _KNOWN_FLAGS)
    return int(match["trace"], 16), int(match["span"], 16), flags


def format_traceparent(context: trace.SpanContext) -> str:
    """The `traceparent` header of a valid span context, in version 00."""
    flags = context.trace_flags & _KNOWN_FLAGS
    return f"00-{format_trace_id(context.trace_id)}-{format_span_id(context.span_id)}-{flags:02x}"


class TraceContextPropagator(textmap.TextMapPropagator):
    """Reads and writes the headers of W3C Trace Context, level 2."""

    def extract(
        self,
        carrier: textmap.CarrierT,
        context: Context | None = None,
        getter: textmap.Getter[textmap.CarrierT] = textmap.default_getter,
    ) -> Context:
        """The context with the remote parent in it; unchanged when there is no valid one.

        A request with more than one `traceparent` has none that can be trusted. An invalid `tracestate` is
        discarded without touching the parent.
        """
        if context is None:
            context = Context()
        headers = getter.get(carrier, TRACEPARENT) or []
        parent = parse_traceparent(headers[0]) if len(headers) == 1 else None
        if parent is None:
            return context
        trace_id, span_id, flags = parent
        states = getter.get(carrier, TRACESTATE)
        state = W3CTraceState.from_header(list(states)) if states else None
        remote = trace.SpanContext(trace_id, span_id, True, flags, state)
        return trace.set_span_in_context(trace.NonRecordingSpan(remote), context)

    def inject(
        self,
        carrier: textmap.CarrierT,
        context: Context | None = None,
        setter: textmap.Setter[textmap.CarrierT] = textmap.default_setter,
    ) -> None:
        """Write the current span's context, if it is valid."""
        span_context = trace.get_current_span(context).get_span_context()
        if not span_context.is_valid:
            return
        setter.set(carrier, TRACEPARENT, format_traceparent(span_context))
        if span_context.trace_state:
            setter.set(carrier, TRACESTATE, span_context.trace_state.to_header())

    @property
    def fields(self) -> set[str]:
        return {TRACEPARENT, TRACESTATE}
