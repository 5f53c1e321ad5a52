import { captureClicks } from "../capture/clicks.ts";
import { captureDocumentLoad } from "../capture/documentLoad.ts";
import { captureErrors } from "../capture/errors.ts";
import { captureFetch } from "../capture/fetch.ts";
import { captureXhr } from "../capture/xhr.ts";
import type { Attributes } from "../core/attributes.ts";
import type { RedactOptions } from "../core/redact.ts";
import { followLifecycle, whenLoaded } from "./lifecycle.ts";
import type { Options } from "./options.ts";
import { ObservedPage } from "./page.ts";

/** `window.spanweave`. */
export interface Spanweave {
  /** The visitor's decision, where `data-consent="required"`. */
  consent(granted: boolean): void;
  /** Sends what waits; true when the agent acknowledged all of it. */
  flush(): Promise<boolean>;
  /** The `traceparent` of what is current; undefined where nothing is, or without consent. */
  traceparent(): string | undefined;
  /** Adds to every later span and log record. */
  addAttributes(attributes: Attributes): void;
  /** Replaces what is redacted from later records. */
  redact(options: RedactOptions): void;
  tracer: ObservedPage["tracer"];
  log: ObservedPage["log"];
  /** What exports: `starting` and `python`, or `loader` where Python is off or failed. */
  readonly runtime: "starting" | "python" | "loader";
  /** Milliseconds that Python took to start in its worker; undefined until then. */
  readonly bootMilliseconds: number | undefined;
}

/** Observes this page. */
export function start(options: Options): { page: ObservedPage; api: Spanweave } {
  const page = new ObservedPage(options);
  const load = captureDocumentLoad(page);
  page.loading(load);
  captureFetch(page);
  captureXhr(page);
  captureClicks(page);
  captureErrors(page);
  followLifecycle(page);
  whenLoaded(() => page.loaded(load));
  const api: Spanweave = {
    consent: (granted) => page.decide(granted),
    flush: () => page.outbox.flush(),
    traceparent: () => page.traceparent(),
    addAttributes: (attributes) => page.addAttributes(attributes),
    redact: (redact) => page.setRedaction(redact),
    tracer: page.tracer,
    log: (record) => page.log(record),
    get runtime() {
      return page.second.runtime;
    },
    get bootMilliseconds() {
      return page.second.bootMilliseconds;
    },
  };
  return { page, api };
}
