"""`EbpfTracer`: what is probed, whom it concerns, and the spans that come out."""

from __future__ import annotations

import select
import struct
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from host_agent.ebpf import layout, targets
from host_agent.ebpf.allocations import attach_allocations
from host_agent.ebpf.describe import FunctionName
from host_agent.ebpf.errors import EbpfError, EbpfUnavailable, ProbeRefused
from host_agent.ebpf.functions import find_functions
from host_agent.ebpf.helper_client import HelperClient, read_counts
from host_agent.ebpf.histograms import to_metric
from host_agent.ebpf.layout import Kind, kind_probe
from host_agent.ebpf.machine import syscall_names
from host_agent.ebpf.probe_table import Probe, ProbeTable
from host_agent.ebpf.records import Batch, Event, Message, events_of, messages_of
from host_agent.ebpf.ring import Ring
from host_agent.ebpf.spans import SpanBuilder
from host_agent.ebpf.stacks import Symbolizer
from host_agent.ebpf.tls import TlsProbes, system_libraries
from host_agent.ebpf.usdt import find_static_probe
from host_agent.ebpf.when import When
from wasm_sdk.otlp import Metric, ResourceSpans

_TLS_EVERY_S = 0.5
_CORE = ("dispatch", "process")
_MAPPINGS = {"mmap", "munmap", "brk", "mremap"}
_TRAFFIC = (Kind.SEND, Kind.RECEIVE)
_CONNECTIONS = (Kind.CONNECT, Kind.ACCEPT, Kind.CONNECTION)
_REQUESTS = (Kind.HTTP_SERVER, Kind.HTTP_CLIENT, Kind.SQL, Kind.REDIS, Kind.DNS)


@dataclass(slots=True)
class _Attached:
    name: str
    objects: tuple[str, ...] = ()
    rows: tuple[int, ...] = ()
    links: list[int] = field(default_factory=list)
    mechanism: str = "raw tracepoint"


class EbpfTracer:
    """Probes of every kind over one helper; usable as a context manager.

    Probes and targets may be added and removed before `start` and while it runs.

    Args:
        helper_socket: a helper that is already listening; without one a helper is started as our child,
            which needs CAP_BPF and CAP_PERFMON.
        ring_bytes: of each of the two rings, a power of two.
        sample_ratio: of the traces that begin here (requests without ``traceparent``), the part that is kept.

    Raises (from `start` and whatever changes probes):
        EbpfUnavailable: this host or these privileges allow no program at all.
        ProbeRefused: one probe was refused; the others stay.
    """

    def __init__(
        self, *, helper_socket: Path | None = None, ring_bytes: int = 1 << 22, sample_ratio: float = 1.0
    ) -> None:
        if ring_bytes & (ring_bytes - 1) or ring_bytes < 4096:
            raise ValueError("ring_bytes must be a power of two of at least a page")
        self._socket = helper_socket
        self._ring_bytes = ring_bytes
        self._threshold = round((1 - sample_ratio) * (1 << 56))
        self._helper: HelperClient | None = None
        self._table = ProbeTable.with_actions()
        self._attached: dict[int, _Attached] = {}
        self._next = 1
        self._next_function = layout.FUNCTION_PROBES
        self._targets = targets.Targets(self._ask)
        self._names: dict[int, FunctionName] = {}
        self._rings: tuple[Ring, Ring] | None = None
        self._poll = select.epoll()
        self._tls = TlsProbes(self._ask)
        self._tls_wanted = False
        self._tls_next = 0.0
        self._drained = 0
        self._symbols = Symbolizer(self._read_stacks)
        self.spans = SpanBuilder(self._names, self._symbols.frames)
        self.refused: dict[str, str] = {}

    def attach_syscall(self, names: Iterable[str] | None = None, when: When | None = None) -> int:
        """System calls by name; None means all of this machine. Returns the probe's id."""
        known = {name: number for number, name in syscall_names().items()}
        wanted = list(known if names is None else names)
        if unknown := [name for name in wanted if name not in known]:
            raise ProbeRefused(f"no system call of this machine is called {', '.join(unknown)}")
        when = when or When()
        numbers = tuple(known[name] for name in wanted)
        for number in numbers:
            self._table.want_syscall(number, when.flags, when.min_duration_ns)
        return self._add(_Attached("syscalls", ("syscalls",), numbers))

    def attach_network(
        self,
        when: When | None = None,
        *,
        requests: bool = True,
        connections: bool = False,
        traffic: bool = False,
        tls: bool = True,
    ) -> int:
        """HTTP, PostgreSQL, Redis and DNS requests; connections; single sends and receives; OpenSSL's too."""
        kinds = [
            *(_REQUESTS if requests else ()),
            *(_CONNECTIONS if connections else ()),
            *(_TRAFFIC if traffic else ()),
        ]
        objects = ("network", "packets") if connections else ("network",)
        probe = self._add(_Attached("network", objects, self._want(kinds, when)))
        self._tls_wanted = self._tls_wanted or (tls and requests)
        return probe

    def attach_file_io(self, when: When | None = None) -> int:
        """Files: open, read, write, fsync, rename, unlink and their kin."""
        return self._add(_Attached("files", ("files",), self._want([Kind.FILE], when)))

    def attach_memory(self, when: When | None = None, *, faults: bool = False) -> int:
        """Page faults counted (with `faults`, each told), mmap and brk, out-of-memory kills."""
        when = when or When()
        for number, name in syscall_names().items():
            if name in _MAPPINGS:
                self._table.want_syscall(number, when.flags, when.min_duration_ns)
        kinds = [Kind.OUT_OF_MEMORY, *((Kind.PAGE_FAULT,) if faults else ())]
        return self._add(_Attached("memory", ("memory", "syscalls"), self._want(kinds, when)))

    def attach_allocations(self, file: str = "libc", *, one_in: int = 100, pid: int = 0) -> int:
        """malloc and free of a library, one call in `one_in` by chance: spans of what was released again."""
        helper = self._need_started("attach_allocations")
        row = kind_probe(Kind.ALLOCATION)
        self._table.rows[row] = Probe(flags=When().flags)
        self._send_rows([row])
        self._names[row] = FunctionName("malloc", file, "uprobe")
        return self._new(
            _Attached("allocations", (), (row,), attach_allocations(helper.ask, file, one_in, pid))
        )

    def attach_function(self, spec: str, when: When | None = None, *, pid: int = 0) -> int:
        """Functions by name, glob or address, static probes, or functions of the kernel.

        Args:
            spec: ``FILE:SYMBOL``, ``FILE:0xADDRESS``, ``usdt:FILE:PROVIDER:NAME`` or ``kernel:NAME``.
            pid: only this process, and the files as it sees them; 0: every target.

        Raises:
            ProbeRefused: nothing matches, a Go program, or no mechanism of this kernel holds.
        """
        self._need_started("attach_function")
        when = when or When()
        if spec.startswith("kernel:"):
            return self._attach_kernel_function(spec.removeprefix("kernel:"), when)
        if spec.startswith("usdt:"):
            return self._attach_static_probe(spec, when, pid)
        path, functions = find_functions(spec, pid)
        cookies = [self._name_function(f.name, str(path), when) for f in functions]
        self._send_rows(cookies)
        answer = self._ask(
            "functions",
            path=str(path),
            offsets=[f.offset for f in functions],
            cookies=cookies,
            pid=pid,
            program="function",
        )
        return self._named(spec, cookies, answer)

    def _attach_static_probe(self, spec: str, when: When, pid: int) -> int:
        probe = find_static_probe(spec, pid)
        cookies = [self._name_function(probe.label, str(probe.path), when) for _ in probe.places]
        self._send_rows(cookies)
        answer = self._ask(
            "static_probe",
            path=str(probe.path),
            offsets=[place.offset for place in probe.places],
            semaphores=[place.semaphore for place in probe.places],
            arguments=[place.arguments.hex() for place in probe.places],
            cookies=cookies,
            pid=pid,
        )
        return self._named(spec, cookies, answer)

    def _attach_kernel_function(self, name: str, when: When) -> int:
        cookie = self._name_function(name, "", when)
        self._send_rows([cookie])
        return self._named(f"kernel:{name}", [cookie], self._ask("kernel_function", name=name, cookie=cookie))

    def _name_function(self, name: str, file: str, when: When) -> int:
        cookie = self._next_function
        self._next_function += 1
        if cookie >= layout.PROBES:
            raise ProbeRefused(f"more than {layout.PROBES - layout.FUNCTION_PROBES} functions are probed")
        self._names[cookie] = FunctionName(name, file, "")
        self._table.rows[cookie] = Probe(flags=when.flags, min_duration_ns=when.min_duration_ns)
        return cookie

    def _named(self, spec: str, cookies: list[int], answer: dict[str, Any]) -> int:
        mechanism = str(answer["mechanism"])
        for cookie in cookies:
            known = self._names[cookie]
            self._names[cookie] = FunctionName(known.name, known.file, mechanism)
        return self._new(_Attached(spec, (), tuple(cookies), [answer["link"]], mechanism))

    def _want(self, kinds: Iterable[Kind], when: When | None) -> tuple[int, ...]:
        when = when or When()
        rows = tuple(kind_probe(kind) for kind in kinds)
        for row in rows:
            self._table.rows[row] = Probe(flags=when.flags, min_duration_ns=when.min_duration_ns)
        return rows

    def _add(self, attached: _Attached) -> int:
        if self._helper is not None:
            self._load(attached.objects)
            self._send_rows(attached.rows)
        return self._new(attached)

    def _new(self, attached: _Attached) -> int:
        number = self._next
        self._next += 1
        self._attached[number] = attached
        return number

    def detach(self, number: int) -> None:
        """Takes a probe off; the programs that no other probe needs are unloaded."""
        attached = self._attached.pop(number)
        for link in attached.links:
            self._ask("unlink", link=link)
        for row in attached.rows:
            self._table.drop_syscall(row)
        if self._helper is None:
            return
        self._send_rows(attached.rows)
        used = {name for other in self._attached.values() for name in other.objects}
        self._ask("detach", objects=[name for name in attached.objects if name not in used])

    def add_target(
        self,
        *,
        pid: int | None = None,
        command: str | None = None,
        cgroup: str | None = None,
        container: str | None = None,
        follow: bool = True,
    ) -> None:
        """Whom the probes concern; exactly one of them. Children of targets follow unless told otherwise.

        Args:
            command: the first 15 bytes of the program's name: those that run and those that start later.
            cgroup: a path below the unified hierarchy, with all below it.
            container: a container's id, or its first characters.

        Raises:
            EbpfError: there is no such process, cgroup or container.
        """
        self._targets.add(pid=pid, command=command, cgroup=cgroup, container=container, follow=follow)
        if pid is not None:  # known by name even if it ends before it does anything
            self.spans.processes.get(pid, time.clock_gettime_ns(time.CLOCK_MONOTONIC))

    def remove_target(
        self, *, pid: int | None = None, command: str | None = None, cgroup: str | None = None
    ) -> None:
        """The reverse of `add_target`; the probes stay."""
        self._targets.remove(pid=pid, command=command, cgroup=cgroup)

    def start(self) -> None:
        """Loads what was attached and begins."""
        if self._helper is not None:
            return
        helper = HelperClient.connect(self._socket) if self._socket else HelperClient.start()
        self._helper = helper
        try:
            self._load(_CORE, required=True)
            self._rings = helper.rings(self._ring_bytes, self._ring_bytes)
            for ring in self._rings:
                self._poll.register(ring.fd, select.EPOLLIN | select.EPOLLET)
            self._ask("probes", probes=self._table.encoded())
            self._load(dict.fromkeys(name for a in self._attached.values() for name in a.objects))
            self._targets.begin()
            if self._tls_wanted:
                for path in system_libraries():
                    self._tls.probe_file(path)
                self._probe_tls()
        except EbpfError:
            self.stop()
            raise

    def stop(self) -> list[ResourceSpans]:
        """Detaches everything and returns the last spans: what is in the rings, and the processes' own."""
        last: list[ResourceSpans] = []
        if self._rings is not None:
            last = self.collect_spans() + self.spans.finish()
            for ring in self._rings:
                self._poll.unregister(ring.fd)
                ring.close()
            self._rings = None
        if self._helper is not None:
            self._helper.close()
            self._helper = None
        return last

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def collect_events(self, timeout: float = 0.0, limit: int = 65536) -> Batch:
        """Waits up to `timeout` seconds for something, then drains up to `limit` records of each ring."""
        events, messages = [ring.drain(limit) for ring in self._wait(timeout)]
        self._drained += len(events) + len(messages)
        return Batch(events, messages)

    def collect_spans(self, timeout: float = 0.0) -> list[ResourceSpans]:
        """The same as OTLP spans."""
        return self.spans.build(*self._take(timeout))

    def collect_encoded(self, timeout: float = 0.0) -> tuple[bytes, int]:
        """The same as an ExportTraceServiceRequest, the quickest way; and how many spans it has."""
        return self.spans.encode(*self._take(timeout))

    def _wait(self, timeout: float) -> tuple[Ring, Ring]:
        if self._rings is None:
            raise EbpfError("the tracer is not started")
        if self._tls_wanted and time.monotonic() >= self._tls_next:
            self._probe_tls()
        if timeout > 0 and not any(ring.pending_bytes for ring in self._rings):
            self._poll.poll(timeout)
        return self._rings

    def _take(self, timeout: float) -> tuple[list[Event], list[Message]]:
        events, messages = [ring.take() for ring in self._wait(timeout)]
        self._drained += len(events) + len(messages)
        return events_of(events), messages_of(messages)

    def collect_metrics(self) -> list[Metric]:
        """Durations counted in the kernel as exponential histograms (ns, cumulative)."""
        found, now = self._ask("histograms")["histograms"], time.time_ns()
        return [to_metric(int(k), v, self._names, now) for k, v in found.items()]

    def page_faults(self) -> dict[int, int]:
        """Page faults by process, counted in the kernel since `attach_memory`."""
        return read_counts(self._need_started("page_faults"), "memory")

    def dropped_packets(self) -> dict[int, int]:
        """Packets of traced connections that the kernel dropped, by ``enum skb_drop_reason``."""
        return read_counts(self._need_started("dropped_packets"), "drops")

    def statistics(self) -> dict[str, int]:
        """Events drained, events dropped because a ring was full, threads that found no room."""
        return {"events": self._drained, **self._ask("counters")["counters"]}

    def probes(self) -> dict[int, tuple[str, str]]:
        """What is attached: (what it probes, the mechanism) by id."""
        return {number: (a.name, a.mechanism) for number, a in self._attached.items()}

    @property
    def helper_pid(self) -> int | None:
        return self._helper.pid if self._helper else None

    def _probe_tls(self) -> None:
        """Looks whether targets have mapped an OpenSSL that is not probed yet."""
        self._tls_next = time.monotonic() + _TLS_EVERY_S
        self._tls.probe_processes(int(pid) for pid in self._ask("targets")["targets"])
        self.refused |= self._tls.refused

    def _ask(self, operation: str, **arguments: Any) -> dict[str, Any]:
        return self._need_started(operation).ask(operation, **arguments)

    def _need_started(self, what: str) -> HelperClient:
        if self._helper is None:
            raise EbpfError(f"{what}: start the tracer first")
        return self._helper

    def _load(self, objects: Iterable[str], *, required: bool = False) -> None:
        names = list(objects)
        sizes = {"events": self._ring_bytes, "messages": self._ring_bytes}
        settings = {"sample_threshold": struct.pack("=Q", self._threshold).hex(), "watching": "01"}
        refused = self._ask("load", objects=names, sizes=sizes, settings=settings)["refused"]
        if required and refused:
            raise EbpfUnavailable("; ".join(f"{name}: {why}" for name, why in refused.items()))
        fresh = [name for name in names if name not in refused]
        self.refused |= refused
        self.refused |= self._ask("attach", objects=fresh)["refused"]
        if refused:
            raise ProbeRefused("; ".join(f"{name}: {why}" for name, why in refused.items()))

    def _send_rows(self, rows: Iterable[int]) -> None:
        self._ask("probes", probes={str(r): self._table.rows[r].row() for r in rows})

    def _read_stacks(self, ids: list[int]) -> dict[int, list[int]]:
        return {int(k): v for k, v in self._ask("stacks", ids=ids)["stacks"].items()}
