import type { Attributes } from "./attributes.ts";
import { freshAnchor } from "./clock.ts";
import type { ContextManager } from "./context.ts";
import { PAGE_SCOPE, scopeText } from "./envelope.ts";
import { randomHex } from "./ids.ts";
import type { Sampler } from "./sampling.ts";
import { Kind, Span, type SpanLink } from "./span.ts";
import type { SpanContext } from "./traceparent.ts";

export interface SpanOptions {
  kind?: Kind;
  attributes?: Attributes;
  /** The parent; null starts a new trace; left out, it is what is current. */
  parent?: Span | SpanContext | null;
  links?: readonly SpanLink[];
  /** `performance.now()` milliseconds. */
  startTime?: number;
}

/** What becomes of spans. */
export interface SpanSink {
  /** Told of each sampled span as it starts. */
  started?(span: Span): void;
  /** Told of each sampled span as it ends. */
  ended(span: Span): void;
}

/** Starts spans. */
export class Tracer {
  /** Args: sample: decides for traces that begin here; scope: the OTLP/JSON text of the instrumentation scope. */
  constructor(
    private readonly sample: Sampler,
    private readonly context: ContextManager,
    private readonly sink: SpanSink,
    private readonly scope: string = PAGE_SCOPE,
  ) {}

  /** The same tracer for another instrumentation scope. */
  scoped(name: string, version?: string): Tracer {
    return new Tracer(this.sample, this.context, this.sink, scopeText(name, version));
  }

  get current(): Span | undefined {
    return this.context.current;
  }

  startSpan(name: string, options: SpanOptions = {}): Span {
    const parent = options.parent === undefined ? this.current : (options.parent ?? undefined);
    const traceId = parent?.traceId ?? randomHex(16);
    const sampled = parent ? parent.sampled : this.sample(traceId);
    const span = new Span(
      {
        traceId,
        spanId: randomHex(8),
        parent,
        name,
        kind: options.kind ?? Kind.Internal,
        anchor: parent instanceof Span ? parent.anchor : freshAnchor(),
        startTime: options.startTime ?? performance.now(),
        sampled,
        traceState: parent ? parent.traceState : sampled ? this.sample.traceState : undefined,
        links: options.links ?? [],
        scope: this.scope,
      },
      this.sink,
    );
    span.setAttributes(options.attributes ?? {});
    if (sampled) this.sink.started?.(span);
    return span;
  }

  /**
   * Runs `work` with a span that is current meanwhile, and ends it when the result, awaited if it is a promise, is
   * there. In browsers it is current only until the first `await`: pass it as `parent` to what comes after.
   */
  withSpan<T>(name: string, options: SpanOptions, work: (span: Span) => T): T {
    const span = this.startSpan(name, options);
    const fail = (error: unknown): never => {
      span.recordException(error).end();
      throw error;
    };
    let result: T;
    try {
      result = this.context.run(span, () => work(span));
    } catch (error) {
      return fail(error);
    }
    if (result instanceof Promise) return result.then((value) => (span.end(), value), fail) as T;
    span.end();
    return result;
  }
}
