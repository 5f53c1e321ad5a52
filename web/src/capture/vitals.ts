import { onCLS, onFCP, onINP, onLCP, onTTFB, type Metric } from "web-vitals";
import type { SpanContext } from "../core/traceparent.ts";
import type { Page } from "./page.ts";

/** The web vitals, as the `browser.web_vital` events of the semantic conventions, in the trace of the load. */
export function captureVitals(page: Page, load: SpanContext): void {
  const record = ({ name, value, delta, id, rating, navigationType }: Metric): void =>
    page.log({
      event: "browser.web_vital",
      context: load,
      attributes: {
        "browser.web_vital.name": name.toLowerCase(),
        "browser.web_vital.value": { doubleValue: value },
        "browser.web_vital.delta": { doubleValue: delta },
        "browser.web_vital.id": id,
        "browser.web_vital.rating": rating,
        "browser.web_vital.navigation_type": navigationType,
        "url.full": location.href,
      },
    });
  for (const watch of [onCLS, onFCP, onINP, onLCP, onTTFB]) watch(record);
}
