"""An agent that plays back recorded exports: the same thing to the dashboard as one behind the network."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Any

from tui.client import NotStored
from tui.spans import read_spans
from tui.traces import TraceStore, TraceSummary
from wasm_sdk.otlp.wire import iter_spans, join_spans


class RecordedAgent:
    """Sends every export over its live stream once, then nothing more.

    Args:
        exports: encoded ExportTraceServiceRequests; they can be asked for by trace id, too.
        logs: an encoded LogsData, which is every trace's.
        stored: exports that are not sent live, only stored.
    """

    url = "http://127.0.0.1:4319"

    def __init__(self, exports: Sequence[bytes], logs: bytes = b"", stored: Sequence[bytes] = ()) -> None:
        self._exports = exports
        self._stored = stored
        self._logs = logs

    async def traces(self, query: Iterable[tuple[str, str]]) -> list[TraceSummary]:
        """What is stored only, whatever the query."""
        store = TraceStore()
        for data in self._stored:
            store.add(read_spans(data), 0)
        return [trace.summary for trace in store.traces()]

    async def trace(self, trace_id: bytes) -> bytes:
        slices = [
            piece
            for data in (*self._stored, *self._exports)
            for piece in iter_spans(data)
            if piece.trace_id == trace_id
        ]
        if not slices:
            raise NotStored(f"no span of trace {trace_id.hex()} is stored")
        return join_spans(slices)

    async def services(self) -> dict[str, tuple[int, int]]:
        totals: dict[str, tuple[int, int]] = {}
        for data in (*self._stored, *self._exports):
            for _, span in read_spans(data):
                spans, errors = totals.get(span.service, (0, 0))
                totals[span.service] = spans + 1, errors + span.error
        return totals

    async def logs(self, trace_id: bytes) -> bytes:
        return self._logs

    async def status(self) -> dict[str, Any]:
        return {"version": "recorded"}

    async def live(self) -> AsyncIterator[bytes | str]:
        yield b""
        for data in self._exports:
            yield data
        await asyncio.Event().wait()

    async def close(self) -> None:
        """There is nothing to give up."""
