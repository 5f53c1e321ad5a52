"""The processors of one provider, as all its tracers and spans see them."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from opentelemetry.context import Context

from wasm_sdk.sdk.trace.batch import BatchSpanProcessor
from wasm_sdk.sdk.trace.processor import SpanProcessor

if TYPE_CHECKING:
    from wasm_sdk.sdk.trace.span import Span

_log = logging.getLogger(__name__)


class Pipeline:
    """Calls the processors in the order they were added in; one that raises is logged and passed over."""

    __slots__ = ("_ending", "_processors", "end", "starting")

    def __init__(self) -> None:
        self._processors: tuple[SpanProcessor, ...] = ()
        self._ending: tuple[SpanProcessor, ...] = ()
        self.starting: tuple[SpanProcessor, ...] = ()
        """Those that want to know of a start."""
        self.end: Callable[[Span], None] = self._end
        """Called with each span that has its end time."""

    @property
    def processors(self) -> tuple[SpanProcessor, ...]:
        return self._processors

    def add(self, processor: SpanProcessor) -> None:
        processors = self._processors = (*self._processors, processor)
        self.starting = tuple(each for each in processors if _overrides(each, "on_start"))
        self._ending = tuple(each for each in processors if _overrides(each, "on_ending"))
        # The usual case, one batch processor of ours, needs no loop and no guard.
        alone = len(processors) == 1 and type(processor) is BatchSpanProcessor
        self.end = processor.on_end if alone else self._end

    def start(self, span: "Span", context: Context | None) -> None:
        """Call `on_start` of those that want it."""
        for processor in self.starting:
            try:
                processor.on_start(span, context)
            except Exception:  # noqa: BLE001
                _log.exception("%r failed at the start of %r", processor, span)

    def _end(self, span: "Span") -> None:
        if self._ending:
            span.extras.ending = True
            for processor in self._ending:
                try:
                    processor.on_ending(span)
                except Exception:  # noqa: BLE001
                    _log.exception("%r failed at the ending of %r", processor, span)
            span.extras.ending = False
        for processor in self._processors:
            try:
                processor.on_end(span)
            except Exception:  # noqa: BLE001
                _log.exception("%r failed at the end of %r", processor, span)


def _overrides(processor: SpanProcessor, method: str) -> bool:
    """Whether the processor does anything there; one not derived from our class may lack the method."""
    own = getattr(type(processor), method, None)
    return own is not None and own is not getattr(SpanProcessor, method)
