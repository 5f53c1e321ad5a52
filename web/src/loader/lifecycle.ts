import type { ObservedPage } from "./page.ts";

/** Where a page's life ends or pauses, as far as browsers tell. */
export function followLifecycle(page: ObservedPage): void {
  addEventListener("pagehide", () => {
    page.finish();
    page.outbox.die();
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) page.outbox.revive();
  });
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "hidden") page.outbox.hide();
  });
  addEventListener("online", () => page.outbox.retryNow());
}

/** Runs `work` after the load event, or at once when that is over. */
export function whenLoaded(work: () => void): void {
  if (document.readyState === "complete") work();
  else addEventListener("load", () => work(), { once: true });
}

/** Runs `work` when the page has nothing better to do, after two seconds at the latest. */
export function whenIdle(work: () => void): void {
  if ("requestIdleCallback" in window) requestIdleCallback(work, { timeout: 2000 });
  else setTimeout(work, 200);
}
