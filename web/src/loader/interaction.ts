import type { Attributes } from "../core/attributes.ts";
import type { Span } from "../core/span.ts";
import type { Tracer } from "../core/tracer.ts";

/** What a click causes comes within this of the click, or of the last thing that it caused. */
const QUIET_MS = 100;
/** No interaction takes longer: a request that never ends must not hold it open. */
const LONGEST_MS = 10_000;

/**
 * The user's interaction that is going on: a root span, current for whatever begins until the page falls quiet.
 *
 * Browsers have no asynchronous context, so what begins within 100 ms of the click, of a request below it, or of that
 * request's end counts as caused by it, until the next interaction begins. It ends when its last request does.
 */
export class Interactions {
  private open: Open | undefined;

  /** Args: discard: told of spans that turned out to be nothing: clicks into the void. */
  constructor(
    private readonly tracer: Tracer,
    private readonly discard: (span: Span) => void,
  ) {}

  get current(): Span | undefined {
    return this.open?.span;
  }

  /** Whether this span may still turn out to be nothing. */
  isTentative(span: Span): boolean {
    return this.open?.span === span && !this.open.keep;
  }

  /** Starts one; `keep` says whether it is worth a span even if it causes nothing. */
  begin(name: string, attributes: Attributes, startTime: number, keep: boolean): Span {
    this.finish();
    const span = this.tracer.startSpan(name, { parent: null, attributes, startTime });
    this.open = { span, keep, running: new Set(), last: startTime, timer: undefined, limit: setTimeout(() => this.finish(), LONGEST_MS) };
    // After the dispatch: the handlers' own time belongs to the interaction.
    setTimeout(() => this.touch(span), 0);
    return span;
  }

  /** To be told of every span's start. */
  started(span: Span): void {
    if (!this.open || span === this.open.span || span.traceId !== this.open.span.traceId) return;
    this.open.keep = true;
    this.open.running.add(span);
    clearTimeout(this.open.timer);
  }

  /** To be told of every span's end. */
  ended(span: Span): void {
    if (this.open?.running.delete(span)) this.touch(this.open.span);
  }

  /** Ends the interaction that is going on: it is over, another begins, or the page goes. */
  finish(): void {
    const open = this.open;
    if (!open) return;
    this.open = undefined;
    clearTimeout(open.timer);
    clearTimeout(open.limit);
    if (open.keep) open.span.end(open.running.size ? performance.now() : open.last);
    else this.discard(open.span);
  }

  private touch(span: Span): void {
    if (this.open?.span !== span) return;
    this.open.last = performance.now();
    if (this.open.running.size) return;
    clearTimeout(this.open.timer);
    this.open.timer = setTimeout(() => this.finish(), QUIET_MS);
  }
}

interface Open {
  span: Span;
  keep: boolean;
  running: Set<Span>;
  last: number;
  timer: ReturnType<typeof setTimeout> | undefined;
  limit: ReturnType<typeof setTimeout>;
}
