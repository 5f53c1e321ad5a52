"""The Python side of a page: takes encoded records from the loader, and exports them batched, as protobuf.

It runs in the module worker of `web/src/worker`. Records arrive as OTLP/JSON, one string a batch, since
crossing from JavaScript costs by the object. A batch is acknowledged when the agent has it; until then the
loader keeps its copy.
"""

import json
import logging
from collections.abc import Callable
from dataclasses import asdict, dataclass

from wasm_sdk.export import Batcher, Delivery, ExporterSettings, OTLPHTTPExporter
from wasm_sdk.export.settings import signal_endpoint
from wasm_sdk.otlp.errors import MalformedOTLP
from wasm_sdk.otlp.signal import Signal
from wasm_sdk.otlp.transcode import json_to_protobuf

DELAY = 0.2
"""Seconds that a batch waits for others: the loader has batched before."""
TIMEOUT = 10.0
"""Seconds for an export with its retries; what fails then goes back to the loader, which tries again."""


@dataclass(frozen=True, slots=True)
class Batch:
    """One handover of the loader.

    Attributes:
        number: The loader's number for it.
        request: The records as an Export*ServiceRequest in protobuf.
    """

    number: int
    request: bytes


class Page:
    """Exports what the loader hands over.

    Args:
        endpoint: Base URL of the agent.
        done: Called once for each batch with JSON that says what became of it (`FromWorker` in
            `web/src/worker/messages.ts`).
    """

    def __init__(self, endpoint: str, done: Callable[[str], object]) -> None:
        self._done = done
        self._lanes = {signal: _Lane(signal, endpoint, self._report) for signal in Signal}

    def submit(self, number: int, signal: str, body: str) -> None:
        """Queue the OTLP/JSON export request `body` of `signal`; its fate is told under `number`."""
        try:
            batch = Batch(number, json_to_protobuf(Signal(signal), body.encode()))
        except (MalformedOTLP, ValueError) as error:
            self._report(number, Delivery(False, message=str(error), failure="refused"))
            return
        self._lanes[Signal(signal)].add(batch)

    def _report(self, number: int, delivery: Delivery) -> None:
        self._done(json.dumps({"batch": number, **asdict(delivery)}))


def start(endpoint: str, done: Callable[[str], object]) -> Page:
    """A page's exporter in an interpreter of its own, whose log is the page's console.

    What goes wrong is told to the loader, which explains it there once: the log keeps to errors.
    """
    logging.getLogger("wasm_sdk").setLevel(logging.ERROR)
    return Page(endpoint, done)


class _Lane:
    """One signal's queue and exporter."""

    def __init__(self, signal: Signal, endpoint: str, report: Callable[[int, Delivery], None]) -> None:
        self._report = report
        self._exporter = OTLPHTTPExporter(
            signal,
            ExporterSettings(signal_endpoint(endpoint, signal), compression="gzip", timeout=TIMEOUT),
        )
        self._batcher = Batcher(
            self._export,
            max_queue_size=256,
            max_export_batch_size=16,
            schedule_delay=DELAY,
            export_timeout=TIMEOUT + 10,
            what=f"batches of {signal}",
        )

    def add(self, batch: Batch) -> None:
        self._batcher.add(batch)

    async def _export(self, batches: list[Batch]) -> bool:
        delivery = Delivery(False, message="the export was cut off", failure="busy")
        try:
            # Protobuf merges by concatenation: the requests' repeated fields follow one another.
            delivery = await self._exporter.send(b"".join(batch.request for batch in batches))
        finally:
            for batch in batches:
                self._report(batch.number, delivery)
        return delivery.accepted
