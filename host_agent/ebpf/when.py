"""When a probe emits an event, and what the event carries besides."""

from __future__ import annotations

from dataclasses import dataclass

from host_agent.ebpf.layout import ProbeFlag


@dataclass(frozen=True, slots=True)
class When:
    """When a probe emits, and what besides.

    Attributes:
        min_duration_ns: shorter calls emit nothing.
        emit: False counts durations in the kernel only.
        histogram: count durations in the kernel, for `EbpfTracer.collect_metrics`.
        failed_only: only calls that failed.
        user_stack, kernel_stack: where the call came from.
    """

    min_duration_ns: int = 0
    emit: bool = True
    histogram: bool = False
    failed_only: bool = False
    user_stack: bool = False
    kernel_stack: bool = False

    @property
    def flags(self) -> int:
        chosen = (
            (self.emit, ProbeFlag.EMIT),
            (self.histogram, ProbeFlag.HISTOGRAM),
            (self.failed_only, ProbeFlag.FAILED_ONLY),
            (self.user_stack, ProbeFlag.USER_STACK),
            (self.kernel_stack, ProbeFlag.KERNEL_STACK),
        )
        return sum(flag for on, flag in chosen if on)
