import type { Attributes } from "./attributes.ts";
import { freshAnchor } from "./clock.ts";
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

/** Starts spans and knows which one is current. */
export class Tracer {
  private readonly stack: Span[] = [];
  /** What is current where nothing was made current: the open interaction or the document's load. */
  ambient: () => Span | undefined = () => undefined;

  /**
   * Args:
   *   sample: decides for traces that begin here.
   *   onEnd: gets each sampled span as it ends.
   *   onStart: gets each sampled span as it starts.
   */
  constructor(
    private readonly sample: Sampler,
    private readonly onEnd: (span: Span) => void,
    private readonly onStart: (span: Span) => void = () => {},
  ) {}

  get current(): Span | undefined {
    return this.stack.at(-1) ?? this.ambient();
  }

  startSpan(name: string, options: SpanOptions = {}): Span {
    const parent = options.parent === undefined ? this.current : (options.parent ?? undefined);
    const traceId = parent?.traceId ?? randomHex(16);
    const sampled = parent ? parent.sampled : this.sample(traceId);
    const span = new Span(
      traceId,
      randomHex(8),
      parent,
      name,
      options.kind ?? Kind.Internal,
      parent instanceof Span ? parent.anchor : freshAnchor(),
      options.startTime ?? performance.now(),
      sampled,
      parent ? parent.traceState : sampled ? this.sample.traceState : undefined,
      this.onEnd,
      options.links,
    );
    span.setAttributes(options.attributes ?? {});
    if (sampled) this.onStart(span);
    return span;
  }

  /**
   * Runs `work` with a span that is current while `work` runs synchronously, and ends it when the result, awaited if
   * it is a promise, is there. Browsers have no asynchronous context: after an `await`, pass the span as `parent`.
   */
  withSpan<T>(name: string, options: SpanOptions, work: (span: Span) => T): T {
    const span = this.startSpan(name, options);
    this.stack.push(span);
    let result: T;
    try {
      result = work(span);
    } catch (error) {
      span.recordException(error).end();
      throw error;
    } finally {
      this.stack.splice(this.stack.lastIndexOf(span), 1);
    }
    if (result instanceof Promise) {
      return result.then(
        (value) => (span.end(), value),
        (error) => {
          span.recordException(error).end();
          throw error;
        },
      ) as T;
    }
    span.end();
    return result;
  }
}
