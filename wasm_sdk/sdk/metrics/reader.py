"""Metric readers: they decide how metrics are collected, and when.

Source: OpenTelemetry specification, metrics SDK, "MetricReader", "Periodic exporting MetricReader".
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextvars import Context
from typing import TYPE_CHECKING

from wasm_sdk.export.completion import Completion, complete
from wasm_sdk.otlp import model
from wasm_sdk.sdk import environ as variables
from wasm_sdk.sdk.metrics.aggregation import Aggregation
from wasm_sdk.sdk.metrics.kinds import CUMULATIVE, InstrumentKind, Temporality

if TYPE_CHECKING:
    from wasm_sdk.sdk.metrics.export import MetricExporter

_log = logging.getLogger(__name__)

DEFAULT_CARDINALITY_LIMIT = 2000
Collect = Callable[[float], model.MetricsData]


class MetricReader:
    """Collects when it is asked. It belongs to one provider.

    Args:
        temporality: By kind of instrument; default: cumulative.
        aggregation: By kind of instrument; default: the specification's.
        cardinality_limit: Time series of one metric at most.
    """

    def __init__(
        self,
        temporality: Mapping[InstrumentKind, Temporality] | None = None,
        aggregation: Mapping[InstrumentKind, Aggregation] | None = None,
        cardinality_limit: int = DEFAULT_CARDINALITY_LIMIT,
    ) -> None:
        self._temporality = temporality or {}
        self._aggregation = aggregation or {}
        self.cardinality_limit = cardinality_limit
        self._collect: Collect | None = None
        self._closed = False

    def temporality(self, kind: InstrumentKind) -> Temporality:
        return self._temporality.get(kind, CUMULATIVE)

    def aggregation(self, kind: InstrumentKind) -> Aggregation | None:
        """The default of this reader for a kind; `None` leaves it to the instrument."""
        return self._aggregation.get(kind)

    def attach(self, collect: Collect) -> None:
        """Called by the provider.

        Raises:
            ValueError: The reader belongs to a provider already.
        """
        if self._collect is not None:
            raise ValueError("this metric reader belongs to another provider already")
        self._collect = collect

    def collect(self, timeout_millis: float = 10_000) -> model.MetricsData:
        """The metrics as of now; callbacks of observable instruments are asked, each told of the time-out.

        Raises:
            RuntimeError: The reader belongs to no provider, or was shut down.
        """
        if self._collect is None or self._closed:
            raise RuntimeError("a metric reader collects between joining a provider and its shutdown")
        return self._collect(timeout_millis)

    def arm(self) -> None:
        """Start timers on the running loop, if the reader has any."""

    def force_flush(self, timeout_millis: int = 30000) -> Completion | bool | None:
        return True

    def shutdown(self) -> Completion | bool | None:
        self._closed = True
        return True


class InMemoryMetricReader(MetricReader):
    """Collects when a test asks."""


class PeriodicExportingMetricReader(MetricReader):
    """Collects and exports every so often, from a timer on the event loop.

    It starts by itself when the first measurement is made on a running loop, or the provider is made on one.

    Args:
        exporter: Where metrics go; it also chooses temporality and aggregation.
        export_interval_millis: Default: `OTEL_METRIC_EXPORT_INTERVAL`, else 60 seconds.
        export_timeout_millis: Default: `OTEL_METRIC_EXPORT_TIMEOUT`, else 30 seconds.
        cardinality_limit: Time series of one metric at most.
    """

    def __init__(
        self,
        exporter: "MetricExporter",
        export_interval_millis: float | None = None,
        export_timeout_millis: float | None = None,
        cardinality_limit: int = DEFAULT_CARDINALITY_LIMIT,
    ) -> None:
        super().__init__(exporter.preferred_temporality, exporter.preferred_aggregation, cardinality_limit)
        self._exporter = exporter
        self._interval = _seconds(export_interval_millis, "OTEL_METRIC_EXPORT_INTERVAL", 60000)
        self._timeout = _seconds(export_timeout_millis, "OTEL_METRIC_EXPORT_TIMEOUT", 30000)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[bool] | None = None

    def arm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(self._interval, self._tick, context=Context())

    def _tick(self) -> None:
        self.arm()
        self._begin()

    def _begin(self) -> asyncio.Task[bool]:
        """The export that runs, or a new one: an exporter is never called while it still works."""
        loop = asyncio.get_running_loop()
        if self._task is None or self._task.done() or self._task.get_loop() is not loop:
            self._task = Context().run(loop.create_task, self._export())
        return self._task

    async def _export(self) -> bool:
        data = self.collect(self._timeout * 1000)
        if not data.resource_metrics:
            return True
        try:
            async with asyncio.timeout(self._timeout):
                return await self._exporter.export(data)
        except TimeoutError:
            _log.warning("Exporting metrics took longer than %.3g s", self._timeout)
        except Exception:  # noqa: BLE001
            # An exporter may be anybody's code; the next interval tries again.
            _log.exception("Exporting metrics failed")
        return False

    def force_flush(self, timeout_millis: int = 30000) -> Completion:
        """Collect and export now, besides the timer."""
        if self._closed:
            return Completion(True)
        return complete(self._flush(timeout_millis / 1000), self._loop, timeout_millis / 1000)

    async def _flush(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                if self._task is not None and self._task.get_loop() is asyncio.get_running_loop():
                    await asyncio.shield(self._task)
                return await asyncio.shield(self._begin())
        except TimeoutError:
            return False

    def shutdown(self) -> Completion:
        if self._closed:
            return Completion(True)
        return complete(self._close(), self._loop, self._timeout)

    async def _close(self) -> bool:
        delivered = await self._flush(self._timeout)
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        return delivered


def _seconds(milliseconds: float | None, variable: str, default: int) -> float:
    seconds = variables.milliseconds(variable, default) if milliseconds is None else milliseconds / 1000
    if seconds <= 0:
        raise ValueError(f"an interval or time-out must be positive, not {seconds} s")
    return seconds
