import type { Span } from "../core/span.ts";
import { endWithStatus, requestSpan } from "./http.ts";
import type { Page } from "./page.ts";

interface Opened {
  method: string;
  url: string;
  hasContext: boolean;
}

/** A client span for each XMLHttpRequest. */
export function captureXhr(page: Page): void {
  const opened = new WeakMap<XMLHttpRequest, Opened>();
  const { open, send, setRequestHeader } = XMLHttpRequest.prototype;

  XMLHttpRequest.prototype.open = function (this: XMLHttpRequest, method: string, url: string | URL, ...rest: unknown[]) {
    opened.set(this, { method, url: String(url), hasContext: false });
    return (open as (...all: unknown[]) => void).call(this, method, url, ...rest);
  };

  XMLHttpRequest.prototype.setRequestHeader = function (this: XMLHttpRequest, name: string, value: string) {
    const request = opened.get(this);
    if (request && name.toLowerCase() === "traceparent") request.hasContext = true;
    return setRequestHeader.call(this, name, value);
  };

  XMLHttpRequest.prototype.send = function (this: XMLHttpRequest, body?: Document | XMLHttpRequestBodyInit | null) {
    const request = opened.get(this);
    const traced = request && requestSpan(page, request.method, request.url);
    if (traced) {
      if (!request.hasContext) for (const name in traced.headers) setRequestHeader.call(this, name, traced.headers[name]!);
      follow(this, traced.span);
    }
    return send.call(this, body);
  };
}

function follow(xhr: XMLHttpRequest, span: Span): void {
  for (const type of ["error", "abort", "timeout"]) xhr.addEventListener(type, () => span.fail(type), { once: true });
  xhr.addEventListener("loadend", () => endWithStatus(span, xhr.status), { once: true });
}
