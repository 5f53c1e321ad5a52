"""What /proc tells of a process, where no program can be loaded: one span for its life, with what it used."""

from __future__ import annotations

import os
import time
from collections.abc import Iterable
from pathlib import Path

from host_agent.ebpf.processes import Processes
from host_agent.ebpf.spans import SCOPE
from wasm_sdk.otlp import (
    InstrumentationScope,
    KeyValues,
    Resource,
    ResourceSpans,
    ScopeSpans,
    Span,
    SpanKind,
)

_TICK = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100
_PAGE = os.sysconf("SC_PAGE_SIZE") if hasattr(os, "sysconf") else 4096


class ProcWatcher:
    """Watches processes by reading /proc; children are looked for each time, so short ones are missed."""

    def __init__(self, pids: Iterable[int]) -> None:
        self._pids = set(pids)
        self._seen: dict[int, dict[str, int]] = {}
        self._started: dict[int, int] = {}
        self._processes = Processes()

    def look(self) -> list[ResourceSpans]:
        """Reads all of them once; returns the spans of those that have ended since the last look."""
        now = time.time_ns()
        self._pids |= {child for pid in list(self._pids) for child in _children(pid)}
        ended = []
        for pid in sorted(self._pids):
            usage = _usage(pid)
            if usage is None:
                self._pids.discard(pid)
                if pid in self._seen:
                    ended.append(self._span(pid, now))
                continue
            self._started.setdefault(pid, now)
            self._processes.get(pid, now)
            self._seen[pid] = usage
        return ended

    def finish(self) -> list[ResourceSpans]:
        """The spans of those that still run."""
        now = time.time_ns()
        return [self._span(pid, now) for pid in sorted(self._pids & self._seen.keys())]

    def _span(self, pid: int, now: int) -> ResourceSpans:
        process = self._processes.get(pid, now)
        attributes = {"process.pid": pid, "spanweave.source": "/proc", **self._seen.pop(pid)}
        span = Span(
            trace_id=process.trace_id,
            span_id=process.span_id,
            name=f"process {process.name}",
            kind=SpanKind.INTERNAL,
            start_time_unix_nano=self._started.pop(pid),
            end_time_unix_nano=now,
            attributes=KeyValues.of(attributes),
        )
        return ResourceSpans(
            resource=Resource(attributes=KeyValues.of({"service.name": process.name, "process.pid": pid})),
            scope_spans=[ScopeSpans(scope=InstrumentationScope(name=SCOPE), spans=[span])],
        )


def _children(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for file in Path(f"/proc/{pid}/task").glob("*/children"):
            found += [int(child) for child in file.read_text(encoding="ascii").split()]
    except OSError:
        return found
    return found


def _usage(pid: int) -> dict[str, int] | None:
    """CPU, memory, threads, descriptors and bytes read and written; None when the process is gone."""
    base = Path(f"/proc/{pid}")
    try:
        fields = (base / "stat").read_text(encoding="utf-8", errors="replace").rsplit(")", 1)[1].split()
    except OSError:
        return None
    if fields[0] == "Z":
        return None
    usage = {
        "process.cpu.time_ms": (int(fields[11]) + int(fields[12])) * 1000 // _TICK,
        "process.thread.count": int(fields[17]),
        "process.memory.usage": int(fields[21]) * _PAGE,
        "process.paging.faults": int(fields[7]) + int(fields[9]),
    }
    try:
        usage["process.open_file_descriptor.count"] = len(list((base / "fd").iterdir()))
        for line in (base / "io").read_text(encoding="ascii").splitlines():
            key, _, value = line.partition(": ")
            if key in ("rchar", "wchar"):
                usage[f"process.io.{'read' if key == 'rchar' else 'write'}_bytes"] = int(value)
    except OSError:
        return usage
    return usage
