import { Kind, type Span } from "../core/span.ts";
import { formatTraceparent } from "../core/traceparent.ts";
import type { Page } from "./page.ts";

/** The methods that the semantic conventions know. */
const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "CONNECT", "TRACE", "QUERY"];

/** A request's span, and the headers that carry its context. */
export interface TracedRequest {
  span: Span;
  headers: Record<string, string>;
}

/** An HTTP client span by the semantic conventions; undefined for what is no HTTP request, or is our own. */
export function requestSpan(page: Page, method: string, target: string): TracedRequest | undefined {
  let url: URL;
  try {
    url = new URL(target, document.baseURI);
  } catch {
    return undefined; // the request itself will say so
  }
  if (!/^https?:$/.test(url.protocol) || page.isOurs(url)) return undefined;
  const upper = method.toUpperCase();
  const known = METHODS.includes(upper);
  const span = page.tracer.startSpan(known ? upper : "HTTP", {
    kind: Kind.Client,
    attributes: {
      "http.request.method": known ? upper : "_OTHER",
      "http.request.method_original": known ? undefined : method,
      "url.full": url.href,
      "server.address": url.hostname,
      "server.port": Number(url.port) || (url.protocol === "https:" ? 443 : 80),
    },
  });
  const headers: Record<string, string> = {};
  if (page.propagates(url)) {
    headers.traceparent = formatTraceparent(span);
    if (span.traceState) headers.tracestate = span.traceState;
  }
  return { span, headers };
}

/** Ends a request's span with the status that arrived. */
export function endWithStatus(span: Span, status: number): void {
  span.setAttribute("http.response.status_code", status || undefined);
  if (status >= 400) span.fail(String(status));
  span.end();
}
