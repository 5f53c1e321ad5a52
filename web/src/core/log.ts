import { anyValue, type Attributes, type AttributeValue } from "./attributes.ts";
import { unixNano, freshAnchor } from "./clock.ts";
import type { Redact } from "./redact.ts";
import { limited } from "./span.ts";
import type { SpanContext } from "./traceparent.ts";

/** OTLP's SeverityNumber. */
export const enum Severity {
  Debug = 5,
  Info = 9,
  Warn = 13,
  Error = 17,
}

const SEVERITY_TEXT: Record<number, string> = { 5: "DEBUG", 9: "INFO", 13: "WARN", 17: "ERROR" };

export interface LogOptions {
  /** Makes the record an event of this name. */
  event?: string;
  severity?: Severity;
  body?: AttributeValue;
  attributes?: Attributes;
  /** The span it belongs to. */
  context?: SpanContext | undefined;
  /** `performance.now()` milliseconds. */
  time?: number;
}

/**
 * The OTLP/JSON text of a log record.
 *
 * `log.record.uid` lets a receiver drop the copy that comes when a page died before it heard that the first arrived.
 */
export function encodeLog(id: string, options: LogOptions, redact: Redact, common: Attributes): string {
  const time = unixNano(freshAnchor(), options.time ?? performance.now());
  const severity = options.severity ?? Severity.Info;
  const { list, dropped } = limited({ ...common, "log.record.uid": id, ...options.attributes }, redact);
  return JSON.stringify({
    timeUnixNano: time,
    observedTimeUnixNano: time,
    severityNumber: severity,
    severityText: SEVERITY_TEXT[severity],
    body: options.body === undefined ? undefined : anyValue(redact(options.body)),
    attributes: list,
    droppedAttributesCount: dropped || undefined,
    flags: options.context?.sampled ? 1 : undefined,
    traceId: options.context?.traceId,
    spanId: options.context?.spanId,
    eventName: options.event,
  });
}
