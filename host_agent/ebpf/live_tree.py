"""Traces as they come, printed as trees once they are quiet."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace

from host_agent.cli.tree import render_tree
from wasm_sdk.otlp import ResourceSpans, ScopeSpans, Span, TracesData

_DETAILS = (
    "url.path",
    "http.response.status_code",
    "file.path",
    "file.io.bytes",
    "linux.syscall.argument.path",
    "linux.syscall.argument.address",
    "linux.syscall.argument.fd",
    "db.query.text",
    "dns.question.name",
    "network.io.bytes",
)
QUIET_S = 0.3
MOST_SPANS = 400
"""A trace that grows larger (a process that never ends) is printed in parts."""


class LiveTree:
    """Collects spans by trace.

    Args:
        show: is given a finished tree's lines.
        clock: seconds, monotonic.
    """

    def __init__(
        self, show: Callable[[list[str]], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._show = show
        self._clock = clock
        self._open: dict[bytes, tuple[float, list[ResourceSpans], int]] = {}

    def add(self, groups: Iterable[ResourceSpans]) -> None:
        """Takes spans; those of one group may belong to several traces."""
        now = self._clock()
        for group in groups:
            for scope in group.scope_spans:
                by_trace: dict[bytes, list[int]] = {}
                for index, span in enumerate(scope.spans):
                    by_trace.setdefault(span.trace_id, []).append(index)
                for trace_id, indexes in by_trace.items():
                    spans = [_labelled(scope.spans[i]) for i in indexes]
                    part = ResourceSpans(resource=group.resource, scope_spans=[ScopeSpans(spans=spans)])
                    _, parts, count = self._open.get(trace_id, (now, [], 0))
                    self._open[trace_id] = (now, [*parts, part], count + len(indexes))

    def print_quiet(self, *, everything: bool = False) -> None:
        """Prints the traces that have been quiet for a while, or all of them."""
        now = self._clock()
        for trace_id, (last, parts, count) in list(self._open.items()):
            if everything or now - last >= QUIET_S or count >= MOST_SPANS:
                del self._open[trace_id]
                self._show([f"trace {trace_id.hex()}", *render_tree(TracesData(resource_spans=parts))])


def _labelled(span: Span) -> Span:
    """The span with what tells it from its like in its name, for a terminal."""
    details = [str(span.attributes[key]) for key in _DETAILS if span.attributes.get(key) is not None]
    if span.links:
        details.append(f"(perhaps of {span.links[0].span_id.hex()})")
    return replace(span, name=" ".join([span.name, *details]))
