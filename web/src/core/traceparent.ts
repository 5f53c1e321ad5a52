/** What travels of a span (W3C Trace Context level 2). */
export interface SpanContext {
  traceId: string;
  spanId: string;
  sampled: boolean;
  traceState?: string | undefined;
}

const FORM = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** Reads a `traceparent`; undefined where it is malformed, so that the caller starts a trace of its own. */
export function parseTraceparent(text: string | null | undefined): SpanContext | undefined {
  const [, version, traceId, spanId, flags, more] = FORM.exec((text ?? "").trim()) ?? [];
  if (!traceId || !spanId || !flags || version === "ff" || (more && version === "00")) return undefined;
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined;
  return { traceId, spanId, sampled: (parseInt(flags, 16) & 1) === 1 };
}

export function formatTraceparent(context: SpanContext): string {
  return `00-${context.traceId}-${context.spanId}-${context.sampled ? "01" : "00"}`;
}
