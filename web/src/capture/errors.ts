import { Severity } from "../core/log.ts";
import { exceptionAttributes } from "../core/span.ts";
import type { Page } from "./page.ts";

/** An `exception` event for each uncaught error and unhandled rejection. */
export function captureErrors(page: Page): void {
  const record = (error: unknown, fallback: string): void =>
    page.log({
      event: "exception",
      severity: Severity.Error,
      attributes: { ...exceptionAttributes(error ?? fallback), "url.full": location.href },
    });
  addEventListener("error", (event) => record(event.error, event.message));
  addEventListener("unhandledrejection", (event) => record(event.reason, "unhandled rejection"));
}
