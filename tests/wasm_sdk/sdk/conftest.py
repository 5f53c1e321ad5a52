"""Providers whose spans end in a list."""

from collections.abc import Callable

import pytest
from opentelemetry.context import Context

from wasm_sdk.sdk.resource import Resource
from wasm_sdk.sdk.trace import Span, SpanProcessor, TracerProvider


class Keep(SpanProcessor):
    """Keeps what it is called with."""

    def __init__(self) -> None:
        self.started: list[tuple[Span, Context | None]] = []
        self.ended: list[Span] = []

    def on_start(self, span: Span, parent_context: Context | None = None) -> None:
        self.started.append((span, parent_context))

    def on_end(self, span: Span) -> None:
        self.ended.append(span)


@pytest.fixture
def keep() -> Keep:
    return Keep()


@pytest.fixture
def provide(keep: Keep) -> Callable[..., TracerProvider]:
    """A provider with an empty resource, unless the arguments say otherwise, that reports to `keep`."""

    def make(**arguments: object) -> TracerProvider:
        provider = TracerProvider(**{"resource": Resource({}), "shutdown_on_exit": False, **arguments})  # type: ignore[arg-type]
        provider.add_span_processor(keep)
        return provider

    return make


@pytest.fixture
def tracer(provide):
    return provide().get_tracer("tests")
