export type Signal = "traces" | "metrics" | "logs";

/** An encoded record on its way out: the OTLP/JSON text of one span, log record or metric. */
export interface Outgoing {
  /** Unique; the span id for spans. */
  id: string;
  signal: Signal;
  /** The record. */
  json: string;
  /** The OTLP/JSON text of its resource. */
  resource: string;
  /** The OTLP/JSON text of its instrumentation scope. */
  scope: string;
}

const FIELDS = {
  traces: ["resourceSpans", "scopeSpans", "spans"],
  metrics: ["resourceMetrics", "scopeMetrics", "metrics"],
  logs: ["resourceLogs", "scopeLogs", "logRecords"],
} as const;

/** The OTLP/JSON text of an instrumentation scope. */
export function scopeText(name: string, version?: string): string {
  return JSON.stringify({ name, version });
}

/** The scope of what the loader records by itself. */
export const PAGE_SCOPE = scopeText("spanweave.page", __VERSION__);

/** An OTLP/JSON export request out of encoded records of one signal. Nothing is encoded a second time. */
export function envelope(signal: Signal, records: readonly Outgoing[]): string {
  const [resources, scopes, items] = FIELDS[signal];
  const groups = [...grouped(records, "resource")].map(([resource, ofResource]) => {
    const inner = [...grouped(ofResource, "scope")].map(
      ([scope, list]) => `{"scope":${scope},"${items}":[${list.map((record) => record.json).join(",")}]}`,
    );
    return `{"resource":${resource},"${scopes}":[${inner.join(",")}]}`;
  });
  return `{"${resources}":[${groups.join(",")}]}`;
}

function grouped(records: readonly Outgoing[], by: "resource" | "scope"): Map<string, Outgoing[]> {
  const groups = new Map<string, Outgoing[]>();
  for (const record of records) {
    const group = groups.get(record[by]);
    if (group) group.push(record);
    else groups.set(record[by], [record]);
  }
  return groups;
}

/** The bytes of an envelope beyond its records, an upper bound for one resource. */
export function overhead(record: Outgoing): number {
  return (record.resource.length + record.scope.length) * 3 + 128;
}
