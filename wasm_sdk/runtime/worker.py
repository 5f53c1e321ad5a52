"""Pyodide in a Cloudflare Worker, native or embedded.

There, timers, entropy and fetch exist only while an event is served, and work goes on after the response only
if `waitUntil` holds it: the request handler calls `WorkerRuntime.serving(ctx)` first.
"""

import asyncio
import platform
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextvars import ContextVar
from typing import Any, TypeVar

import js
from pyodide.ffi import create_proxy

from wasm_sdk.runtime.fetch import fetch_post
from wasm_sdk.runtime.interface import Response, TLSFiles

T = TypeVar("T")

_context: ContextVar[Any] = ContextVar("spanweave_worker_context", default=None)


def inside_worker() -> bool:
    """Whether this is workerd, by the one name that it gives itself."""
    navigator = getattr(js, "navigator", None)
    return str(getattr(navigator, "userAgent", "")) == "Cloudflare-Workers"


class WorkerRuntime:
    """See `wasm_sdk.runtime.interface.Runtime`."""

    name = "worker"
    sets_user_agent = True

    def serving(self, context: Any) -> None:
        """Remember the execution context (`ctx`) of the event that this task serves."""
        _context.set(context)

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], timeout: float, tls: TLSFiles | None = None
    ) -> Response:
        return await fetch_post(url, body, headers, timeout)

    def can_wait(self) -> bool:
        return False

    def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        raise RuntimeError("the event loop never stops here, so nothing can be waited for but with await")

    def at_exit(self, callback: Callable[[], object]) -> None:
        """A Worker is never told that it goes: flush in each event, under `keep_alive`."""

    def keep_alive(self, work: Awaitable[object]) -> None:
        context = _context.get()
        if context is not None:
            # A borrowed proxy would be gone when the platform comes to await it.
            context.waitUntil(create_proxy(asyncio.ensure_future(work)))

    def resource_attributes(self) -> Mapping[str, str | int | list[str]]:
        return {
            "cloud.provider": "cloudflare",
            "cloud.platform": "cloudflare.workers",
            "process.runtime.name": "pyodide",
            "process.runtime.version": platform.python_version(),
        }
