"""Pyodide in a page, a web worker or Node."""

import platform
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, TypeVar

import js
from pyodide.ffi import create_proxy

from wasm_sdk.runtime.fetch import fetch_post
from wasm_sdk.runtime.interface import Response, TLSFiles

T = TypeVar("T")

KEEPALIVE_BYTES = 60_000  # Fetch lets all keepalive requests of a page together hold 64 KiB


class BrowserRuntime:
    """See `wasm_sdk.runtime.interface.Runtime`."""

    name = "browser"
    sets_user_agent = False

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], timeout: float, tls: TLSFiles | None = None
    ) -> Response:
        return await fetch_post(url, body, headers, timeout, keepalive_bytes=KEEPALIVE_BYTES)

    def can_wait(self) -> bool:
        return False

    def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        raise RuntimeError("the event loop never stops here, so nothing can be waited for but with await")

    def at_exit(self, callback: Callable[[], object]) -> None:
        if not hasattr(js, "addEventListener"):
            return
        js.addEventListener("pagehide", create_proxy(lambda _event: callback()))
        if hasattr(js, "document"):
            # The last thing that a phone tells a page before it discards it.
            hidden = create_proxy(lambda _event: js.document.visibilityState == "hidden" and callback())
            js.document.addEventListener("visibilitychange", hidden)

    def keep_alive(self, work: Awaitable[object]) -> None:
        """A page cannot be held; `post` asks with `keepalive` instead."""

    def resource_attributes(self) -> Mapping[str, str | int | list[str]]:
        attributes: dict[str, str | int | list[str]] = {
            "process.runtime.name": "pyodide",
            "process.runtime.version": platform.python_version(),
            "process.runtime.description": sys.version,
        }
        navigator = getattr(js, "navigator", None)
        if navigator is None:
            return attributes
        if agent := getattr(navigator, "userAgent", None):
            attributes["user_agent.original"] = str(agent)
        if language := getattr(navigator, "language", None):
            attributes["browser.language"] = str(language)
        if data := getattr(navigator, "userAgentData", None):
            attributes["browser.platform"] = str(data.platform)
            attributes["browser.mobile"] = str(bool(data.mobile)).lower()
            attributes["browser.brands"] = [f"{brand.brand} {brand.version}" for brand in data.brands]
        return attributes
