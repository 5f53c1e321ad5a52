"""The OTLP core: codec, OpenTelemetry SDK without threads, rules and export, for CPython and WebAssembly."""
