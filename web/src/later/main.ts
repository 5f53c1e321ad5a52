/** What can wait until the page has loaded: a script of its own, so that the loader stays small. */
import { captureVitals } from "../capture/vitals.ts";
import type { Page } from "../capture/page.ts";
import type { SpanContext } from "../core/traceparent.ts";

export { Python } from "./python.ts";
export { explainUnreachable } from "./reasons.ts";

/** Captures what the browser remembers until somebody asks. */
export function captureLater(page: Page, load: SpanContext): void {
  captureVitals(page, load);
}
