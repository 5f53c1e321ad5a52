"""The OpenTelemetry SDK: implements `opentelemetry-api`, starts no thread, blocks nothing.

`wasm_sdk.sdk.trace` has the tracer provider; `wasm_sdk.sdk.resource` says what produces the telemetry.
"""
