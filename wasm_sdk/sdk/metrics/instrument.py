"""Instruments, behind the classes of `opentelemetry.metrics`."""

import logging
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from opentelemetry import metrics as api
from opentelemetry.context import Context
from opentelemetry.metrics import CallbackOptions, Observation

from wasm_sdk.sdk.metrics.kinds import InstrumentKind
from wasm_sdk.sdk.metrics.pulse import Pulse
from wasm_sdk.sdk.metrics.stream import Observed, Stream
from wasm_sdk.sdk.scope import InstrumentationScope

_log = logging.getLogger(__name__)

Callback = Callable[[CallbackOptions], Iterable[Observation]]
CallbackOrGenerator = Callback | Generator[Iterable[Observation], CallbackOptions, None]


class Identity(NamedTuple):
    """What makes instruments of one meter the same."""

    scope: InstrumentationScope
    name: str
    kind: InstrumentKind
    unit: str
    description: str


class _Synchronous:
    """Sends measurements to all streams of the instrument.

    The streams stand in a tuple that the provider replaces when a reader joins.
    """

    def __init__(self, identity: Identity, pulse: Pulse) -> None:
        self.identity = identity
        self.streams: tuple[Stream, ...] = ()
        self._pulse = pulse

    def _measure(
        self, value: int | float, attributes: Mapping[str, Any] | None, context: Context | None
    ) -> None:
        for stream in self.streams:
            stream.record(value, attributes, context)
        self._pulse.touch()

    def _refuse(self, value: int | float) -> None:
        _log.warning(
            "%s %r cannot take %r: it is negative", self.identity.kind.value, self.identity.name, value
        )

    @property
    def enabled(self) -> bool:
        """Whether measurements go anywhere."""
        return bool(self.streams)


class Counter(_Synchronous, api.Counter):
    def add(
        self, amount: int | float, attributes: Mapping[str, Any] | None = None, context: Context | None = None
    ) -> None:
        if amount >= 0:
            self._measure(amount, attributes, context)
        else:
            self._refuse(amount)


class UpDownCounter(_Synchronous, api.UpDownCounter):
    def add(
        self, amount: int | float, attributes: Mapping[str, Any] | None = None, context: Context | None = None
    ) -> None:
        self._measure(amount, attributes, context)


class Histogram(_Synchronous, api.Histogram):
    def record(
        self, amount: int | float, attributes: Mapping[str, Any] | None = None, context: Context | None = None
    ) -> None:
        if amount >= 0:
            self._measure(amount, attributes, context)
        else:
            self._refuse(amount)


class Gauge(_Synchronous, api._Gauge):
    def set(
        self, amount: int | float, attributes: Mapping[str, Any] | None = None, context: Context | None = None
    ) -> None:
        self._measure(amount, attributes, context)


class Observable:
    """An instrument whose callbacks are asked at each collection, once for each reader."""

    def __init__(self, identity: Identity, callbacks: Sequence[CallbackOrGenerator] | None) -> None:
        self.identity = identity
        self.streams: tuple[Stream, ...] = ()
        self._callbacks = [_as_callback(callback) for callback in callbacks or ()]

    def add_callbacks(self, callbacks: Sequence[CallbackOrGenerator] | None) -> None:
        """More callbacks, from another creation of the same instrument."""
        self._callbacks += [_as_callback(callback) for callback in callbacks or ()]

    def observe(self, timeout_millis: float) -> list[Observed]:
        """What all callbacks observe now; one that raises is logged and left out."""
        observed: list[Observed] = []
        options = CallbackOptions(timeout_millis)
        for callback in self._callbacks:
            try:
                observed += [
                    Observed(each.value, each.attributes or {}, each.context) for each in callback(options)
                ]
            except Exception:  # noqa: BLE001
                # A callback is the program's code; the other instruments are still to be collected.
                _log.exception("A callback of %s %r failed", self.identity.kind.value, self.identity.name)
        return observed


class ObservableCounter(Observable, api.ObservableCounter):
    pass


class ObservableUpDownCounter(Observable, api.ObservableUpDownCounter):
    pass


class ObservableGauge(Observable, api.ObservableGauge):
    pass


def _as_callback(callback: CallbackOrGenerator) -> Callback:
    if isinstance(callback, Generator):
        next(callback)  # up to its first yield, which takes the options
        return callback.send
    return callback
