"""Makes instruments. Source: OpenTelemetry specification, metrics SDK, "Meter"."""

import logging
import re
from collections.abc import Callable, Sequence
from itertools import pairwise
from math import isfinite
from typing import TypeVar

from opentelemetry import metrics as api

from wasm_sdk.sdk.metrics.instrument import (
    CallbackOrGenerator,
    Counter,
    Gauge,
    Histogram,
    Identity,
    Observable,
    ObservableCounter,
    ObservableGauge,
    ObservableUpDownCounter,
    UpDownCounter,
    _Synchronous,
)
from wasm_sdk.sdk.metrics.kinds import InstrumentKind
from wasm_sdk.sdk.metrics.pulse import Pulse
from wasm_sdk.sdk.scope import InstrumentationScope

_log = logging.getLogger(__name__)

Instrument = _Synchronous | Observable
Advice = Sequence[float] | None
S = TypeVar("S", bound=_Synchronous)
O = TypeVar("O", bound=Observable)  # noqa: E741

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_./\-]{0,254}")


class Meter(api.Meter):
    """Made by `MeterProvider.get_meter`.

    Equal instruments are one; instruments that share only the name are both kept, with a warning. `register`
    tells the provider of each new one, with the histogram boundaries that its creator advises.
    """

    def __init__(
        self, scope: InstrumentationScope, pulse: Pulse, register: Callable[[Instrument, Advice], None]
    ) -> None:
        super().__init__(scope.name, scope.version, scope.schema_url)
        self.scope = scope
        self._pulse = pulse
        self._register = register
        self._instruments: dict[Identity, Instrument] = {}
        self._advice: dict[Identity, Advice] = {}
        self._names: dict[str, Identity] = {}

    def create_counter(self, name: str, unit: str = "", description: str = "") -> api.Counter:
        return self._synchronous(Counter, InstrumentKind.COUNTER, name, unit, description)

    def create_up_down_counter(self, name: str, unit: str = "", description: str = "") -> api.UpDownCounter:
        return self._synchronous(UpDownCounter, InstrumentKind.UP_DOWN_COUNTER, name, unit, description)

    def create_gauge(self, name: str, unit: str = "", description: str = "") -> api._Gauge:
        return self._synchronous(Gauge, InstrumentKind.GAUGE, name, unit, description)

    def create_histogram(
        self,
        name: str,
        unit: str = "",
        description: str = "",
        *,
        explicit_bucket_boundaries_advisory: Sequence[float] | None = None,
    ) -> api.Histogram:
        """A histogram; the boundaries are used unless a view or the reader chooses another aggregation."""
        advice = explicit_bucket_boundaries_advisory
        if advice is not None and not _rises(advice):
            _log.error("Histogram %r: advised boundaries %r do not rise; the default is used", name, advice)
            advice = None
        return self._synchronous(Histogram, InstrumentKind.HISTOGRAM, name, unit, description, advice)

    def create_observable_counter(
        self,
        name: str,
        callbacks: Sequence[CallbackOrGenerator] | None = None,
        unit: str = "",
        description: str = "",
    ) -> api.ObservableCounter:
        kind = InstrumentKind.OBSERVABLE_COUNTER
        return self._observable(ObservableCounter, kind, name, callbacks, unit, description)

    def create_observable_up_down_counter(
        self,
        name: str,
        callbacks: Sequence[CallbackOrGenerator] | None = None,
        unit: str = "",
        description: str = "",
    ) -> api.ObservableUpDownCounter:
        kind = InstrumentKind.OBSERVABLE_UP_DOWN_COUNTER
        return self._observable(ObservableUpDownCounter, kind, name, callbacks, unit, description)

    def create_observable_gauge(
        self,
        name: str,
        callbacks: Sequence[CallbackOrGenerator] | None = None,
        unit: str = "",
        description: str = "",
    ) -> api.ObservableGauge:
        kind = InstrumentKind.OBSERVABLE_GAUGE
        return self._observable(ObservableGauge, kind, name, callbacks, unit, description)

    def _synchronous(
        self,
        cls: type[S],
        kind: InstrumentKind,
        name: str,
        unit: str,
        description: str,
        advice: Advice = None,
    ) -> S:
        identity = self._identify(name, kind, unit, description)
        known = self._instruments.get(identity)
        if isinstance(known, cls):
            if advice != self._advice[identity]:
                _log.warning(
                    "%s %r exists with the advised boundaries %r, which stay",
                    kind.value,
                    identity.name,
                    self._advice[identity],
                )
            return known
        return self._add(cls(identity, self._pulse), advice)

    def _observable(
        self,
        cls: type[O],
        kind: InstrumentKind,
        name: str,
        callbacks: Sequence[CallbackOrGenerator] | None,
        unit: str,
        description: str,
    ) -> O:
        identity = self._identify(name, kind, unit, description)
        known = self._instruments.get(identity)
        if isinstance(known, cls):
            known.add_callbacks(callbacks)
            return known
        instrument = self._add(cls(identity, callbacks), None)
        self._pulse.touch()
        return instrument

    def _add(self, instrument: "I", advice: Advice) -> "I":
        self._instruments[instrument.identity] = instrument
        self._advice[instrument.identity] = advice
        self._register(instrument, advice)
        return instrument

    def _identify(
        self, name: str, kind: InstrumentKind, unit: str | None, description: str | None
    ) -> Identity:
        """The identity of a new or known instrument: the first-seen spelling of its name counts."""
        name = name or ""
        if not _NAME.fullmatch(name):
            _log.error(
                "Instrument name %r does not follow the syntax (a letter, then letters, digits and _ . / -, "
                "255 characters at most); it is used all the same",
                name,
            )
        first = self._names.get(name.lower())
        identity = Identity(self.scope, first.name if first else name, kind, unit or "", description or "")
        if first is None:
            self._names[name.lower()] = identity
        elif first.name != name or (first != identity and identity not in self._instruments):
            _log.warning(
                "Meter %r has an instrument %r already, which differs in %s. Both are exported under one "
                "name; give one of them another, or a View with instrument_name=%r, instrument_kind=... and "
                "name=...",
                self.scope.name,
                first.name,
                _difference(first, identity) or f"spelling ({name!r})",
                first.name,
            )
        return identity


I = TypeVar("I", bound=Instrument)  # noqa: E741


def _difference(first: Identity, second: Identity) -> str:
    return ", ".join(
        f"{field} ({getattr(first, field)!r}, {getattr(second, field)!r})"
        for field in ("kind", "unit", "description")
        if getattr(first, field) != getattr(second, field)
    )


def _rises(boundaries: Sequence[float]) -> bool:
    return all(map(isfinite, boundaries)) and all(low < high for low, high in pairwise(boundaries))
