"""Waiting for spans without sleeping longer than it takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from host_agent.ebpf.tracer import EbpfTracer
from wasm_sdk.otlp import ResourceSpans, Span


def flat(groups: Iterable[ResourceSpans]) -> list[Span]:
    return [span for group in groups for scope in group.scope_spans for span in scope.spans]


def collect_until(
    tracer: EbpfTracer, enough: Callable[[list[Span]], bool], seconds: float = 10.0
) -> list[Span]:
    """Collects until `enough`, or fails with what there was."""
    found: list[Span] = []
    end = time.monotonic() + seconds
    while not enough(found):
        assert time.monotonic() < end, f"only {[s.name for s in found]}"
        found += flat(tracer.collect_spans(0.1))
    return found + flat(tracer.collect_spans())
