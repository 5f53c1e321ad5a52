import { Severity } from "../core/log.ts";
import { exceptionAttributes } from "../core/span.ts";
import type { Page } from "./page.ts";

const SEVERITIES = { error: Severity.Error, warn: Severity.Warn, info: Severity.Info, log: Severity.Info, debug: Severity.Debug };
const LONGEST = 2000;

/** What the page writes to its console at the given levels, as log records. */
export function captureConsole(page: Page, levels: readonly string[]): void {
  for (const level of levels) {
    if (!(level in SEVERITIES)) continue;
    const method = level as keyof typeof SEVERITIES;
    const original = console[method];
    console[method] = (...parts: unknown[]): void => {
      original.apply(console, parts);
      if (String(parts[0]).startsWith("[spanweave]")) return;
      const error = parts.find((part) => part instanceof Error);
      page.log({
        severity: SEVERITIES[method],
        body: parts.map(readable).join(" ").slice(0, LONGEST),
        attributes: { "browser.console.level": level, ...(error ? exceptionAttributes(error) : {}) },
      });
    };
  }
}

function readable(part: unknown): string {
  if (typeof part !== "object" || part === null || part instanceof Error) return String(part);
  try {
    return JSON.stringify(part) ?? String(part);
  } catch {
    return String(part); // circular, or it refuses
  }
}
