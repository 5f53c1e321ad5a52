"""The kinds of instruments and what follows from each. Source: OpenTelemetry specification, metrics API and
SDK.
"""

from enum import Enum

from wasm_sdk.otlp.model import AggregationTemporality


class InstrumentKind(Enum):
    """A kind of instrument; the value is its name in the API."""

    COUNTER = "Counter"
    UP_DOWN_COUNTER = "UpDownCounter"
    HISTOGRAM = "Histogram"
    GAUGE = "Gauge"
    OBSERVABLE_COUNTER = "ObservableCounter"
    OBSERVABLE_UP_DOWN_COUNTER = "ObservableUpDownCounter"
    OBSERVABLE_GAUGE = "ObservableGauge"

    @property
    def observable(self) -> bool:
        """Whether callbacks report it."""
        return self.value.startswith("Observable")

    @property
    def monotonic(self) -> bool:
        """Whether its sum never falls."""
        return self in (InstrumentKind.COUNTER, InstrumentKind.OBSERVABLE_COUNTER, InstrumentKind.HISTOGRAM)


Temporality = AggregationTemporality
CUMULATIVE = AggregationTemporality.CUMULATIVE
DELTA = AggregationTemporality.DELTA

_UP_DOWN = (InstrumentKind.UP_DOWN_COUNTER, InstrumentKind.OBSERVABLE_UP_DOWN_COUNTER)


def preferred_temporality(preference: str, kind: InstrumentKind) -> Temporality:
    """The temporality that `cumulative`, `delta` or `lowmemory` means for a kind.

    Source: OpenTelemetry specification, "Metrics Exporter - OTLP", temporality preference.

    Raises:
        ValueError: There is no such preference.
    """
    if preference == "cumulative" or (preference in ("delta", "lowmemory") and kind in _UP_DOWN):
        return CUMULATIVE
    if preference == "delta":
        return DELTA
    if preference == "lowmemory":
        return CUMULATIVE if kind is InstrumentKind.OBSERVABLE_COUNTER else DELTA
    raise ValueError(f"a temporality preference is cumulative, delta or lowmemory, not {preference!r}")
