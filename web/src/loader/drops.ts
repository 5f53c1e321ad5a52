import { keyValues } from "../core/attributes.ts";
import { unixNano, freshAnchor } from "../core/clock.ts";
import type { Signal } from "../core/envelope.ts";

const PROCESSED: Partial<Record<Signal, string>> = { traces: "span", logs: "log" };

/** Counts what had to be dropped, and tells the agent in the SDK metrics of the semantic conventions. */
export class Drops {
  private counts = new Map<string, number>();
  private since = performance.now();

  add(signal: Signal, reason: string, count = 1): void {
    const key = `${signal} ${reason}`;
    if (count > 0) this.counts.set(key, (this.counts.get(key) ?? 0) + count);
  }

  get any(): boolean {
    return this.counts.size > 0;
  }

  /** The OTLP/JSON texts of the metrics since the last call: delta sums with the reason as `error.type`. */
  take(): string[] {
    const anchor = freshAnchor();
    const now = performance.now();
    const metrics = [...this.counts].flatMap(([key, count]) => {
      const [signal, reason] = key.split(" ") as [Signal, string];
      const what = PROCESSED[signal];
      if (!what) return [];
      const point = {
        startTimeUnixNano: unixNano(anchor, this.since),
        timeUnixNano: unixNano(anchor, now),
        asInt: String(count),
        attributes: keyValues({ "error.type": reason, "otel.component.type": "spanweave_page" }),
      };
      const name = `otel.sdk.processor.${what}.processed`;
      return JSON.stringify({ name, unit: `{${what}}`, sum: { dataPoints: [point], aggregationTemporality: 1, isMonotonic: true } });
    });
    this.counts.clear();
    this.since = now;
    return metrics;
  }
}
