import { Severity } from "../core/log.ts";
import type { Page } from "./page.ts";

interface Violation {
  effectiveDirective: string;
  blockedURL?: string;
  blockedURI?: string;
  documentURL?: string;
  sourceFile?: string | null;
  lineNumber?: number | null;
  disposition: string;
}

/** An event for each violation of the page's Content-Security-Policy, earlier ones too where the browser keeps them. */
export function capturePolicy(page: Page): void {
  const record = (violation: Violation): void =>
    page.log({
      event: "browser.csp_violation",
      severity: Severity.Warn,
      attributes: {
        "browser.csp.directive": violation.effectiveDirective,
        "browser.csp.blocked_url": violation.blockedURL ?? violation.blockedURI,
        "browser.csp.disposition": violation.disposition,
        "code.file.path": violation.sourceFile || undefined,
        "code.line.number": violation.lineNumber || undefined,
        "url.full": location.href,
      },
    });
  if ("ReportingObserver" in window) {
    const observer = new ReportingObserver((reports) => reports.forEach((report) => report.body && record(report.body as unknown as Violation)), {
      types: ["csp-violation"],
      buffered: true,
    });
    observer.observe();
  } else {
    document.addEventListener("securitypolicyviolation", (event) => record(event));
  }
}
