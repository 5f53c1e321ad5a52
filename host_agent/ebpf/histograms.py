"""Durations that the kernel counted, as OTLP exponential histograms."""

from __future__ import annotations

from typing import Any

from host_agent.ebpf.describe import FunctionName
from host_agent.ebpf.layout import SYSCALL_PROBES, Kind
from host_agent.ebpf.machine import syscall_names
from wasm_sdk.otlp import (
    AggregationTemporality,
    Buckets,
    ExponentialHistogram,
    ExponentialHistogramDataPoint,
    KeyValues,
    Metric,
)

SCALE = 2
"""Of bpf/histogram.h: four buckets to a power of two."""


def to_metric(probe: int, counted: dict[str, Any], names: dict[int, FunctionName], now_ns: int) -> Metric:
    """One probe's durations in nanoseconds (cumulative since the probe was attached).

    Args:
        counted: ``count``, ``sum``, ``zero``, ``max`` and ``buckets`` as the helper merged them.
    """
    buckets = list(counted["buckets"])
    first = next((i for i, n in enumerate(buckets) if n), 0)
    last = max((i for i, n in enumerate(buckets) if n), default=-1)
    point = ExponentialHistogramDataPoint(
        attributes=KeyValues.of(attributes(probe, names)),
        time_unix_nano=now_ns,
        count=counted["count"],
        sum=float(counted["sum"]),
        scale=SCALE,
        zero_count=counted["zero"],
        positive=Buckets(offset=first, bucket_counts=buckets[first : last + 1]),
        max=float(counted["max"]),
    )
    return Metric(
        name="spanweave.kernel.duration",
        description="Time from entry to return, counted in the kernel",
        unit="ns",
        data=ExponentialHistogram(
            data_points=[point], aggregation_temporality=AggregationTemporality.CUMULATIVE
        ),
    )


def attributes(probe: int, names: dict[int, FunctionName]) -> dict[str, str]:
    """What identifies the probe."""
    if probe in names:
        return {"code.function.name": names[probe].name}
    if probe < SYSCALL_PROBES:
        return {"linux.syscall.name": syscall_names().get(probe, str(probe))}
    return {"spanweave.probe.kind": Kind(probe - SYSCALL_PROBES).name.lower()}
