"""Pictures of the dashboard for the documentation, out of recorded traces.

    python -m tui.screenshot docs/images

plays `terminal.otlp.json` (OTLP/JSON recorded from the demo shop) from that folder and writes `terminal.svg`,
one trace as a
waterfall, and `terminal-traces.svg`, the list. The same recording gives the same pictures.
"""

import asyncio
import sys
from datetime import UTC
from itertools import groupby
from pathlib import Path

from textual.pilot import Pilot

from tui.app import SpanweaveApp
from tui.format import NS_PER_MS
from tui.live import Spans
from tui.recorded import RecordedAgent
from tui.spans import LiveSpan, read_spans
from tui.traces import summarise
from tui.widgets.trace_table import TraceTable
from wasm_sdk.otlp import Signal
from wasm_sdk.otlp.transcode import json_to_protobuf
from wasm_sdk.otlp.wire import join_spans

RECORDING = "terminal.otlp.json"
SHOWN = "d261304bd3cc381ab5f350390e467d71"
SIZE = (132, 28)


class Playback:
    """A recording, trace by trace, with a clock that shows when each would have come."""

    def __init__(self, recording: bytes) -> None:
        spans = sorted(read_spans(json_to_protobuf(Signal.TRACES, recording)), key=lambda item: item[0])
        traces: list[tuple[int, bytes]] = []
        for trace_id, items in groupby(spans, key=lambda item: item[0]):
            members = [span for _, span in items]
            traces.append((summarise(trace_id, members).end, _export(members)))
        self.traces = sorted(traces)
        self.now = self.traces[0][0]

    def clock(self) -> int:
        """Nanoseconds since the epoch."""
        return self.now

    async def run(self, app: SpanweaveApp, pilot: Pilot[None]) -> None:
        """Let every trace arrive when it ended, and nothing before."""
        while len(app.session.store) < len(self.traces):
            await pilot.pause(0.05)
        app.session.store.clear()
        for end, export in self.traces:
            self.now = end
            await app.session.handle(Spans(export))
        self.now += 900 * NS_PER_MS
        await pilot.pause(0.5)


def _export(spans: list[LiveSpan]) -> bytes:
    return join_spans(span.slice for span in spans)


async def take(recording: bytes) -> dict[str, str]:
    """File names and SVG texts."""
    playback = Playback(recording)
    app = SpanweaveApp(RecordedAgent([export for _, export in playback.traces]), tz=UTC, clock=playback.clock)
    pictures: dict[str, str] = {}
    async with app.run_test(size=SIZE) as pilot:
        await playback.run(app, pilot)
        pictures["terminal-traces.svg"] = app.export_screenshot(title="spanweave tui")
        table = app.screen.query_one(TraceTable)
        table.cursor = table.row_of(bytes.fromhex(SHOWN)) or 0
        await pilot.press("enter")
        await pilot.pause(0.5)
        await pilot.press("down", "down", "down")
        await pilot.pause(0.5)
        pictures["terminal.svg"] = app.export_screenshot(title="spanweave tui")
    return pictures


def main(folder: str) -> None:
    """Write the pictures into a folder that has the recording."""
    place = Path(folder)
    for name, picture in asyncio.run(take((place / RECORDING).read_bytes())).items():
        (place / name).write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "docs/images")
