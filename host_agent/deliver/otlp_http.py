"""OTLP/HTTP. Source: OTLP specification 1.x, "OTLP/HTTP"."""

import time
from urllib.parse import urlsplit, urlunsplit

from host_agent.deliver.sink import Fate, Outcome
from host_agent.intake.encoding import gzip
from host_agent.pipeline.settings import OtlpHttpConfig
from wasm_sdk.export.retry import RETRYABLE_STATUS, retry_after
from wasm_sdk.otlp import MalformedOTLP, Signal
from wasm_sdk.otlp.responses import decode_response, decode_status
from wasm_sdk.otlp.transcode import protobuf_to_json
from wasm_sdk.runtime import ConnectionFailed, Response, TLSFiles
from wasm_sdk.runtime.http11 import post
from wasm_sdk.version import VERSION

USER_AGENT = f"spanweave/{VERSION}"


class OtlpHttpSink:
    """Sends to `<endpoint>/v1/<signal>`."""

    def __init__(self, config: OtlpHttpConfig) -> None:
        self._config = config
        self._json = config.encoding == "json"
        self._headers = {name.lower(): value for name, value in config.headers.items()}
        self._headers |= {
            "content-type": "application/json" if self._json else "application/x-protobuf",
            "user-agent": USER_AGENT,
        }
        if config.compression == "gzip":
            self._headers["content-encoding"] = "gzip"
        tls = config.tls
        self._tls = TLSFiles(
            str(tls.ca) if tls.ca else None,
            str(tls.certificate) if tls.certificate else None,
            str(tls.key) if tls.key else None,
        )

    async def send(self, signal: Signal, body: bytes) -> Outcome:
        data = protobuf_to_json(signal, body) if self._json else body
        if self._config.compression == "gzip":
            data = gzip(data)
        try:
            answer = await post(self._url(signal), data, self._headers, self._config.timeout_s, self._tls)
        except ConnectionFailed as error:
            return Outcome(Fate.AGAIN, str(error))
        except (ValueError, OSError) as error:  # a URL or header that cannot be sent, a certificate not read
            return Outcome(Fate.AGAIN, f"{self._config.endpoint}: {error}")
        if 200 <= answer.status < 300:
            return self._taken(signal, answer)
        reason = f"{self._url(signal)} answered {answer.status} {self._message(answer)}".strip()
        if answer.status in RETRYABLE_STATUS:
            asked = retry_after(answer.headers.get("retry-after", ""), time.time())
            return Outcome(Fate.AGAIN, reason, asked)
        return Outcome(Fate.REFUSED, reason)

    async def close(self) -> None:
        return None

    def _url(self, signal: Signal) -> str:
        parts = urlsplit(self._config.endpoint)
        return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/v1/{signal}"))

    def _taken(self, signal: Signal, answer: Response) -> Outcome:
        try:
            rejected, message = decode_response(signal, answer.body, json=_is_json(answer))
        except MalformedOTLP:
            return Outcome(Fate.DELIVERED)
        return Outcome(Fate.DELIVERED, message, rejected=rejected)

    def _message(self, answer: Response) -> str:
        try:
            return decode_status(answer.body, json=_is_json(answer)).message
        except MalformedOTLP:
            return answer.body[:200].decode("utf-8", "replace")


def _is_json(answer: Response) -> bool:
    return answer.headers.get("content-type", "").startswith("application/json")
