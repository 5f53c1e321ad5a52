/** What can wait until the page has loaded, since the browser remembers it: a script of its own, so that the loader stays small. */
import type { SpanContext } from "../core/traceparent.ts";
import type { Page } from "./page.ts";
import { captureVitals } from "./vitals.ts";

export function captureLater(page: Page, load: SpanContext): void {
  captureVitals(page, load);
}
