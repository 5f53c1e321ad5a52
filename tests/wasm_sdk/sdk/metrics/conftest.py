"""A meter with a reader that is asked, and what it collects, flat."""

from collections.abc import Callable

import pytest

from wasm_sdk.otlp import model
from wasm_sdk.sdk.metrics import InMemoryMetricReader, MeterProvider
from wasm_sdk.sdk.resource import Resource


@pytest.fixture
def measure() -> Callable[..., tuple]:
    """Makes (meter, collect) out of a reader's and a provider's arguments; collect gives metrics by name."""

    def make(reader: InMemoryMetricReader | None = None, **arguments: object) -> tuple:
        reader = reader or InMemoryMetricReader()
        provider = MeterProvider(
            **{"metric_readers": [reader], "resource": Resource({}), "shutdown_on_exit": False, **arguments}  # type: ignore[arg-type]
        )

        def collect() -> dict[str, model.Metric]:
            data = reader.collect()
            return {
                metric.name: metric
                for resource in data.resource_metrics
                for scope in resource.scope_metrics
                for metric in scope.metrics
            }

        return provider.get_meter("tests"), collect

    return make
