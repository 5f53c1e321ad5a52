"""Sends spans to an agent (or any collector) over OTLP/HTTP, and counts what it could not."""

from __future__ import annotations

import urllib.error
import urllib.request

from wasm_sdk.otlp import Metric, ResourceSpans, TracesData, encode_metrics, encode_traces
from wasm_sdk.otlp.model import MetricsData, ResourceMetrics, ScopeMetrics


class Exporter:
    """One destination; a request that fails is not repeated: tracing must not fill memory.

    Args:
        url: the OTLP/HTTP base, for example ``http://127.0.0.1:4318``.
    """

    def __init__(self, url: str, timeout: float = 5.0) -> None:
        self._url = url.rstrip("/")
        self._timeout = timeout
        self.sent = 0
        self.lost = 0
        self.problem = ""

    def traces(self, groups: list[ResourceSpans]) -> None:
        """Sends spans, if there are any."""
        count = sum(len(scope.spans) for group in groups for scope in group.scope_spans)
        if count:
            self.encoded_traces(encode_traces(TracesData(resource_spans=groups)), count)

    def encoded_traces(self, request: bytes, count: int) -> None:
        """Sends an ExportTraceServiceRequest of `count` spans, if there are any."""
        if count:
            self._post("/v1/traces", request, count)

    def metrics(self, metrics: list[Metric]) -> None:
        """Sends metrics, if there are any."""
        if metrics:
            scope = ScopeMetrics(metrics=metrics)
            data = MetricsData(resource_metrics=[ResourceMetrics(scope_metrics=[scope])])
            self._post("/v1/metrics", encode_metrics(data), len(metrics))

    def _post(self, path: str, body: bytes, count: int) -> None:
        request = urllib.request.Request(
            self._url + path, data=body, headers={"Content-Type": "application/x-protobuf"}
        )
        try:
            with urllib.request.urlopen(request, timeout=self._timeout):
                self.sent += count
        except (urllib.error.URLError, OSError) as error:
            self.lost += count
            self.problem = str(getattr(error, "reason", error))
