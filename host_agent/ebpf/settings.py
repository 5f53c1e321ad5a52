"""The `kernel` section of the agent's configuration. Guide: docs/kernel.md."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from host_agent.config_types import Section
from host_agent.ebpf.plan import Plan
from host_agent.ebpf.when import When


class KernelTargets(Section):
    """Whom the agent watches from the kernel; with nothing named, nobody."""

    commands: tuple[str, ...] = Field(default=(), description="names of programs, running or started later")
    cgroups: tuple[str, ...] = Field(default=(), description="paths below the unified hierarchy")
    containers: tuple[str, ...] = Field(default=(), description="ids of containers")

    @property
    def empty(self) -> bool:
        return not (self.commands or self.cgroups or self.containers)


class KernelConfig(Section):
    """What is probed; nothing is loaded until a target is named."""

    targets: KernelTargets = KernelTargets()
    helper: Path | None = Field(default=None, description="socket of a probe helper; none: start one (root)")
    http: bool = Field(default=True, description="HTTP, PostgreSQL, Redis and DNS requests")
    tls: bool = Field(default=True, description="requests inside OpenSSL")
    connections: bool = False
    files: bool = False
    memory: bool = False
    syscalls: tuple[str, ...] = Field(default=(), description="names of system calls, or all")
    functions: tuple[str, ...] = ()
    min_duration_us: Annotated[float, Field(ge=0)] = 0
    stacks: bool = False
    sample_ratio: Annotated[float, Field(ge=0, le=1)] = Field(
        default=1.0, description="of the traces that begin here"
    )
    histograms: bool = Field(default=False, description="also count durations in the kernel")

    def plan(self) -> Plan:
        """What to attach."""
        return Plan(
            http=self.http,
            tls=self.tls,
            connections=self.connections,
            files=self.files,
            memory=self.memory,
            syscalls=self.syscalls,
            functions=self.functions,
            when=When(
                min_duration_ns=round(self.min_duration_us * 1000),
                histogram=self.histograms,
                user_stack=self.stacks,
                kernel_stack=self.stacks,
            ),
        )
