import { keyValues, type Attributes, type AttributeValue, type KeyValue } from "./attributes.ts";
import { unixNano, type Anchor } from "./clock.ts";
import type { Redact } from "./redact.ts";
import type { SpanContext } from "./traceparent.ts";

/** OTLP's SpanKind. */
export const enum Kind {
  Internal = 1,
  Server = 2,
  Client = 3,
}

/** OTLP's flags: sampled, "whether the parent is remote" is known, and it is. */
const SAMPLED = 0x1;
const HAS_IS_REMOTE = 0x100;
const IS_REMOTE = 0x200;

const ATTRIBUTE_LIMIT = 128;
const EVENT_LIMIT = 128;

interface SpanEvent {
  at: number;
  name: string;
  attributes: Attributes;
}

/** Links one span to another. */
export interface SpanLink {
  context: SpanContext;
  attributes?: Attributes;
}

/** What a span is born with. Times are `performance.now()` milliseconds. */
export interface SpanFields {
  traceId: string;
  spanId: string;
  parent: SpanContext | undefined;
  name: string;
  kind: Kind;
  anchor: Anchor;
  startTime: number;
  sampled: boolean;
  traceState: string | undefined;
  links: readonly SpanLink[];
  /** The OTLP/JSON text of its instrumentation scope. */
  scope: string;
}

/** A span, in the terms of OpenTelemetry. */
export interface Span extends SpanFields {}
export class Span implements SpanContext {
  readonly attributes: Attributes = {};
  endTime: number | undefined;
  statusCode = 0;
  private statusMessage: string | undefined;
  private readonly events: SpanEvent[] = [];
  private dropped = 0;

  constructor(
    fields: SpanFields,
    private readonly sink: { ended(span: Span): void },
  ) {
    Object.assign(this, fields);
  }

  setAttribute(key: string, value: AttributeValue | undefined | null): this {
    this.attributes[key] = value;
    return this;
  }

  setAttributes(attributes: Attributes): this {
    Object.assign(this.attributes, attributes);
    return this;
  }

  addEvent(name: string, attributes: Attributes = {}, at = performance.now()): this {
    if (this.events.length < EVENT_LIMIT) this.events.push({ at, name, attributes });
    else this.dropped++;
    return this;
  }

  /** Records an exception as the semantic conventions say, and marks the span as failed. */
  recordException(error: unknown): this {
    return this.addEvent("exception", exceptionAttributes(error)).fail(errorType(error), String(error));
  }

  /** Marks the span as failed; `type` becomes `error.type`. */
  fail(type: string, message?: string): this {
    this.statusCode = 2;
    this.statusMessage = message;
    return this.setAttribute("error.type", type);
  }

  /** Ends the span; a second call changes nothing. */
  end(at = performance.now()): void {
    if (this.endTime !== undefined) return;
    this.endTime = Math.max(at, this.startTime);
    if (this.sampled) this.sink.ended(this);
  }

  /** The OTLP/JSON text of the span as it is now; one that still runs ends at `at`. */
  encode(redact: Redact, common: Attributes, at = performance.now()): string {
    const { list, dropped } = limited({ ...common, ...this.attributes }, redact);
    return JSON.stringify({
      traceId: this.traceId,
      spanId: this.spanId,
      traceState: this.traceState,
      parentSpanId: this.parent?.spanId,
      flags: SAMPLED | HAS_IS_REMOTE | (this.parent && !(this.parent instanceof Span) ? IS_REMOTE : 0),
      name: redact(this.name),
      kind: this.kind,
      startTimeUnixNano: unixNano(this.anchor, this.startTime),
      endTimeUnixNano: unixNano(this.anchor, this.endTime ?? Math.max(at, this.startTime)),
      attributes: list,
      droppedAttributesCount: dropped || undefined,
      events: some(
        this.events.map((event) => ({
          timeUnixNano: unixNano(this.anchor, event.at),
          name: event.name,
          attributes: limited(event.attributes, redact).list,
        })),
      ),
      droppedEventsCount: this.dropped || undefined,
      links: some(
        this.links.map(({ context, attributes = {} }) => ({
          traceId: context.traceId,
          spanId: context.spanId,
          attributes: limited(attributes, redact).list,
        })),
      ),
      status: this.statusCode ? { code: this.statusCode, message: redact(this.statusMessage) } : undefined,
    });
  }
}

/** The attributes of an exception, by the semantic conventions. */
export function exceptionAttributes(error: unknown): Attributes {
  const known = error instanceof Error;
  return {
    "exception.type": errorType(error),
    "exception.message": known ? error.message : String(error),
    "exception.stacktrace": known ? error.stack : undefined,
  };
}

/** What `error.type` says of something thrown. */
export function errorType(error: unknown): string {
  return error instanceof Error || (typeof DOMException !== "undefined" && error instanceof DOMException)
    ? error.name
    : typeof error;
}

/** Redacted OTLP/JSON attributes, at most as many as the specification's default limit. */
export function limited(attributes: Attributes, redact: Redact): { list: KeyValue[]; dropped: number } {
  const clean: Attributes = {};
  for (const key in attributes) clean[key] = redact(attributes[key], key);
  const all = keyValues(clean);
  return { list: all.slice(0, ATTRIBUTE_LIMIT), dropped: Math.max(0, all.length - ATTRIBUTE_LIMIT) };
}

function some<T>(list: T[]): T[] | undefined {
  return list.length ? list : undefined;
}
