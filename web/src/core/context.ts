import type { Span } from "./span.ts";

/** Which span is current. Implementations differ by what the platform knows of asynchronous work. */
export interface ContextManager {
  readonly current: Span | undefined;
  /** Runs `work` with `span` as the current one. */
  run<T>(span: Span, work: () => T): T;
}

/** For browsers, which have no asynchronous context: a span is current while `work` runs synchronously. */
export class StackContext implements ContextManager {
  private readonly stack: Span[] = [];
  /** What is current where nothing was made current: the open interaction or the document's load. */
  ambient: () => Span | undefined = () => undefined;

  get current(): Span | undefined {
    return this.stack.at(-1) ?? this.ambient();
  }

  run<T>(span: Span, work: () => T): T {
    this.stack.push(span);
    try {
      return work();
    } finally {
      this.stack.splice(this.stack.lastIndexOf(span), 1);
    }
  }
}
