"""The OTLP core: codec, OpenTelemetry SDK without threads, rules and export, for CPython and WebAssembly."""

import os

if os.environ.get("SPANWEAVE_INTERPRETED", "0") not in ("", "0"):
    from wasm_sdk import interpreted

    interpreted.install()
