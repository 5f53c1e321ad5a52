"""OTLP/JSON, a request a line: on standard output, and in files (OTLP specification, "File Exporter")."""

import asyncio
import sys
import time
from pathlib import Path

from host_agent.deliver.sink import Fate, Outcome
from wasm_sdk.otlp import Signal
from wasm_sdk.otlp.transcode import protobuf_to_json


class ConsoleSink:
    """Writes to standard output."""

    async def send(self, signal: Signal, body: bytes) -> Outcome:
        sys.stdout.write(protobuf_to_json(signal, body).decode() + "\n")
        sys.stdout.flush()
        return Outcome(Fate.DELIVERED)

    async def close(self) -> None:
        return None


class FileSink:
    """Appends to `<folder>/<signal>-<hour, UTC>.jsonl`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, signal: Signal, body: bytes) -> Outcome:
        hour = time.strftime("%Y-%m-%dT%H", time.gmtime())
        try:
            await asyncio.to_thread(self._append, self._folder / f"{signal}-{hour}.jsonl", signal, body)
        except OSError as error:
            return Outcome(Fate.AGAIN, f"{self._folder}: {error.strerror}")
        return Outcome(Fate.DELIVERED)

    async def close(self) -> None:
        return None

    def _append(self, path: Path, signal: Signal, body: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as file:
            file.write(protobuf_to_json(signal, body) + b"\n")
