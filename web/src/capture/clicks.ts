import type { Attributes } from "../core/attributes.ts";
import type { Page } from "./page.ts";

const WIDGETS = 'a,button,input,select,textarea,label,summary,option,[role="button"],[role="link"],[role="tab"],[onclick]';
/** An id with digits in a row was made by a program and would make a name of its own each time. */
const MADE_UP = /\d{2,}|^:|[^\w-]/;

/** A click opens the interaction under which the requests that it causes go. */
export function captureClicks(page: Page): void {
  addEventListener(
    "click",
    (event) => {
      const element = event.composedPath()[0];
      if (!(element instanceof Element)) return;
      const widget = element.closest(WIDGETS);
      page.interactions.begin(nameOf("click", widget ?? element), describe(widget ?? element), event.timeStamp, widget !== null);
    },
    { capture: true, passive: true },
  );
}

/** A span's name for what happens to an element: few of them, whatever the page makes up. */
export function nameOf(action: string, element: Element): string {
  const id = element.id && !MADE_UP.test(element.id) ? `#${element.id}` : "";
  return `${action} ${element.localName}${id}`;
}

/** What identifies an element; never its contents, which are the user's. */
export function describe(element: Element): Attributes {
  return {
    "app.widget.id": element.id || undefined,
    "app.widget.name": element.getAttribute("aria-label") || element.getAttribute("name") || undefined,
    "browser.element.tag": element.localName,
    "url.full": location.href,
  };
}
