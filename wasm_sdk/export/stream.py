"""OTLP requests as lines of JSON, one a request: the OTLP file exporter's format, to a file or to standard
output.

Source: OpenTelemetry specification, "OTLP File Exporter".
"""

import sys
from typing import TextIO

from wasm_sdk.export.otlp_http import Delivery
from wasm_sdk.otlp.signal import Signal
from wasm_sdk.otlp.transcode import protobuf_to_json


class OTLPStream:
    """Writes each request as one line.

    Args:
        signal: What the requests hold.
        stream: Default: standard output, as it is when a request comes.
    """

    def __init__(self, signal: Signal, stream: TextIO | None = None) -> None:
        self._signal = signal
        self._stream = stream

    async def send(self, request: bytes) -> Delivery:
        """Write and flush a request."""
        stream = self._stream or sys.stdout
        stream.write(protobuf_to_json(self._signal, request).decode() + "\n")
        stream.flush()
        return Delivery(True)
