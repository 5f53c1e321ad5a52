"""Events become spans: named by the semantic conventions, with parents as the kernel proved them."""

from __future__ import annotations

import errno
import secrets
import struct
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from host_agent.ebpf import describe
from host_agent.ebpf.layout import EventFlag, Kind, Relation
from host_agent.ebpf.processes import Process, Processes, container_id, host_name
from host_agent.ebpf.records import Event, Message, events_of, messages_of
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
)

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
        self._anchor()

    def _anchor(self) -> None:
        # The kernel counts from boot; machines sleep and clocks are set: taken anew for each batch.
        self._offset = time.time_ns() - time.clock_gettime_ns(time.CLOCK_MONOTONIC)

    def build(self, events: np.ndarray[Any, Any], messages: np.ndarray[Any, Any]) -> list[ResourceSpans]:
        """Spans of one drain, by process; process spans come when the process has ended."""
        self._anchor()
        by_process: dict[int, list[Span]] = defaultdict(list)
        processes: dict[int, Process] = {}
        for event, message in _in_order(events, messages):
            kind = Kind(event.kind)
            if message is not None and kind in _PROCESS_EVENTS:
                self._process_event(kind, event, message)
                continue
            process = self.processes.get(event.tgid, event.start)
            processes[process.pid] = process
            by_process[process.pid].append(self._span(kind, event, message, process))
        groups = [_group(processes[pid], spans) for pid, spans in by_process.items()]
        return groups + self._ended()

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

    def _span(self, kind: Kind, event: Event, message: Message | None, process: Process) -> Span:
        relation = event.relation
        flags = event.flags
        name, attributes = describe.describe(kind, event, message, self._names)
        attributes["thread.id"] = event.tid
        if container := container_id(event.cgroup):
            attributes["container.id"] = container
        attributes["linux.cgroup.id"] = event.cgroup
        links = []
        trace_id, parent = process.trace_id, process.span_id
        if relation == Relation.PARENT:
            trace_id, parent = event.trace, event.parent
        elif relation == Relation.LINK:
            links.append(SpanLink(trace_id=event.trace, span_id=event.parent))
        if flags & EventFlag.LINKED:
            first, second, span = event.args[3:6]
            links.append(
                SpanLink(trace_id=struct.pack("=QQ", first, second), span_id=struct.pack("=Q", span))
            )
        for link in links:
            link.attributes = KeyValues.of({"spanweave.attribution": "ambiguous"})
        self._add_stacks(event, attributes)
        status = _status(kind, event.result, attributes)
        own = event.span
        start = event.start + self._offset
        return Span(
            trace_id=trace_id,
            span_id=own if own != _NO_ID else secrets.token_bytes(8),
            parent_span_id=b"" if parent == _NO_ID else parent,
            name=name,
            kind=_KINDS.get(kind, SpanKind.INTERNAL),
            start_time_unix_nano=start,
            end_time_unix_nano=start + event.duration,
            attributes=KeyValues.of(attributes),
            links=links,
            status=status,
        )

    def _add_stacks(self, event: Event, attributes: dict[str, Any]) -> None:
        if self._stack is None:
            return
        frames = []
        for field in ("kernel_stack", "user_stack"):
            if getattr(event, field) >= 0:
                frames += self._stack(getattr(event, field), event.tgid if field == "user_stack" else 0)
        if frames:
            attributes["code.stacktrace"] = "\n".join(frames)


def _in_order(
    events: np.ndarray[Any, Any], messages: np.ndarray[Any, Any]
) -> list[tuple[Event, Message | None]]:
    """Both rings by the time at which each record was written."""
    pairs: list[tuple[Event, Message | None]] = [(m.event, m) for m in messages_of(messages)]
    if not pairs:
        return [(event, None) for event in events_of(events)]
    pairs += [(event, None) for event in events_of(events)]
    pairs.sort(key=lambda pair: pair[0].start + pair[0].duration)
    return pairs


def _status(kind: Kind, result: int, attributes: dict[str, Any]) -> Status:
    if kind is Kind.HTTP_SERVER:
        if result >= 500:
            attributes["error.type"] = str(result)
            return Status(code=StatusCode.ERROR)
        return Status.absent()
    if kind is Kind.HTTP_CLIENT:
        if result >= 400 or not result:
            attributes["error.type"] = str(result) if result else "no_response"
            return Status(code=StatusCode.ERROR)
        return Status.absent()
    if kind in (Kind.SQL, Kind.REDIS, Kind.DNS):
        if result:
            attributes["error.type"] = "server_error" if kind is not Kind.DNS else describe.rcode(result)
            return Status(code=StatusCode.ERROR)
        return Status.absent()
    if kind in (Kind.FUNCTION, Kind.KERNEL_FUNCTION, Kind.USDT) or not -4095 <= result < 0:
        return Status.absent()
    if -result in _NOT_FAILURES:
        return Status.absent()
    attributes["error.type"] = errno.errorcode.get(-result, str(-result))
    return Status(code=StatusCode.ERROR, message=attributes["error.type"])


def _group(process: Process, spans: Iterable[Span]) -> ResourceSpans:
    resource = {
        "service.name": process.name,
        "host.name": host_name(),
        "os.type": "linux",
        "process.pid": process.pid,
        "process.command": process.command,
    }
    if process.executable:
        resource["process.executable.path"] = process.executable
    return ResourceSpans(
        resource=Resource(attributes=KeyValues.of(resource)),
        scope_spans=[ScopeSpans(scope=InstrumentationScope(name=SCOPE), spans=list(spans))],
    )
