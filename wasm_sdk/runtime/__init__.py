"""Where the SDK runs: one object, `current`, chosen once."""

import sys

from wasm_sdk.runtime.interface import ConnectionFailed, Response, Runtime, TLSFiles


def _choose() -> Runtime:
    platform: str = sys.platform  # typed so that the checker does not take it for the host it runs on
    if platform != "emscripten":
        from wasm_sdk.runtime.native import NativeRuntime

        return NativeRuntime()
    from wasm_sdk.runtime.worker import WorkerRuntime, inside_worker

    if inside_worker():
        return WorkerRuntime()
    from wasm_sdk.runtime.browser import BrowserRuntime

    return BrowserRuntime()


current: Runtime = _choose()

__all__ = ["ConnectionFailed", "Response", "Runtime", "TLSFiles", "current"]
