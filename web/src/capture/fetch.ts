import { errorType } from "../core/span.ts";
import { endWithStatus, requestSpan } from "./http.ts";
import type { Page } from "./page.ts";

/** A client span for each `fetch`. The promise that callers get is the browser's own. */
export function captureFetch(page: Page): void {
  const original = window.fetch;
  window.fetch = function fetch(this: unknown, input: RequestInfo | URL, init?: RequestInit): Promise<Response> {
    const request = input instanceof Request ? input : undefined;
    const traced = requestSpan(page, init?.method ?? request?.method ?? "GET", request?.url ?? String(input));
    if (!traced) return original.call(this as Window, input, init);
    const { span, headers } = traced;
    const promise = original.call(this as Window, input, withHeaders(init, request, headers));
    promise.then(
      (response) => endWithStatus(span, response.status),
      (error: unknown) => span.fail(errorType(error), String(error)).end(),
    );
    return promise;
  };
}

function withHeaders(init: RequestInit | undefined, request: Request | undefined, added: Record<string, string>): RequestInit | undefined {
  if (!Object.keys(added).length) return init;
  let headers: Headers;
  try {
    headers = new Headers(init?.headers ?? request?.headers);
  } catch {
    return init; // `fetch` itself will complain about these headers
  }
  if (headers.has("traceparent")) return init;
  for (const name in added) headers.set(name, added[name]!);
  return { ...init, headers };
}
