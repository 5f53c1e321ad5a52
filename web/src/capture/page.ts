import type { LogOptions } from "../core/log.ts";
import type { Tracer } from "../core/tracer.ts";
import type { Interactions } from "../loader/interaction.ts";

/** What the captures need of the loader. */
export interface Page {
  readonly tracer: Tracer;
  readonly interactions: Interactions;
  /** Records a log record or event; without `context` it belongs to the current span. */
  log(options: LogOptions): void;
  /** Whether requests to this URL get a `traceparent`. */
  propagates(url: URL): boolean;
  /** Whether this URL is the agent's own: sending telemetry is no telemetry. */
  isOurs(url: URL): boolean;
}
