"""What the SDK needs of its platform.

Clocks and entropy are not here: CPython's `time` and `os.urandom` already reach `performance.now` and
`crypto.getRandomValues` where Python runs as WebAssembly.
"""

from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

T = TypeVar("T")

MAX_RESPONSE_BYTES = 4 * 1024 * 1024  # what the OTLP exporter specification lets a response take


class ConnectionFailed(OSError):  # noqa: N818 - it names what happened
    """No HTTP response arrived: refused, reset, unresolvable, timed out, blocked by the browser, or not HTTP.

    The request may or may not have reached the server.
    """


@dataclass(frozen=True, slots=True)
class Response:
    """An HTTP response. Header names are lower case; a page sees only the headers that CORS exposes."""

    status: int
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class TLSFiles:
    """PEM files: authorities to trust (default: the system's), and how to identify oneself (mutual TLS)."""

    certificate: str | None = None
    client_certificate: str | None = None
    client_key: str | None = None


class Runtime(Protocol):
    """The one seam between the SDK and where it runs."""

    name: str
    """`native`, `browser` (page, web worker, Node) or `worker` (Cloudflare)."""

    sets_user_agent: bool
    """Whether requests may carry a User-Agent of ours: browsers have their own."""

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], timeout: float, tls: TLSFiles | None = None
    ) -> Response:
        """POST `body`, wait `timeout` seconds at most; redirects are not followed.

        Raises:
            ConnectionFailed: no response arrived.
            ValueError: `url` or a header can never be sent.
        """
        ...

    def can_wait(self) -> bool:
        """Whether `wait` works here and now."""
        ...

    def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end from synchronous code, while no event loop runs in this thread."""
        ...

    def at_exit(self, callback: Callable[[], object]) -> None:
        """Call `callback` before the program or page goes away, as far as the platform tells.

        A page that was left may come back, and go again: it is called each time.
        """
        ...

    def keep_alive(self, work: Awaitable[object]) -> None:
        """Ask the platform not to stop before `work` is done (a Worker's `waitUntil`)."""
        ...

    def resource_attributes(self) -> Mapping[str, str | int | list[str]]:
        """What this platform knows of itself, in the names of the semantic conventions for resources."""
        ...
