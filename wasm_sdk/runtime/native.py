"""CPython on an operating system."""

import asyncio
import atexit
import os
import platform
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from typing import Any, TypeVar

from wasm_sdk.runtime import http11
from wasm_sdk.runtime.interface import Response, TLSFiles

T = TypeVar("T")


class NativeRuntime:
    """See `wasm_sdk.runtime.interface.Runtime`."""

    name = "native"
    sets_user_agent = True

    async def post(
        self, url: str, body: bytes, headers: Mapping[str, str], timeout: float, tls: TLSFiles | None = None
    ) -> Response:
        return await http11.post(url, body, headers, timeout, tls)

    def can_wait(self) -> bool:
        return asyncio._get_running_loop() is None

    def wait(self, coroutine: Coroutine[Any, Any, T]) -> T:
        # Not asyncio.run: that would replace the loop that the program has set for this thread.
        loop = asyncio.new_event_loop()
        try:
            return loop.run_until_complete(coroutine)
        finally:
            _cancel_all(loop)
            loop.close()

    def at_exit(self, callback: Callable[[], object]) -> None:
        atexit.register(callback)

    def keep_alive(self, work: Awaitable[object]) -> None:
        """A process stays until `at_exit` has run: nothing to ask for."""

    def resource_attributes(self) -> Mapping[str, str | int | list[str]]:
        arguments = getattr(sys, "orig_argv", sys.argv)
        return {
            "process.pid": os.getpid(),
            "process.executable.name": os.path.basename(sys.executable or "python"),  # noqa: PTH119 (no Path in pages)
            "process.executable.path": sys.executable or "",
            "process.command": arguments[0] if arguments else "",
            "process.runtime.name": sys.implementation.name,
            "process.runtime.version": platform.python_version(),
            "process.runtime.description": sys.version,
            "host.name": platform.node(),
            "host.arch": {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64"}.get(
                platform.machine(), platform.machine()
            ),
            "os.type": platform.system().lower(),
            "os.version": platform.release(),
        }


def _cancel_all(loop: asyncio.AbstractEventLoop) -> None:
    tasks = asyncio.all_tasks(loop)
    for task in tasks:
        task.cancel()
    if tasks:
        loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
