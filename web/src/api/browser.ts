/** The package in browsers: the loader as a module. */
import type { Options } from "../loader/options.ts";
import { start, type Spanweave } from "../loader/start.ts";
import { Meter } from "../core/meter.ts";
import { use, type CommonOptions } from "./telemetry.ts";

export * from "./index.ts";
export type { Spanweave };

/** Metrics leave at least this often. */
const METRICS_MS = 60_000;

/** What may be set in browsers; what is left out is as the script tag's defaults are. */
export type BrowserOptions = CommonOptions & Partial<Omit<Options, keyof CommonOptions>>;

/** Observes this page. Assets come from the agent's `/sdk/` unless `assets` says otherwise. */
export function init(options: BrowserOptions): Spanweave {
  const endpoint = new URL(options.endpoint, location.href).href;
  const { page, api } = start({
    assets: new URL("sdk/", endpoint.replace(/\/?$/, "/")).href,
    propagate: [],
    consent: "given",
    sample: 1,
    runtime: "python",
    redact: {},
    console: ["error"],
    attributes: {},
    ...options,
    endpoint,
  });
  const meter = new Meter(() => page.redaction);
  page.outbox.sources.push(() => meter.collect());
  setInterval(() => void page.outbox.flush(), METRICS_MS);
  use({
    tracer: page.tracer,
    meter,
    log: (record, scope) => page.log(record, scope),
    traceparent: () => page.traceparent(),
    flush: () => page.outbox.flush(),
  });
  return api;
}
