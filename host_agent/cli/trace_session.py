"""One run of `spanweave trace`: with BPF, or with /proc alone."""

import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from host_agent.cli.tree import format_duration
from host_agent.ebpf.plan import Plan
from host_agent.ebpf.tracer import EbpfTracer
from host_agent.ebpf.when import When
from host_agent.ebpf.without_bpf import ProcWatcher
from wasm_sdk.otlp import ExponentialHistogram, Metric, ResourceSpans

_UNITS = {"ns": 1, "us": 1_000, "ms": 1_000_000, "s": 1_000_000_000}
_KINDS = ("files", "memory", "faults", "connections", "traffic", "functions", "allocations")
STEP_S = 0.2


def duration_ns(text: str) -> int:
    """``250us`` in nanoseconds.

    Raises:
        click.UsageError: no number with a unit.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)(ns|us|ms|s)", text.strip())
    if match is None:
        raise click.UsageError(f"“{text}” is no duration: write 250us, 10ms or 1s")
    return round(float(match[1]) * _UNITS[match[2]])


def make_plan(options: Mapping[str, Any]) -> Plan:
    """The options as a plan; without any kind of probe, requests."""
    syscalls = tuple(name.strip() for name in (options["syscalls"] or "").split(",") if name.strip())
    others = any(options[k] for k in _KINDS)
    http = options["http"] if options["http"] is not None else not (others or syscalls)
    return Plan(
        http=http,
        connections=options["connections"],
        traffic=options["traffic"],
        tls=options["tls"],
        files=options["files"],
        memory=options["memory"],
        faults=options["faults"],
        syscalls=syscalls,
        functions=options["functions"],
        allocations=options["allocations"],
        when=When(
            min_duration_ns=duration_ns(options["min_duration"]),
            emit=not options["histogram"],
            histogram=options["histogram"],
            failed_only=options["failed"],
            user_stack=options["stacks"],
            kernel_stack=options["stacks"],
        ),
    )


class TraceSession:
    """Starts, steps and stops; spans go to `show` as they come."""

    def __init__(
        self, plan: Plan, options: Mapping[str, Any], show: Callable[[list[ResourceSpans]], None]
    ) -> None:
        self._plan = plan
        self._options = options
        self._show = show
        self._tracer: EbpfTracer | None = None
        self._watcher: ProcWatcher | None = None
        self._pids: tuple[int, ...] = ()
        self._open_ended = False
        self.metrics: list[Metric] = []

    def start(
        self,
        pids: tuple[int, ...],
        commands: Iterable[str],
        cgroups: Iterable[str],
        containers: Iterable[str],
    ) -> None:
        """Attaches the plan to the targets."""
        self._pids = pids
        tracer = EbpfTracer(helper_socket=self._options["helper"], sample_ratio=self._options["sample"])
        self._plan.attach(tracer)
        follow = not self._options["no_follow"]
        for pid in pids:
            tracer.add_target(pid=pid, follow=follow)
        for option, values in (("command", commands), ("cgroup", cgroups), ("container", containers)):
            for value in values:
                named: dict[str, Any] = {option: value}
                tracer.add_target(**named, follow=follow)
                self._open_ended = True
        tracer.start()
        self._tracer = tracer
        for what, why in (tracer.refused | self._plan.attach_functions(tracer)).items():
            click.echo(f"not attached: {what}: {why}", err=True)

    def start_without_bpf(self, pids: Iterable[int]) -> None:
        self._watcher = ProcWatcher(pids)

    def start_program(self, program: tuple[str, ...]) -> "subprocess.Popen[bytes]":
        """Starts a program stopped, makes it a target, and lets it go."""
        if shutil.which(program[0]) is None:
            raise click.UsageError(f"there is no program {program[0]}")
        stopped = ["/bin/sh", "-c", 'kill -STOP $$; exec "$@"', "sh", *program]
        child = subprocess.Popen(stopped)
        os.waitpid(child.pid, os.WUNTRACED)
        self._pids = (*self._pids, child.pid)
        if self._tracer:
            self._tracer.add_target(pid=child.pid, follow=not self._options["no_follow"])
        elif self._watcher:
            self._watcher = ProcWatcher(self._pids)
        child.send_signal(signal.SIGCONT)
        return child

    def alive(self) -> bool:
        """Whether anything can still come."""
        return self._open_ended or any(Path(f"/proc/{pid}").exists() for pid in self._pids)

    def step(self) -> None:
        """Waits a moment for spans and shows them."""
        if self._tracer:
            self._show(self._tracer.collect_spans(STEP_S))
        elif self._watcher:
            time.sleep(STEP_S)
            self._show(self._watcher.look())

    def stop(self) -> int:
        """Detaches; returns how many events were dropped."""
        lost = 0
        if self._tracer:
            try:
                statistics = self._tracer.statistics()
                lost = statistics["dropped_events"] + statistics["dropped_messages"]
                self.metrics = self._tracer.collect_metrics()
            finally:
                self._show(self._tracer.stop())
        elif self._watcher:
            self._show(self._watcher.finish())
        return lost

    def print_histograms(self, say: Callable[[str], None]) -> None:
        """Count, mean and maximum of each probe, the busiest first."""
        rows = []
        for metric in self.metrics:
            if isinstance(metric.data, ExponentialHistogram):
                point = metric.data.data_points[0]
                name = ", ".join(str(v) for v in point.attributes.as_dict().values())
                rows.append((point.count, name, (point.sum or 0) / max(1, point.count), point.max or 0))
        for count, name, mean, most in sorted(rows, reverse=True):
            say(f"{count:>9}  {name:<28} mean {_shown(mean):>9}  max {_shown(most)}")


def _shown(nanoseconds: float) -> str:
    return format_duration(round(nanoseconds))
