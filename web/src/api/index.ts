/** What the package has on every platform. */
export { flush, logger, meter, tracer, traceparent, withSpan } from "./telemetry.ts";
export type { CommonOptions, NamedLogger, NamedMeter, NamedTracer, Telemetry } from "./telemetry.ts";
export { parseTraceparent, type SpanContext } from "../core/traceparent.ts";
export type { Attributes, AttributeValue } from "../core/attributes.ts";
export type { LogOptions } from "../core/log.ts";
export type { Counter, InstrumentOptions, Recorder } from "../core/meter.ts";
export type { RedactOptions } from "../core/redact.ts";
export type { Span } from "../core/span.ts";
export type { SpanOptions } from "../core/tracer.ts";
