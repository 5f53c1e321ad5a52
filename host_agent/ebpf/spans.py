"""Events become spans: named by the semantic conventions, with parents as the kernel proved them."""

from __future__ import annotations

import errno
import random
import secrets
import struct
import time
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from host_agent.ebpf import describe
from host_agent.ebpf.layout import EventFlag, Kind, Relation
from host_agent.ebpf.processes import Process, Processes, container_id
from host_agent.ebpf.records import Event, Message
from wasm_sdk.otlp import (
    InstrumentationScope,
    KeyValues,
    Resource,
    ResourceSpans,
    ScopeSpans,
    Span,
    SpanKind,
    SpanLink,
    Status,
    StatusCode,
    TracesData,
    encode_traces,
)
from wasm_sdk.otlp.spans import Link, SpanEncoder, encode_scope, wrap

SCOPE = "spanweave.ebpf"
_NOT_FAILURES = {errno.EAGAIN, errno.EINPROGRESS, errno.EINTR, 512, 513, 514, 516}
"""Asking again is how non-blocking calls work; 512 to 516 restart a call after a signal."""

_KINDS = {
    Kind.HTTP_SERVER: SpanKind.SERVER,
    Kind.HTTP_CLIENT: SpanKind.CLIENT,
    Kind.SQL: SpanKind.CLIENT,
    Kind.REDIS: SpanKind.CLIENT,
    Kind.DNS: SpanKind.CLIENT,
    Kind.CONNECT: SpanKind.CLIENT,
}
_NO_ID = bytes(8)
_PROCESS_EVENTS = (Kind.FORK, Kind.EXEC, Kind.EXIT)
_BY_NUMBER = {int(kind): kind for kind in Kind}
_AMBIGUOUS = {"spanweave.attribution": "ambiguous"}
_FINE = (0, "")
_FAILED = int(StatusCode.ERROR)
_INTERNAL = int(SpanKind.INTERNAL)
_LINKED = int(EventFlag.LINKED)


class Seen(NamedTuple):
    """A span's fields, in the order of `SpanEncoder.encode`."""

    trace_id: bytes
    span_id: bytes
    parent_span_id: bytes
    trace_state: str
    name: str
    kind: int
    start: int
    end: int
    attributes: dict[str, Any]
    events: tuple[()]
    links: list[Link]
    status_code: int
    status_message: str


class SpanBuilder:
    """Turns drained records into OTLP spans.

    Args:
        names: what a function's probe is called, by probe id.
        stack: the frames of a stack id, outermost last; None when stacks are not collected.
    """

    def __init__(
        self, names: dict[int, describe.FunctionName], stack: Callable[[int, int], list[str]] | None = None
    ) -> None:
        self._names = names
        self._stack = stack
        self.processes = Processes()
        self._encoder = SpanEncoder()
        self._scope = encode_scope(SCOPE)
        self._ids = random.Random(secrets.randbits(256))  # unique is enough, and no system call a span
        self._anchor()

    def _anchor(self) -> None:
        # The kernel counts from boot; machines sleep and clocks are set: taken anew for each batch.
        self._offset = time.time_ns() - time.clock_gettime_ns(time.CLOCK_MONOTONIC)

    def build(self, events: list[Event], messages: list[Message]) -> list[ResourceSpans]:
        """Spans of one drain, by process; process spans come when the process has ended."""
        groups = [
            _group(process, [_model(seen) for seen in found])
            for process, found in self._gather(events, messages)
        ]
        return groups + self._ended()

    def encode(self, events: list[Event], messages: list[Message]) -> tuple[bytes, int]:
        """The same as an ExportTraceServiceRequest, without a model in between; and how many spans it has."""
        requests, count = [], 0
        encode = self._encoder.encode
        for process, found in self._gather(events, messages):
            count += len(found)
            spans = [encode(*seen) for seen in found]
            requests.append(wrap(process.encoded_resource(), self._scope, spans))
        if self.processes.ended:
            ended = self._ended()
            count += len(ended)
            requests.append(encode_traces(TracesData(resource_spans=ended)))
        return b"".join(requests), count  # requests one after the other are one request

    def _gather(self, events: list[Event], messages: list[Message]) -> Iterable[tuple[Process, list[Seen]]]:
        self._anchor()
        by_process: dict[int, tuple[Process, list[Seen]]] = {}
        for event, message in _in_order(events, messages):
            kind = _BY_NUMBER[event.kind]
            if message is not None and kind in _PROCESS_EVENTS:
                self._process_event(kind, event, message)
                continue
            process = self.processes.get(event.tgid, event.start)
            _, found = by_process.setdefault(id(process), (process, []))
            found.append(self._seen(kind, event, message, process))
        return by_process.values()

    def finish(self) -> list[ResourceSpans]:
        """The spans of processes that still run."""
        self._anchor()
        self.processes.finish_all(time.clock_gettime_ns(time.CLOCK_MONOTONIC))
        return self._ended()

    def _ended(self) -> list[ResourceSpans]:
        groups = [_group(p, [self._process_span(p)]) for p in self.processes.ended]
        self.processes.ended.clear()
        return groups

    def _process_event(self, kind: Kind, event: Event, message: Message) -> None:
        pid, at = event.tgid, event.start
        command = describe.text(message)
        if kind is Kind.FORK:
            proven = event.relation == Relation.PARENT
            trace = event.trace if proven else b""
            parent = event.parent if proven else b""
            self.processes.forked(pid, event.args[0], command, at, trace, parent)
        elif kind is Kind.EXEC:
            self.processes.executed(pid, command, at)
        else:
            self.processes.exited(pid, at, event.result)

    def _process_span(self, process: Process) -> Span:
        attributes: dict[str, Any] = {"process.pid": process.pid, "process.command": process.command}
        status = Status.absent()
        if process.exit_code is not None:
            attributes["process.exit.code"] = process.exit_code >> 8 & 0xFF
            if process.exit_code:
                signal = process.exit_code & 0x7F
                why = f"signal {signal}" if signal else f"exit code {process.exit_code >> 8 & 0xFF}"
                status = Status(code=StatusCode.ERROR, message=why)
        return Span(
            trace_id=process.trace_id,
            span_id=process.span_id,
            parent_span_id=process.parent_span_id,
            name=f"process {process.name}",
            kind=SpanKind.INTERNAL,
            start_time_unix_nano=process.started_ns + self._offset,
            end_time_unix_nano=process.ended_ns + self._offset,
            attributes=KeyValues.of(attributes),
            status=status,
        )

    def _seen(self, kind: Kind, event: Event, message: Message | None, process: Process) -> Seen:
        relation = event.relation
        name, attributes = describe.describe(kind, event, message, self._names)
        attributes["thread.id"] = event.tid
        if container := container_id(event.cgroup):
            attributes["container.id"] = container
        attributes["linux.cgroup.id"] = event.cgroup
        links: list[Link] = []
        trace_id, parent = process.trace_id, process.span_id
        if relation == Relation.PARENT:
            trace_id, parent = event.trace, event.parent
        elif relation == Relation.LINK:
            links.append((event.trace, event.parent, "", _AMBIGUOUS, 0, 0))
        if event.flags & _LINKED:
            first, second, span = event.args[3:6]
            trace = struct.pack("=QQ", first, second)
            links.append((trace, struct.pack("=Q", span), "", _AMBIGUOUS, 0, 0))
        if self._stack is not None and (event.kernel_stack >= 0 or event.user_stack >= 0):
            self._add_stacks(event, attributes)
        code, why = _status(kind, event.result, attributes)
        own = event.span
        start = event.start + self._offset
        return Seen(
            trace_id,
            own if own != _NO_ID else (self._ids.getrandbits(64) or 1).to_bytes(8, "big"),
            b"" if parent == _NO_ID else parent,
            "",
            name,
            _KINDS.get(kind, _INTERNAL),
            start,
            start + event.duration,
            attributes,
            (),
            links,
            code,
            why,
        )

    def _add_stacks(self, event: Event, attributes: dict[str, Any]) -> None:
        assert self._stack is not None
        frames = []
        for field in ("kernel_stack", "user_stack"):
            if getattr(event, field) >= 0:
                frames += self._stack(getattr(event, field), event.tgid if field == "user_stack" else 0)
        if frames:
            attributes["code.stacktrace"] = "\n".join(frames)


def _in_order(events: list[Event], messages: list[Message]) -> list[tuple[Event, Message | None]]:
    """Both rings by the time at which each record was written."""
    pairs: list[tuple[Event, Message | None]] = [(event, None) for event in events]
    if messages:
        pairs += [(m.event, m) for m in messages]
        if len(pairs) > 1:
            pairs.sort(key=lambda pair: pair[0].start + pair[0].duration)
    return pairs


def _status(kind: Kind, result: int, attributes: dict[str, Any]) -> tuple[int, str]:
    """Code and message; a failure is named among the attributes too."""
    if kind is Kind.HTTP_SERVER:
        if result >= 500:
            attributes["error.type"] = str(result)
            return _FAILED, ""
        return _FINE
    if kind is Kind.HTTP_CLIENT:
        if result >= 400 or not result:
            attributes["error.type"] = str(result) if result else "no_response"
            return _FAILED, ""
        return _FINE
    if kind in (Kind.SQL, Kind.REDIS, Kind.DNS):
        if result:
            attributes["error.type"] = "server_error" if kind is not Kind.DNS else describe.rcode(result)
            return _FAILED, ""
        return _FINE
    if not -4095 <= result < 0 or kind in (Kind.FUNCTION, Kind.KERNEL_FUNCTION, Kind.USDT):
        return _FINE
    if -result in _NOT_FAILURES:
        return _FINE
    attributes["error.type"] = errno.errorcode.get(-result, str(-result))
    return _FAILED, attributes["error.type"]


def _model(seen: Seen) -> Span:
    links = [
        SpanLink(trace_id=trace, span_id=span, attributes=KeyValues.of(attributes))
        for trace, span, _, attributes, _, _ in seen.links
    ]
    failed = seen.status_code == _FAILED
    status = Status(code=StatusCode.ERROR, message=seen.status_message) if failed else Status.absent()
    return Span(
        trace_id=seen.trace_id,
        span_id=seen.span_id,
        parent_span_id=seen.parent_span_id,
        name=seen.name,
        kind=seen.kind,
        start_time_unix_nano=seen.start,
        end_time_unix_nano=seen.end,
        attributes=KeyValues.of(seen.attributes),
        links=links,
        status=status,
    )


def _group(process: Process, spans: list[Span]) -> ResourceSpans:
    return ResourceSpans(
        resource=Resource(attributes=KeyValues.of(process.resource())),
        scope_spans=[ScopeSpans(scope=InstrumentationScope(name=SCOPE), spans=spans)],
    )
