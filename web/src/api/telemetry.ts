import type { Attributes } from "../core/attributes.ts";
import { StackContext } from "../core/context.ts";
import { scopeText } from "../core/envelope.ts";
import type { LogOptions } from "../core/log.ts";
import { Meter, type Counter, type InstrumentOptions, type Recorder } from "../core/meter.ts";
import { redactor } from "../core/redact.ts";
import { sampler } from "../core/sampling.ts";
import type { Span } from "../core/span.ts";
import { Tracer, type SpanOptions } from "../core/tracer.ts";

/** What `init` starts, whatever the platform. */
export interface Telemetry {
  readonly tracer: Tracer;
  readonly meter: Meter;
  /** Records a log record or event under a scope. */
  log(options: LogOptions, scope: string): void;
  traceparent(): string | undefined;
  /** Sends what waits; true when all of it was acknowledged. */
  flush(): Promise<boolean>;
}

/** Before `init`: spans that nobody records, so that libraries may ask for a tracer at any time. */
const idle: Telemetry = {
  tracer: new Tracer(sampler(0), new StackContext(), { ended: () => {} }),
  meter: new Meter(() => redactor()),
  log: () => {},
  traceparent: () => undefined,
  flush: () => Promise.resolve(true),
};

let current: Telemetry = idle;

/** Makes `telemetry` what the functions below speak to. */
export function use(telemetry: Telemetry): void {
  current = telemetry;
}

export interface NamedTracer {
  startSpan(name: string, options?: SpanOptions): Span;
  withSpan<T>(name: string, options: SpanOptions, work: (span: Span) => T): T;
}

export interface NamedMeter {
  createCounter(name: string, options?: InstrumentOptions): Counter;
  createUpDownCounter(name: string, options?: InstrumentOptions): Counter;
  createHistogram(name: string, options?: InstrumentOptions): Recorder;
  createGauge(name: string, options?: InstrumentOptions): Recorder;
}

export interface NamedLogger {
  emit(record: LogOptions): void;
}

/** The tracer of an instrumentation scope; one that was asked for before `init` works after it. */
export function tracer(name: string, version?: string): NamedTracer {
  const scoped = (): Tracer => current.tracer.scoped(name, version);
  return {
    startSpan: (span, options) => scoped().startSpan(span, options),
    withSpan: (span, options, work) => scoped().withSpan(span, options, work),
  };
}

/** The meter of an instrumentation scope. */
export function meter(name: string, version?: string): NamedMeter {
  const scope = scopeText(name, version);
  const counter = (make: (meter: Meter) => Counter): Counter => ({ add: (value, attributes) => make(current.meter).add(value, attributes) });
  const recorder = (make: (meter: Meter) => Recorder): Recorder => ({ record: (value, attributes) => make(current.meter).record(value, attributes) });
  return {
    createCounter: (instrument, options) => counter((meter) => meter.createCounter(instrument, options, scope)),
    createUpDownCounter: (instrument, options) => counter((meter) => meter.createUpDownCounter(instrument, options, scope)),
    createHistogram: (instrument, options) => recorder((meter) => meter.createHistogram(instrument, options, scope)),
    createGauge: (instrument, options) => recorder((meter) => meter.createGauge(instrument, options, scope)),
  };
}

/** The logger of an instrumentation scope. */
export function logger(name: string, version?: string): NamedLogger {
  const scope = scopeText(name, version);
  return { emit: (record) => current.log(record, scope) };
}

/** Runs `work` within a span that ends when its result, awaited if it is a promise, is there. */
export function withSpan<T>(name: string, work: (span: Span) => T, options: SpanOptions = {}): T {
  return current.tracer.withSpan(name, options, work);
}

/** The `traceparent` of the current span, to be put on outgoing requests; undefined where none is current. */
export function traceparent(): string | undefined {
  return current.traceparent();
}

/** Sends what waits; true when all of it was acknowledged. In a Worker: `ctx.waitUntil(flush())`. */
export function flush(): Promise<boolean> {
  return current.flush();
}

/** What `init` takes on every platform. */
export interface CommonOptions {
  /** `service.name`. */
  service: string;
  /** `service.version`. */
  version?: string;
  /** `deployment.environment.name`. */
  environment?: string;
  /** Base URL of the agent, or of any OTLP/HTTP receiver. */
  endpoint: string;
  /** Share of the traces that begin here and are kept. */
  sample?: number;
  /** On every span and log record. */
  attributes?: Attributes;
}
