"""Span processors. Source: OpenTelemetry specification, trace SDK, "Span processor"."""

from typing import TYPE_CHECKING

from opentelemetry.context import Context

from wasm_sdk.export.batch import Batcher
from wasm_sdk.export.completion import Completion

if TYPE_CHECKING:
    from wasm_sdk.sdk.trace.export import SpanExporter
    from wasm_sdk.sdk.trace.span import Span


class SpanProcessor:
    """Hooks into the life of spans that record; each does nothing by default.

    They are called synchronously and must neither block nor raise. Processors written for opentelemetry-sdk
    work too: what they return from `force_flush` and `shutdown` is read as a truth value, `None` as success.
    """

    def on_start(self, span: "Span", parent_context: Context | None = None) -> None:
        """`span` has started; it may be kept and changed."""

    def on_ending(self, span: "Span") -> None:
        """`span` has its end time and can be changed for the last time."""

    def on_end(self, span: "Span") -> None:
        """`span` has ended; it may be kept and read."""

    def force_flush(self, timeout_millis: int = 30000) -> Completion | bool | None:
        """Finish the work for spans that ended before."""
        return True

    def shutdown(self) -> Completion | bool | None:
        """Flush and release what is held; nothing comes afterwards."""
        return True


class SimpleSpanProcessor(SpanProcessor):
    """Exports each sampled span as soon as it has ended, one at a time: for tests and consoles.

    Spans wait while no event loop runs, as with `BatchSpanProcessor`.
    """

    def __init__(self, exporter: "SpanExporter") -> None:
        self._exporter = exporter
        self._batcher: Batcher[Span] = Batcher(
            exporter.export, max_export_batch_size=1, schedule_delay=0, what="spans"
        )

    def on_end(self, span: "Span") -> None:
        if span._flags & 1:
            self._batcher.add(span)

    def force_flush(self, timeout_millis: int = 30000) -> Completion:
        return self._batcher.force_flush(timeout_millis / 1000)

    def shutdown(self) -> Completion:
        return self._batcher.shutdown()
