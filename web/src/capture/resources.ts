import { Kind, type Span } from "../core/span.ts";
import type { Page } from "./page.ts";

/** Fetches and XHRs have spans of their own. */
const TRACED = ["fetch", "xmlhttprequest", "beacon", "ping"];
const MOST = 200;

/** What the document loaded until its load event: a `resourceFetch` span each, below `documentLoad`. */
export function captureResources(page: Page, load: Span): void {
  const end = load.endTime ?? performance.now();
  let room = MOST;
  for (const entry of performance.getEntriesByType("resource") as PerformanceResourceTiming[]) {
    const url = new URL(entry.name, location.href);
    if (TRACED.includes(entry.initiatorType) || entry.startTime > end || page.isOurs(url) || !room--) continue;
    const span = page.tracer.startSpan("resourceFetch", {
      kind: Kind.Client,
      parent: load,
      startTime: entry.startTime,
      attributes: {
        "http.request.method": "GET",
        "url.full": url.href,
        "server.address": url.hostname || undefined,
        "http.response.status_code": entry.responseStatus || undefined,
        "http.response.body.size": entry.encodedBodySize || undefined,
        "browser.resource.initiator": entry.initiatorType,
        "browser.resource.cached": entry.transferSize === 0 && entry.decodedBodySize > 0,
      },
    });
    if (entry.responseStatus >= 400) span.fail(String(entry.responseStatus));
    span.end(entry.responseEnd || entry.startTime + entry.duration);
  }
}
