/** The package in Workers, where nothing runs between requests: export with `ctx.waitUntil(flush())`. */
import { StackContext, type ContextManager } from "../core/context.ts";
import type { Span } from "../core/span.ts";
import { ServerTelemetry, type ServerOptions } from "./server.ts";
import { use } from "./telemetry.ts";

export * from "./index.ts";
export type { ServerOptions };

interface Storage {
  getStore(): Span | undefined;
  run<T>(span: Span, work: () => T): T;
}

interface Process {
  getBuiltinModule?(name: string): { AsyncLocalStorage: new () => Storage } | undefined;
}

/** Across `await` where the worker has `nodejs_compat`; else until the first one. */
function context(): ContextManager {
  const hooks = (globalThis as { process?: Process }).process?.getBuiltinModule?.("node:async_hooks");
  if (!hooks) return new StackContext();
  const storage = new hooks.AsyncLocalStorage();
  return {
    get current() {
      return storage.getStore();
    },
    run: (span, work) => storage.run(span, work),
  };
}

/** Starts telemetry; only `flush()` exports. */
export function init(options: ServerOptions): ServerTelemetry {
  const telemetry = new ServerTelemetry(options, context(), { "cloud.platform": "cloudflare_workers" });
  use(telemetry);
  return telemetry;
}
