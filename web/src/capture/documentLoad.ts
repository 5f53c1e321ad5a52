import { Kind, type Span } from "../core/span.ts";
import { parseTraceparent, type SpanContext } from "../core/traceparent.ts";
import type { Page } from "./page.ts";

const EVENTS = [
  "domInteractive",
  "domContentLoadedEventStart",
  "domContentLoadedEventEnd",
  "domComplete",
  "loadEventStart",
  "loadEventEnd",
] as const;

/** The load of the document: a span from the start of the navigation to the end of the load event. */
export function captureDocumentLoad(page: Page): Span {
  const timing = performance.getEntriesByType("navigation")[0] as PerformanceNavigationTiming | undefined;
  const span = page.tracer.startSpan("documentLoad", {
    parent: servedBy(timing) ?? null,
    startTime: timing?.startTime ?? 0,
    attributes: {
      "url.full": location.href,
      "user_agent.original": navigator.userAgent,
      "browser.navigation.type": timing?.type,
      "http.request.header.referer": document.referrer || undefined,
    },
  });
  const finish = (): void => finishLoad(page, span);
  // `loadEventEnd` is known only after the event.
  if (document.readyState === "complete") finish();
  else addEventListener("load", () => setTimeout(finish), { once: true });
  return span;
}

/** The server's span that made this document, by `Server-Timing: traceparent` or `<meta name="traceparent">`. */
function servedBy(timing: PerformanceNavigationTiming | undefined): SpanContext | undefined {
  const header = timing?.serverTiming?.find((entry) => entry.name === "traceparent")?.description;
  return parseTraceparent(header) ?? parseTraceparent(document.querySelector<HTMLMetaElement>('meta[name="traceparent"]')?.content);
}

function finishLoad(page: Page, span: Span): void {
  const timing = performance.getEntriesByType("navigation")[0] as PerformanceNavigationTiming | undefined;
  if (!timing) return span.end();
  if (timing.responseEnd) {
    page.tracer
      .startSpan("documentFetch", {
        kind: Kind.Client,
        parent: span,
        startTime: timing.fetchStart,
        attributes: {
          "http.request.method": "GET",
          "url.full": location.href,
          "server.address": location.hostname,
          "http.response.status_code": timing.responseStatus || undefined,
          "http.response.body.size": timing.encodedBodySize || undefined,
          "network.protocol.name": timing.nextHopProtocol || undefined,
        },
      })
      .end(timing.responseEnd);
  }
  for (const name of EVENTS) if (timing[name]) span.addEvent(name, {}, timing[name]);
  for (const paint of performance.getEntriesByType("paint")) span.addEvent(paint.name, {}, paint.startTime);
  span.end(timing.loadEventEnd || performance.now());
}
