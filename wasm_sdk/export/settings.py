"""Where and how to send, out of `OTEL_EXPORTER_OTLP_*`.

Source: OpenTelemetry specification, "OpenTelemetry Protocol Exporter".
"""

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Self
from urllib.parse import unquote, urlsplit

from wasm_sdk.otlp.signal import Signal
from wasm_sdk.runtime import TLSFiles

_log = logging.getLogger(__name__)

DEFAULT_ENDPOINT = "http://localhost:4318"
DEFAULT_TIMEOUT = 10.0
_PREFIX = "OTEL_EXPORTER_OTLP_"

Protocol = Literal["http/protobuf", "http/json"]
Compression = Literal["none", "gzip"]
_PROTOCOLS: dict[str, Protocol] = {"http/protobuf": "http/protobuf", "http/json": "http/json"}
_COMPRESSIONS: dict[str, Compression] = {"none": "none", "gzip": "gzip"}


@dataclass(frozen=True, slots=True)
class ExporterSettings:
    """One signal's destination.

    Attributes:
        endpoint: The URL that is posted to, path included.
        headers: Sent with each request.
        timeout: Seconds that a batch may take, retries included.
        protocol: How bodies are written.
        compression: Of request bodies.
        tls: Certificates for `https`; the browser has its own.
    """

    endpoint: str
    headers: Mapping[str, str] = field(default_factory=dict)
    timeout: float = DEFAULT_TIMEOUT
    protocol: Protocol = "http/protobuf"
    compression: Compression = "none"
    tls: TLSFiles = field(default_factory=TLSFiles)

    @classmethod
    def from_environ(cls, signal: Signal, environ: Mapping[str, str] | None = None) -> Self:
        """The settings of `signal` in `environ` (default: the process's environment).

        What cannot be understood is logged with its variable's name and the default is used, as the
        specification asks of every SDK variable.
        """
        variables = _Variables(signal, os.environ if environ is None else environ)
        return cls(
            endpoint=variables.endpoint(),
            headers=variables.headers(),
            timeout=variables.timeout(),
            protocol=variables.protocol(),
            compression=variables.compression(),
            tls=TLSFiles(
                variables.get("CERTIFICATE") or None,
                variables.get("CLIENT_CERTIFICATE") or None,
                variables.get("CLIENT_KEY") or None,
            ),
        )


def signal_endpoint(base: str, signal: Signal) -> str:
    """The URL of `signal` below the base URL of a collector: `v1/<signal>` relative to it."""
    return f"{base if base.endswith('/') else base + '/'}v1/{signal}"


class _Variables:
    """Looks a setting up for one signal, then for all."""

    def __init__(self, signal: Signal, environ: Mapping[str, str]) -> None:
        self._signal = signal
        self._environ = environ

    def _name(self, setting: str) -> str:
        """The variable that decides: the signal's own when it is set and not empty."""
        own = f"{_PREFIX}{self._signal.upper()}_{setting}"
        return own if self._environ.get(own, "").strip() else _PREFIX + setting

    def get(self, setting: str) -> str:
        return self._environ.get(self._name(setting), "").strip()

    def endpoint(self) -> str:
        name = self._name("ENDPOINT")
        url = self.get("ENDPOINT")
        if url and (urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).hostname):
            _log.warning("%s=%r is not an http(s) URL; %s is used", name, url, DEFAULT_ENDPOINT)
            url = ""
        if url and name != _PREFIX + "ENDPOINT":
            return url
        return signal_endpoint(url or DEFAULT_ENDPOINT, self._signal)

    def headers(self) -> dict[str, str]:
        general = self._parse_headers(_PREFIX + "HEADERS")
        return general | self._parse_headers(f"{_PREFIX}{self._signal.upper()}_HEADERS")

    def _parse_headers(self, name: str) -> dict[str, str]:
        headers: dict[str, str] = {}
        for pair in self._environ.get(name, "").split(","):
            key, equals, value = pair.partition("=")
            key = unquote(key).strip().lower()
            if equals and key:
                headers[key] = unquote(value.strip())
            elif pair.strip():
                _log.warning("%s: %r is not of the form key=value and is left out", name, pair.strip())
        return headers

    def timeout(self) -> float:
        text = self.get("TIMEOUT")
        if not text:
            return DEFAULT_TIMEOUT
        try:
            milliseconds = float(text)
            if milliseconds < 0:
                raise ValueError
        except ValueError:
            _log.warning("%s=%r is not a number of milliseconds; 10000 is used", self._name("TIMEOUT"), text)
            return DEFAULT_TIMEOUT
        # The specification lets 0 mean "no limit"; a day stands for it, so that an export always ends.
        return milliseconds / 1000 or 86_400.0

    def protocol(self) -> Protocol:
        text = self.get("PROTOCOL").lower()
        if text and text not in _PROTOCOLS:
            _log.warning(
                "%s=%r is not supported here (http/protobuf, http/json); http/protobuf is used",
                self._name("PROTOCOL"),
                text,
            )
        return _PROTOCOLS.get(text, "http/protobuf")

    def compression(self) -> Compression:
        text = self.get("COMPRESSION").lower()
        if text and text not in _COMPRESSIONS:
            _log.warning("%s=%r is not supported (none, gzip); none is used", self._name("COMPRESSION"), text)
        return _COMPRESSIONS.get(text, "none")
