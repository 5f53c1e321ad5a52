import type { Attributes } from "../core/attributes.ts";
import type { RedactOptions } from "../core/redact.ts";

/** What a page may set, by attributes of the script tag or by `init`. */
export interface Options {
  /** `service.name`. */
  service: string;
  /** `service.version`. */
  version?: string | undefined;
  /** `deployment.environment.name`. */
  environment?: string | undefined;
  /** Base URL of the agent; default: the origin that the script came from. */
  endpoint: string;
  /** Base URL of the worker's assets; default: where the script came from. */
  assets: string;
  /** Origins, other than the page's own, whose requests get a `traceparent`; `*` for all. */
  propagate: readonly string[];
  /** `required`: nothing is sent, stored or injected before `consent(true)`. */
  consent: "required" | "given";
  /** Share of the traces that begin here and are kept, 0 to 1. */
  sample: number;
  /** `python` exports from a worker that runs the Python core; `off` from the loader alone. */
  runtime: "python" | "off";
  redact: RedactOptions;
  /** Methods of `console` whose messages become log records. */
  console: readonly string[];
  /** On every span and log record. */
  attributes: Attributes;
}

const split = (text: string | undefined): string[] => (text ?? "").split(/[\s,]+/).filter(Boolean);

/** The options that a script tag carries in its `data-` attributes. */
export function fromScript(script: HTMLScriptElement): Options {
  const data = script.dataset;
  const sample = Number(data.sample ?? 1);
  return {
    service: data.service || location.hostname || "page",
    version: data.version,
    environment: data.environment,
    endpoint: new URL(data.endpoint || new URL(script.src).origin, location.href).href,
    assets: new URL(".", script.src).href,
    propagate: split(data.propagate).map((origin) => (origin === "*" ? origin : new URL(origin, location.href).origin)),
    consent: data.consent === "required" ? "required" : "given",
    sample: sample >= 0 && sample <= 1 ? sample : 1,
    runtime: data.runtime === "off" ? "off" : "python",
    redact: {
      keys: split(data.redact),
      patterns: data.redactPattern ? [new RegExp(data.redactPattern, "g")] : [],
      query: data.query === "keep" ? "keep" : "redact",
    },
    console: split(data.console ?? "error"),
    attributes: {},
  };
}
