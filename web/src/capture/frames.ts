import { Severity } from "../core/log.ts";
import type { Page } from "./page.ts";

/** A frame that blocked for less is no one's trouble. */
const BLOCKING_MS = 50;
/** A page that janks all the time has said so by then. */
const MOST = 100;

interface Script {
  duration: number;
  invoker: string;
  invokerType: string;
  sourceURL: string;
  sourceFunctionName: string;
}

interface LongFrame extends PerformanceEntry {
  blockingDuration: number;
  renderStart: number;
  scripts: Script[];
}

/** An event for each frame that kept the page from answering, with the script that took longest. */
export function captureFrames(page: Page): void {
  if (!PerformanceObserver.supportedEntryTypes.includes("long-animation-frame")) return;
  let room = MOST;
  const observer = new PerformanceObserver((list) => {
    for (const frame of list.getEntries() as LongFrame[]) {
      if (frame.blockingDuration < BLOCKING_MS) continue;
      const worst = [...frame.scripts].sort((a, b) => b.duration - a.duration)[0];
      page.log({
        event: "browser.long_animation_frame",
        severity: Severity.Warn,
        time: frame.startTime,
        attributes: {
          "browser.frame.duration": { doubleValue: frame.duration },
          "browser.frame.blocking_duration": { doubleValue: frame.blockingDuration },
          "browser.frame.script.duration": worst && { doubleValue: worst.duration },
          "browser.frame.script.invoker": worst?.invoker,
          "code.file.path": worst?.sourceURL || undefined,
          "code.function.name": worst?.sourceFunctionName || undefined,
        },
      });
      if (!--room) observer.disconnect();
    }
  });
  observer.observe({ type: "long-animation-frame", buffered: true });
}
