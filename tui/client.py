"""What the dashboard asks an agent, over its query API and its live stream."""

import json
import os
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol
from urllib.parse import urlsplit

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidHandshake, InvalidMessage, InvalidStatus, WebSocketException

from tui.traces import TraceSummary

DEFAULT_URL = "http://127.0.0.1:4319"
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_TIMEOUT_S = 10.0
_MAX_MESSAGE = 80 << 20
_MOST_LOGS = 1000
_PROTOBUF = {"Accept": "application/x-protobuf"}


class AgentError(Exception):
    """The agent could not be asked, or said no; the text says which and is fit for people."""


class NotStored(AgentError):  # noqa: N818 - an answer rather than a fault
    """The agent has no trace with this id."""


class Agent(Protocol):
    """An agent as the dashboard sees it. Every method raises `AgentError`."""

    url: str

    async def traces(self, query: Iterable[tuple[str, str]]) -> list[TraceSummary]:
        """Stored traces that meet the query parameters, the newest first."""
        ...

    async def trace(self, trace_id: bytes) -> bytes:
        """One stored trace as an encoded TracesData; raises `NotStored`."""
        ...

    async def services(self) -> dict[str, tuple[int, int]]:
        """Stored spans and errors by service."""
        ...

    async def logs(self, trace_id: bytes) -> bytes:
        """Stored log records of a trace as an encoded LogsData."""
        ...

    async def status(self) -> dict[str, Any]:
        """Version, uptime and counters."""
        ...

    def live(self) -> AsyncIterator[bytes | str]:
        """One connection to the live stream: first an empty `bytes` when it stands, then its messages.

        Ends by raising `AgentError` when the connection does.
        """
        ...

    async def close(self) -> None:
        """Give up all connections."""
        ...


def parse_url(text: str) -> str:
    """The base URL of an agent's API: scheme, host and port; `host:port` will do.

    Raises:
        ValueError: one line that says what is wrong with it.
    """
    full = text if "://" in text else f"http://{text}"
    try:
        parts = urlsplit(full)
        port = parts.port
        (parts.hostname or "").encode("idna")
    except ValueError as error:
        raise ValueError(f"“{text}” is not a URL: {error}") from None
    if parts.scheme not in ("http", "https"):
        raise ValueError(
            f"“{text}” is not an http or https URL; an agent's API is at {DEFAULT_URL} by default"
        )
    if not parts.hostname or port == 0 or any(char.isspace() for char in text):
        raise ValueError(f"“{text}” names no host and port; an agent's API is at {DEFAULT_URL} by default")
    if parts.query or parts.fragment or parts.username:
        raise ValueError(f"“{text}” has more than a host, a port and a path; write for example {DEFAULT_URL}")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return f"{parts.scheme}://{host}" + (f":{port}" if port else "") + parts.path.rstrip("/")


class AgentClient:
    """`Agent` over the network.

    Args:
        url: as `parse_url` gives it.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self._direct = urlsplit(url).hostname in _LOOPBACK
        self._http = httpx.AsyncClient(base_url=url, timeout=_TIMEOUT_S, trust_env=not self._direct)

    async def traces(self, query: Iterable[tuple[str, str]]) -> list[TraceSummary]:
        body = await self._json("/api/v1/traces", list(query))
        return [_summary(item) for item in _rows(body, "traces")]

    async def trace(self, trace_id: bytes) -> bytes:
        response = await self._get(f"/api/v1/traces/{trace_id.hex()}", (), _PROTOBUF)
        return response.content

    async def services(self) -> dict[str, tuple[int, int]]:
        body = await self._json("/api/v1/services")
        return {
            str(item.get("name", "")): (_whole(item, "span_count"), _whole(item, "error_count"))
            for item in _rows(body, "services")
        }

    async def logs(self, trace_id: bytes) -> bytes:
        query = [("trace_id", trace_id.hex()), ("limit", str(_MOST_LOGS))]
        response = await self._get("/api/v1/logs", query, _PROTOBUF)
        return response.content

    async def status(self) -> dict[str, Any]:
        body = await self._json("/api/v1/status")
        return body if isinstance(body, dict) else {}

    async def live(self) -> AsyncIterator[bytes | str]:
        address = "ws" + self.url.removeprefix("http") + "/api/v1/live?signal=traces"
        with _failures(self.url):
            async with connect(
                address, max_size=_MAX_MESSAGE, max_queue=16, proxy=None if self._direct else True
            ) as socket:
                yield b""
                async for message in socket:
                    if message:
                        yield message
        raise AgentError(f"the agent at {self.url} closed the live stream")

    async def close(self) -> None:
        await self._http.aclose()

    async def _json(self, path: str, query: Iterable[tuple[str, str]] = ()) -> Any:
        response = await self._get(path, query, {"Accept": "application/json"})
        try:
            return response.json()
        except ValueError:
            raise AgentError(f"{self.url}{path} did not answer in JSON; is this an agent's API?") from None

    async def _get(
        self, path: str, query: Iterable[tuple[str, str]], headers: Mapping[str, str]
    ) -> httpx.Response:
        try:
            response = await self._http.get(path, params=list(query), headers=headers)
        except httpx.TimeoutException:
            raise AgentError(f"the agent at {self.url} did not answer within {_TIMEOUT_S:.0f} s") from None
        except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
            raise AgentError(f"no agent answers at {self.url} ({error or type(error).__name__})") from None
        if response.status_code == 404 and path.startswith("/api/v1/traces/"):
            raise NotStored(_reason(response))
        if response.is_error:
            raise AgentError(_reason(response))
        return response


@contextmanager
def _failures(url: str) -> Iterator[None]:
    """Turn what a WebSocket connection can raise into `AgentError`."""
    try:
        yield
    except InvalidStatus as error:
        raise AgentError(
            f"{url} refused the live stream with status {error.response.status_code}; is this an agent's API?"
        ) from None
    except (InvalidHandshake, InvalidMessage) as error:
        raise AgentError(f"{url} is no agent's API: {error}") from None
    except WebSocketException as error:
        raise AgentError(f"the connection to {url} was lost ({error})") from None
    except TimeoutError:
        raise AgentError(f"{url} did not answer in time") from None
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror or error
        raise AgentError(f"no agent answers at {url} ({reason})") from None


def _rows(body: Any, key: str) -> list[dict[str, Any]]:
    rows = body.get(key) if isinstance(body, dict) else None
    if not isinstance(rows, list):
        raise AgentError(f"the answer has no list of {key}; is this an agent's API?")
    return [row for row in rows if isinstance(row, dict)]


def _whole(row: Mapping[str, Any], key: str) -> int:
    """A whole number, which JSON may carry as text; 0 when it is none."""
    try:
        return int(row.get(key) or 0)
    except (TypeError, ValueError):
        return 0


def _summary(row: Mapping[str, Any]) -> TraceSummary:
    try:
        trace_id = bytes.fromhex(str(row.get("trace_id", "")))
    except ValueError:
        raise AgentError(f"the agent named a trace “{row['trace_id']}”, which is no trace id") from None
    services = row.get("services")
    return TraceSummary(
        trace_id=trace_id,
        root_name=str(row.get("root_name") or ""),
        root_service=str(row.get("root_service") or ""),
        services=tuple(str(name) for name in services) if isinstance(services, list) else (),
        start=_whole(row, "start_unix_nano"),
        duration=_whole(row, "duration_ns"),
        span_count=_whole(row, "span_count"),
        error_count=_whole(row, "error_count"),
        complete=bool(row.get("root_name")),
    )


def _reason(response: httpx.Response) -> str:
    """The message and hint of an error body, else the status."""
    try:
        error = json.loads(response.content)["error"]
        return f"{error['message']} {error.get('hint') or ''}".strip()
    except (ValueError, KeyError, TypeError):
        return f"the agent answered {response.status_code} {response.reason_phrase} for {response.url.path}"
