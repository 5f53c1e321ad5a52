"""Exemplars: which measurements may become one, and which of them are kept.

Source: OpenTelemetry specification, metrics SDK, "Exemplar".
"""

import random
from abc import ABC, abstractmethod
from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from opentelemetry.context import Context
from opentelemetry.trace import SpanContext, get_current_span

from wasm_sdk.otlp import model
from wasm_sdk.otlp.values import KeyValues

ExemplarFilter = Callable[[Context | None], bool]
"""Whether a measurement made in a context (`None`: the current one) may become an exemplar."""


def always_on(context: Context | None) -> bool:
    """Every measurement may."""
    return True


def always_off(context: Context | None) -> bool:
    """None may: exemplars are switched off, and cost nothing."""
    return False


def trace_based(context: Context | None) -> bool:
    """Those may that are made within a sampled span. The default."""
    return get_current_span(context).get_span_context().trace_flags.sampled


EXEMPLAR_FILTERS: Mapping[str, ExemplarFilter] = {
    "always_on": always_on,
    "always_off": always_off,
    "trace_based": trace_based,
}


class Measurement(NamedTuple):
    """A measurement with all its attributes, `time` in Unix nanoseconds, and the span that it was made in."""

    value: int | float
    attributes: Mapping[str, Any]
    time: int
    span: SpanContext

    def exemplar(self, kept: Mapping[str, Any]) -> model.Exemplar:
        """As an exemplar of a point that has the attributes `kept`: it carries the others."""
        rest = {key: value for key, value in self.attributes.items() if key not in kept}
        valid = self.span.is_valid
        return model.Exemplar(
            KeyValues.of(rest),
            self.time,
            self.value,
            self.span.span_id.to_bytes(8, "big") if valid else b"",
            self.span.trace_id.to_bytes(16, "big") if valid else b"",
        )


class ExemplarReservoir(ABC):
    """Keeps some of the measurements of one time series until they are collected."""

    @abstractmethod
    def offer(
        self, value: int | float, time: int, attributes: Mapping[str, Any], context: Context | None
    ) -> None:
        """A measurement with its complete attributes, at `time` in Unix nanoseconds, in `context` or the
        current one.
        """

    @abstractmethod
    def collect(self) -> list[Measurement]:
        """What was kept since the last collection; the reservoir starts anew."""


class SimpleFixedSizeExemplarReservoir(ExemplarReservoir):
    """Keeps `size` measurements, each of those offered with the same probability (reservoir sampling)."""

    def __init__(self, size: int = 1) -> None:
        self._size = size
        self._kept: list[Measurement] = []
        self._seen = 0

    def offer(
        self, value: int | float, time: int, attributes: Mapping[str, Any], context: Context | None
    ) -> None:
        place = self._seen if self._seen < self._size else random.randint(0, self._seen)
        self._seen += 1
        if place < self._size:
            self._kept[place : place + 1] = [_measured(value, time, attributes, context)]

    def collect(self) -> list[Measurement]:
        kept, self._kept, self._seen = self._kept, [], 0
        return kept


class AlignedHistogramBucketExemplarReservoir(ExemplarReservoir):
    """Keeps the last measurement of each bucket of an explicit histogram."""

    def __init__(self, boundaries: Sequence[float]) -> None:
        self._boundaries = boundaries
        self._kept: dict[int, Measurement] = {}

    def offer(
        self, value: int | float, time: int, attributes: Mapping[str, Any], context: Context | None
    ) -> None:
        bucket = bisect_left(self._boundaries, value)
        self._kept[bucket] = _measured(value, time, attributes, context)

    def collect(self) -> list[Measurement]:
        kept, self._kept = self._kept, {}
        return [kept[bucket] for bucket in sorted(kept)]


def _measured(
    value: int | float, time: int, attributes: Mapping[str, Any], context: Context | None
) -> Measurement:
    return Measurement(value, dict(attributes), time, get_current_span(context).get_span_context())
