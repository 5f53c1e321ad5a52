"""Kernel tracing as a part of the agent: what it sees enters through the agent's own door, like anyone's."""

from __future__ import annotations

import asyncio
import logging
import threading
import time

from host_agent.ebpf.errors import EbpfError, HelperGone
from host_agent.ebpf.exporter import Exporter
from host_agent.ebpf.settings import KernelConfig
from host_agent.ebpf.tracer import EbpfTracer

logger = logging.getLogger(__name__)

EVERY = 0.2  # seconds that spans are gathered before they are sent
METRICS_EVERY = 10.0  # seconds


class KernelTracing:
    """Runs in a thread of its own between `start` and `stop`.

    Args:
        url: the agent's OTLP/HTTP address.
    """

    def __init__(self, config: KernelConfig, url: str) -> None:
        self._config = config
        self._exporter = Exporter(url)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="kernel tracing")
        self._tracer: EbpfTracer | None = None

    async def start(self) -> None:
        """Attaches; an agent that may not goes on without, and says why."""
        try:
            await asyncio.to_thread(self._attach)
        except EbpfError as error:
            logger.warning("kernel tracing is off: %s (`spanweave doctor` says more)", error)
            return
        self._thread.start()

    async def stop(self) -> None:
        """Detaches, and sends what was still underway."""
        self._stopping.set()
        if self._thread.is_alive():
            await asyncio.to_thread(self._thread.join)

    def _attach(self) -> None:
        config = self._config
        tracer = EbpfTracer(helper_socket=config.helper, sample_ratio=config.sample_ratio)
        plan = config.plan()
        plan.attach(tracer)
        for command in config.targets.commands:
            tracer.add_target(command=command)
        for cgroup in config.targets.cgroups:
            tracer.add_target(cgroup=cgroup)
        for container in config.targets.containers:
            tracer.add_target(container=container)
        tracer.start()
        for what, why in (tracer.refused | plan.attach_functions(tracer)).items():
            logger.warning("not attached: %s: %s", what, why)
        self._tracer = tracer

    def _run(self) -> None:
        tracer = self._tracer
        assert tracer is not None
        next_metrics = time.monotonic() + METRICS_EVERY
        try:
            while not self._stopping.wait(EVERY):
                self._exporter.encoded_traces(*tracer.collect_encoded())
                if time.monotonic() >= next_metrics:
                    next_metrics += METRICS_EVERY
                    self._exporter.metrics(tracer.collect_metrics())
                    self._warn_of_losses(tracer)
        except HelperGone as error:
            logger.warning("kernel tracing is off: %s", error)
        finally:
            self._exporter.traces(tracer.stop())

    def _warn_of_losses(self, tracer: EbpfTracer) -> None:
        statistics = tracer.statistics()
        lost = statistics["dropped_events"] + statistics["dropped_messages"]
        if lost or self._exporter.lost:
            logger.warning("kernel tracing: %d events dropped, %d spans not sent", lost, self._exporter.lost)
