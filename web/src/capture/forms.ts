import { describe, nameOf } from "./clicks.ts";
import type { Page } from "./page.ts";

/** A form's submission: part of the click that caused it, or an interaction of its own. What was typed is never read. */
export function captureForms(page: Page): void {
  addEventListener(
    "submit",
    (event) => {
      const form = event.target;
      if (!(form instanceof HTMLFormElement)) return;
      const attributes = { ...describe(form), "browser.form.action": form.action, "browser.form.method": form.method };
      const current = page.interactions.current;
      if (current) current.addEvent("submit", attributes, event.timeStamp);
      else page.interactions.begin(nameOf("submit", form), attributes, event.timeStamp, true);
    },
    { capture: true, passive: true },
  );
}
