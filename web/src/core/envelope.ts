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
}

const FIELDS = {
  traces: ["resourceSpans", "scopeSpans", "spans"],
  metrics: ["resourceMetrics", "scopeMetrics", "metrics"],
  logs: ["resourceLogs", "scopeLogs", "logRecords"],
} as const;

export const SCOPE = JSON.stringify({ name: "spanweave.page", version: __VERSION__ });

/** An OTLP/JSON export request out of encoded records of one signal. Nothing is encoded a second time. */
export function envelope(signal: Signal, records: readonly Outgoing[]): string {
  const [resources, scopes, items] = FIELDS[signal];
  const byResource = new Map<string, string[]>();
  for (const record of records) {
    const list = byResource.get(record.resource);
    if (list) list.push(record.json);
    else byResource.set(record.resource, [record.json]);
  }
  const groups = [...byResource].map(
    ([resource, list]) => `{"resource":${resource},"${scopes}":[{"scope":${SCOPE},"${items}":[${list.join(",")}]}]}`,
  );
  return `{"${resources}":[${groups.join(",")}]}`;
}

/** The bytes of an envelope beyond its records, an upper bound for one resource. */
export function overhead(record: Outgoing): number {
  return record.resource.length * 3 + SCOPE.length + 128;
}
