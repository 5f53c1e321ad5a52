/** The package in Node 20 and later. */
import { AsyncLocalStorage } from "node:async_hooks";
import type { ContextManager } from "../core/context.ts";
import type { Span } from "../core/span.ts";
import { ServerTelemetry, type ServerOptions } from "./server.ts";
import { use } from "./telemetry.ts";

export * from "./index.ts";
export type { ServerOptions };

/** A span stays current across `await`. */
class AsyncContext implements ContextManager {
  private readonly storage = new AsyncLocalStorage<Span>();

  get current(): Span | undefined {
    return this.storage.getStore();
  }

  run<T>(span: Span, work: () => T): T {
    return this.storage.run(span, work);
  }
}

/** Starts telemetry; exports every second, and before the process ends by itself. */
export function init(options: ServerOptions): ServerTelemetry {
  const telemetry = new ServerTelemetry(options, new AsyncContext(), {
    "process.runtime.name": "nodejs",
    "process.runtime.version": process.versions.node,
    "process.pid": process.pid,
  });
  const interval = options.interval ?? 1000;
  if (interval) setInterval(() => void telemetry.flush(), interval).unref();
  process.once("beforeExit", () => void telemetry.flush());
  use(telemetry);
  return telemetry;
}
