"""What the user asked to trace, on the command line or in the agent's configuration."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from host_agent.ebpf.errors import ProbeRefused
from host_agent.ebpf.when import When

if TYPE_CHECKING:  # NumPy is there on Linux only, the configuration everywhere
    from host_agent.ebpf.tracer import EbpfTracer


@dataclass(frozen=True, slots=True)
class Plan:
    """Which kinds of probes, and when they emit.

    Attributes:
        syscalls: names, or ``("all",)``.
        functions: specifications of `EbpfTracer.attach_function`.
        allocations: follow one malloc in this many; 0: none.
    """

    http: bool = False
    connections: bool = False
    traffic: bool = False
    tls: bool = True
    files: bool = False
    memory: bool = False
    faults: bool = False
    syscalls: tuple[str, ...] = ()
    functions: tuple[str, ...] = ()
    allocations: int = 0
    when: When = field(default_factory=When)

    def attach(self, tracer: EbpfTracer) -> None:
        """Attaches everything but functions, before `EbpfTracer.start`."""
        if self.http or self.connections or self.traffic:
            tracer.attach_network(
                self.when,
                requests=self.http,
                connections=self.connections,
                traffic=self.traffic,
                tls=self.tls,
            )
        else:  # the context of requests is carried whether or not they are shown
            tracer.attach_network(When(emit=False), requests=False, tls=False)
        if self.files:
            tracer.attach_file_io(self.when)
        if self.memory or self.faults:
            tracer.attach_memory(self.when, faults=self.faults)
        if self.syscalls:
            tracer.attach_syscall(None if "all" in self.syscalls else self.syscalls, self.when)

    def attach_functions(self, tracer: EbpfTracer) -> dict[str, str]:
        """Attaches functions, after `EbpfTracer.start`; returns what was refused and why."""
        refused = {}
        if self.allocations:
            try:
                tracer.attach_allocations(one_in=self.allocations)
            except ProbeRefused as error:
                refused["allocations"] = str(error)
        for spec in self.functions:
            try:
                tracer.attach_function(spec, self.when)
            except ProbeRefused as error:
                refused[spec] = str(error)
        return refused
