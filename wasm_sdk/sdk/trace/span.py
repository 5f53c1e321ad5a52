"""A span that records. Source: OpenTelemetry specification, trace API and SDK, "Span"."""

import logging
from collections.abc import Mapping
from types import MappingProxyType, TracebackType
from typing import TYPE_CHECKING, Any

from opentelemetry import trace as api

from wasm_sdk.sdk.attributes import (
    PLAIN,
    Attributes,
    UnsupportedValue,
    clean,
    clean_attributes,
    is_key,
    log_unsupported,
)
from wasm_sdk.sdk.clock import monotonic
from wasm_sdk.sdk.exceptions import exception_attributes
from wasm_sdk.sdk.resource import Resource
from wasm_sdk.sdk.scope import InstrumentationScope
from wasm_sdk.sdk.trace.parts import NO_EXTRAS, Event, Extras, Link

if TYPE_CHECKING:
    from wasm_sdk.sdk.trace.tracer import Tracer

_log = logging.getLogger(__name__)

_UNSET = api.Status(api.StatusCode.UNSET)


if TYPE_CHECKING:
    _Span = api.Span
else:
    # Registered below rather than derived: the interpreter makes instances of ABCMeta's classes on a slower
    # path, which costs 0.35 us a span in Pyodide.
    _Span = object


class Span(_Span):
    """Made by `Tracer.start_span`. Changes after `end` are ignored and logged.

    Nothing is locked: each change is one operation on a dict or list, which Python keeps whole among threads.
    Identifiers are bytes here; `get_span_context` makes the API's object when it is asked for.
    """

    __slots__ = (
        "__weakref__",
        "_anchor",
        "_attributes",
        "_context",
        "_end",
        "_extras",
        "_flags",
        "_kind",
        "_name",
        "_parent_id",
        "_span_id",
        "_start",
        "_trace_id",
        "_trace_state",
        "_tracer",
    )

    def __init__(
        self,
        tracer: "Tracer",
        name: str,
        kind: api.SpanKind,
        trace_id: bytes,
        span_id: bytes,
        parent_id: bytes,
        flags: int,
        trace_state: api.TraceState | None,
        anchor: int,
        start: int,
        attributes: Attributes,
    ) -> None:
        self._tracer = tracer
        self._name = name
        self._kind = kind
        self._trace_id = trace_id
        self._span_id = span_id
        self._parent_id = parent_id
        self._flags = flags
        self._trace_state = trace_state
        self._anchor = anchor
        self._start = start
        self._end = 0
        self._attributes = attributes
        self._extras: Extras | None = None
        self._context: api.SpanContext | None = None

    @property
    def extras(self) -> Extras:
        """The span's extras, made when they are asked for first."""
        extras = self._extras
        if extras is None:
            extras = self._extras = Extras()
        return extras

    # ---- what instrumentation does

    def get_span_context(self) -> api.SpanContext:
        context = self._context
        if context is None:
            context = self._context = api.SpanContext(
                int.from_bytes(self._trace_id, "big"),
                int.from_bytes(self._span_id, "big"),
                False,
                api.TraceFlags(self._flags),
                self._trace_state,
            )
        return context

    def is_recording(self) -> bool:
        return not self._end or (self._extras or NO_EXTRAS).ending

    def set_attribute(self, key: str, value: Any) -> None:
        """Set or replace an attribute. `None`, like any AnyValue, is kept as given."""
        attributes = self._attributes
        tracer = self._tracer
        if type(value) in tracer.plain and not self._end and key and len(attributes) < tracer.attribute_room:
            attributes[key] = value
        else:
            self._set_checked(key, value)

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        for key, value in attributes.items():
            self.set_attribute(key, value)

    def _set_checked(self, key: str, value: Any) -> None:
        if not self._writable(f"attribute {key!r}") or not is_key(key):
            return
        limits = self._tracer.limits
        if (
            limits.max_span_attributes is not None
            and len(self._attributes) >= limits.max_span_attributes
            and key not in self._attributes
        ):
            self.extras.dropped_attributes += 1
            if self.extras.dropped_attributes == 1:
                _log.warning(
                    "Span %r has %d attributes: further ones are dropped", self._name, len(self._attributes)
                )
            return
        try:
            self._attributes[key] = (
                value
                if limits.max_span_attribute_length is None and type(value) in PLAIN
                else clean(value, limits.max_span_attribute_length)
            )
        except UnsupportedValue as error:
            log_unsupported(key, error)

    def add_event(
        self, name: str, attributes: Mapping[str, Any] | None = None, timestamp: int | None = None
    ) -> None:
        """Add an event, `timestamp` in Unix nanoseconds (default: now)."""
        if not self._writable(f"event {name!r}"):
            return
        extras = self.extras
        events = extras.events
        limits = self._tracer.limits
        if limits.max_events is not None and len(events) >= limits.max_events:
            extras.dropped_events += 1
            if extras.dropped_events == 1:
                _log.warning("Span %r has %d events: further ones are dropped", self._name, len(events))
            return
        kept, dropped = clean_attributes(attributes, limits.max_event_attributes, limits.max_attribute_length)
        events.append(
            Event(name, self._anchor + monotonic() if timestamp is None else timestamp, kept, dropped)
        )

    def add_link(self, context: api.SpanContext, attributes: Mapping[str, Any] | None = None) -> None:
        """Link another span. One without valid identifiers is kept only for its attributes or tracestate."""
        if self._writable("link"):
            self._add_link(context, attributes)

    def _add_link(self, context: api.SpanContext | None, attributes: Mapping[str, Any] | None) -> None:
        if context is None or not (context.is_valid or attributes or context.trace_state):
            return
        extras = self.extras
        links = extras.links
        limits = self._tracer.limits
        if limits.max_links is not None and len(links) >= limits.max_links:
            extras.dropped_links += 1
            if extras.dropped_links == 1:
                _log.warning("Span %r has %d links: further ones are dropped", self._name, len(links))
            return
        links.append(
            Link(
                context,
                *clean_attributes(attributes, limits.max_link_attributes, limits.max_attribute_length),
            )
        )

    def update_name(self, name: str) -> None:
        if self._writable("name"):
            self._name = name

    def set_status(self, status: api.Status | api.StatusCode, description: str | None = None) -> None:
        """Set the status. OK is final; UNSET is ignored; a description belongs to ERROR."""
        if not self._writable("status"):
            return
        if not isinstance(status, api.Status):
            status = api.Status(status, description)
        elif description is not None:
            _log.warning("Description %r is ignored: it belongs into the Status", description)
        if status.status_code is api.StatusCode.UNSET:
            return
        extras = self.extras
        if extras.status is None or extras.status.status_code is not api.StatusCode.OK:
            extras.status = status

    def record_exception(
        self,
        exception: BaseException,
        attributes: Mapping[str, Any] | None = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        """Add an `exception` event with type, message and stack trace; `attributes` take precedence.

        `escaped` is not written: the semantic conventions have deprecated it.
        """
        details = exception_attributes(exception)
        self.add_event("exception", {**details, **(attributes or {})}, timestamp)

    def end(self, end_time: int | None = None) -> None:
        """End the span, at `end_time` in Unix nanoseconds (default: now), and hand it to the processors."""
        if self._end:
            _log.warning("Span %r has ended already", self._name)
            return
        self._end = self._anchor + monotonic() if end_time is None else end_time
        self._tracer.pipeline.end(self)

    def __enter__(self) -> "Span":
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        if exc_val is not None and self.is_recording():
            self.fail(exc_val, (self._extras or NO_EXTRAS).exceptions)
        self.end()

    def fail(self, exception: BaseException, how: int) -> None:
        """Note an exception that leaves the span's block: bit 0 of `how` records it, 1 sets the status."""
        if how & 1:
            self.record_exception(exception)
        if how & 2:
            self.set_status(api.Status(api.StatusCode.ERROR, f"{type(exception).__name__}: {exception}"))

    def _writable(self, what: str) -> bool:
        if self._end and not (self._extras or NO_EXTRAS).ending:
            _log.warning("Span %r has ended: its %s is not changed", self._name, what)
            return False
        return True

    # ---- what processors and exporters read

    @property
    def name(self) -> str:
        return self._name

    @property
    def context(self) -> api.SpanContext:
        return self.get_span_context()

    @property
    def parent(self) -> api.SpanContext | None:
        """The parent's context, `None` for a root span."""
        parent = (self._extras or NO_EXTRAS).parent
        if parent is None and self._parent_id:
            own = self.get_span_context()
            parent_id = int.from_bytes(self._parent_id, "big")
            return api.SpanContext(own.trace_id, parent_id, False, own.trace_flags, own.trace_state)
        return parent

    @property
    def kind(self) -> api.SpanKind:
        return self._kind

    @property
    def start_time(self) -> int:
        """Unix nanoseconds."""
        return self._start

    @property
    def end_time(self) -> int | None:
        """Unix nanoseconds, `None` until the span has ended."""
        return self._end or None

    @property
    def attributes(self) -> Mapping[str, Any]:
        return MappingProxyType(self._attributes)

    @property
    def events(self) -> tuple[Event, ...]:
        return tuple((self._extras or NO_EXTRAS).events)

    @property
    def links(self) -> tuple[Link, ...]:
        return tuple((self._extras or NO_EXTRAS).links)

    @property
    def status(self) -> api.Status:
        return (self._extras or NO_EXTRAS).status or _UNSET

    @property
    def resource(self) -> Resource:
        return self._tracer.resource

    @property
    def instrumentation_scope(self) -> InstrumentationScope:
        return self._tracer.scope

    @property
    def dropped_attributes(self) -> int:
        return (self._extras or NO_EXTRAS).dropped_attributes

    @property
    def dropped_events(self) -> int:
        return (self._extras or NO_EXTRAS).dropped_events

    @property
    def dropped_links(self) -> int:
        return (self._extras or NO_EXTRAS).dropped_links

    def __repr__(self) -> str:
        return f"Span({self._name!r}, trace_id={self._trace_id.hex()}, span_id={self._span_id.hex()})"


api.Span.register(Span)
