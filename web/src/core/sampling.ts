/**
 * Consistent probability sampling: a trace is kept when its last 56 bits reach the threshold, so every
 * participant that knows the threshold decides alike (OpenTelemetry, "TraceState: Probability Sampling").
 */
export interface Sampler {
  /** Whether the trace is kept. */
  (traceId: string): boolean;
  /** The `tracestate` entry of kept traces; undefined when everything is kept and nothing needs saying. */
  traceState?: string;
}

const STEPS = 2 ** 20;

/** A sampler that keeps the given share of traces: 0 none, 1 all; between them in steps of 2^-20. */
export function sampler(ratio: number): Sampler {
  if (!(ratio < 1)) return () => true;
  if (ratio < 1 / STEPS) return () => false;
  const threshold = Math.round((1 - ratio) * STEPS)
    .toString(16)
    .padStart(5, "0");
  const padded = threshold.padEnd(14, "0");
  const keep: Sampler = (traceId) => traceId.slice(-14) >= padded;
  keep.traceState = `ot=th:${threshold.replace(/0+$/, "") || "0"}`;
  return keep;
}
