import type { Page } from "./page.ts";

/** Events for pages that are hidden, shown, and brought back from the back/forward cache. */
export function captureVisibility(page: Page): void {
  const record = (state: string): void =>
    page.log({ event: "browser.visibility", attributes: { "browser.visibility.state": state, "url.full": location.href } });
  document.addEventListener("visibilitychange", () => record(document.visibilityState), { capture: true });
  addEventListener("pageshow", (event) => event.persisted && record("restored"));
}
