/** What can wait until the page has loaded: a script of its own, so that the loader stays small. */
import { captureConsole } from "../capture/console.ts";
import { captureForms } from "../capture/forms.ts";
import { captureFrames } from "../capture/frames.ts";
import { captureNavigation } from "../capture/navigation.ts";
import type { Page } from "../capture/page.ts";
import { capturePolicy } from "../capture/policy.ts";
import { captureResources } from "../capture/resources.ts";
import { captureVisibility } from "../capture/visibility.ts";
import { captureVitals } from "../capture/vitals.ts";
import type { Span } from "../core/span.ts";

export { Python } from "./python.ts";
export { explainUnreachable } from "./reasons.ts";

/** Captures what the browser remembers until somebody asks, and what begins after the load. */
export function captureLater(page: Page, load: Span, consoleLevels: readonly string[]): void {
  captureResources(page, load);
  captureVitals(page, load);
  captureFrames(page);
  capturePolicy(page);
  captureConsole(page, consoleLevels);
  captureNavigation(page);
  captureForms(page);
  captureVisibility(page);
}
