"""Samplers. Source: OpenTelemetry specification, trace SDK, "Sampling"; "TraceState: Probability Sampling".

A sampler that decides by probability writes its threshold into tracestate (`ot=th:...`); one that passes a
decision on keeps the threshold that came with it; one whose probability is not known erases it.
"""

import logging
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from enum import Enum
from types import MappingProxyType
from typing import Any

from opentelemetry.context import Context
from opentelemetry.trace import Link, SpanContext, SpanKind, TraceState, get_current_span

from wasm_sdk.propagation.trace_state import W3CTraceState
from wasm_sdk.sampling import threshold as thresholds

_log = logging.getLogger(__name__)

Attributes = Mapping[str, Any] | None
_NO_ATTRIBUTES: Mapping[str, Any] = MappingProxyType({})
_NO_STATE = TraceState()


class Decision(Enum):
    """What happens to a span that is about to start."""

    DROP = 0
    RECORD_ONLY = 1
    RECORD_AND_SAMPLE = 2

    def is_recording(self) -> bool:
        return self is not Decision.DROP

    def is_sampled(self) -> bool:
        return self is Decision.RECORD_AND_SAMPLE


class SamplingResult:
    """A decision, the attributes that the span gets with it, and the tracestate of its context."""

    __slots__ = ("attributes", "decision", "trace_state")

    def __init__(
        self, decision: Decision, attributes: Attributes = None, trace_state: TraceState | None = None
    ) -> None:
        self.decision = decision
        self.attributes = attributes or _NO_ATTRIBUTES
        self.trace_state = trace_state


class Sampler(ABC):
    """Decides before a span starts; the interface is opentelemetry-sdk's, so its samplers work too.

    A result's attributes include those that the span is started with, unless the sampler takes them away.
    """

    @abstractmethod
    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Judge the span; its parent is in `parent_context` (`None`: the current context)."""

    @abstractmethod
    def get_description(self) -> str:
        """The sampler and its configuration."""


class _AlwaysOn(Sampler):
    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        state = parent_state(parent_context)
        if state and thresholds.threshold(state.get("ot")) is not None:
            state = set_threshold(state, 0)  # whatever the parent's probability was, this span's is 1
        return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes, state)

    def get_description(self) -> str:
        return "AlwaysOnSampler"


class _AlwaysOff(Sampler):
    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        return SamplingResult(Decision.DROP, None, set_threshold(parent_state(parent_context), None))

    def get_description(self) -> str:
        return "AlwaysOffSampler"


ALWAYS_ON: Sampler = _AlwaysOn()
"""Samples every span."""

ALWAYS_OFF: Sampler = _AlwaysOff()
"""Drops every span."""


class ProbabilitySampler(Sampler):
    """Samples a share of all traces, consistently: whoever samples a larger share has all of these.

    Args:
        ratio: Between 2**-56 and 1; 0 drops all.

    Raises:
        ValueError: `ratio` is out of range.
    """

    def __init__(self, ratio: float) -> None:
        self.ratio = float(ratio)
        self.threshold = thresholds.from_probability(self.ratio) if ratio else thresholds.MAX_THRESHOLD
        self._warned = False

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        parent = get_current_span(parent_context).get_span_context()
        state = parent.trace_state if parent.is_valid else None
        entry = state.get("ot") if state else None
        if parent.is_valid and not parent.trace_flags.random_trace_id and not self._warned:
            self._warn_unless_explicit(entry)
        if thresholds.randomness(trace_id, entry) < self.threshold:
            return SamplingResult(Decision.DROP, None, set_threshold(state, None))
        return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes, set_threshold(state, self.threshold))

    def _warn_unless_explicit(self, entry: str | None) -> None:
        if entry is None or thresholds.parse_randomness(thresholds.subkeys(entry).get("rv", "")) is None:
            self._warned = True
            _log.warning(
                "%s takes the trace ids of its callers for random, though they do not say so: upgrade them "
                "to W3C Trace Context level 2",
                self.get_description(),
            )

    def get_description(self) -> str:
        return f"ProbabilitySampler{{{self.ratio}}}"


class TraceIdRatioBased(ProbabilitySampler):
    """`ProbabilitySampler` under the name that configuration knows it by."""

    def get_description(self) -> str:
        return f"TraceIdRatioBased{{{self.ratio}}}"


class ParentBased(Sampler):
    """Does what the parent's sampled flag says; asks `root` where there is no parent.

    The other arguments replace the answer to one kind of parent each.
    """

    def __init__(
        self,
        root: Sampler,
        remote_parent_sampled: Sampler = ALWAYS_ON,
        remote_parent_not_sampled: Sampler = ALWAYS_OFF,
        local_parent_sampled: Sampler = ALWAYS_ON,
        local_parent_not_sampled: Sampler = ALWAYS_OFF,
    ) -> None:
        self._root = root
        self._delegates = {
            (True, True): remote_parent_sampled,
            (True, False): remote_parent_not_sampled,
            (False, True): local_parent_sampled,
            (False, False): local_parent_not_sampled,
        }
        self.inherits_locally = local_parent_sampled is ALWAYS_ON
        """Whether a span with a local, sampled parent is sampled without being looked at."""
        self.keeps_roots = root is ALWAYS_ON
        """Whether a span without a parent is."""

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        parent = get_current_span(parent_context).get_span_context()
        if not parent.is_valid:
            sampler = self._root
        else:
            sampler = self._delegates[parent.is_remote, parent.trace_flags.sampled]
            if sampler is ALWAYS_ON and parent.trace_flags.sampled:
                return SamplingResult(Decision.RECORD_AND_SAMPLE, attributes, _inherited_state(parent))
        return sampler.should_sample(parent_context, trace_id, name, kind, attributes, links)

    def get_description(self) -> str:
        names = {
            "root": self._root,
            "remoteParentSampled": self._delegates[True, True],
            "remoteParentNotSampled": self._delegates[True, False],
            "localParentSampled": self._delegates[False, True],
            "localParentNotSampled": self._delegates[False, False],
        }
        inner = ",".join(f"{name}:{sampler.get_description()}" for name, sampler in names.items())
        return f"ParentBased{{{inner}}}"


class AlwaysRecord(Sampler):
    """Records what `root` would drop, for processors that want to see every span; sampling stays `root`'s."""

    def __init__(self, root: Sampler) -> None:
        self._root = root

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        result = self._root.should_sample(parent_context, trace_id, name, kind, attributes, links)
        if result.decision.is_recording():
            return result
        return SamplingResult(Decision.RECORD_ONLY, attributes, result.trace_state)

    def get_description(self) -> str:
        return f"AlwaysRecord{{{self._root.get_description()}}}"


def parent_state(context: Context | None) -> TraceState | None:
    """The tracestate of the parent in `context`, `None` without a valid parent."""
    parent = get_current_span(context).get_span_context()
    return parent.trace_state if parent.is_valid else None


def set_threshold(state: TraceState | None, threshold: int | None) -> TraceState | None:
    """`state` with `th` in its `ot` entry set, or erased for `None`."""
    entry = state.get("ot") if state else None
    if threshold is None and (entry is None or "th" not in thresholds.subkeys(entry)):
        return state
    changed = thresholds.with_threshold(entry, threshold)
    ours = W3CTraceState.adopt(state or _NO_STATE)
    return ours.delete("ot") if changed is None else ours.update("ot", changed)


def _inherited_state(parent: SpanContext) -> TraceState:
    """The parent's tracestate, without a threshold that its own sampled flag contradicts."""
    state = parent.trace_state
    entry = state.get("ot") if state else None
    limit = thresholds.threshold(entry)
    if limit is not None and thresholds.randomness(parent.trace_id, entry) < limit:
        return set_threshold(state, None) or _NO_STATE
    return state
