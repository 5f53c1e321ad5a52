import type { Page } from "./page.ts";

/**
 * Navigation within a single-page application: by `pushState`, `replaceState`, the back button or the fragment.
 *
 * A navigation that a click caused belongs to the click; another one is an interaction of its own.
 */
export function captureNavigation(page: Page): void {
  let previous = location.href;

  const navigated = (how: string): void => {
    const url = location.href;
    if (url === previous) return;
    const attributes = { "url.full": url, "browser.navigation.previous_url": previous, "browser.navigation.type": how };
    previous = url;
    const current = page.interactions.current;
    if (current) current.addEvent("browser.navigation", attributes);
    else page.interactions.begin("navigation", attributes, performance.now(), true);
    page.log({ event: "browser.navigation", attributes });
  };

  if ("navigation" in window) {
    // It fires before `popstate`, so what the page's own listeners request belongs to the navigation.
    (window.navigation as EventTarget).addEventListener("currententrychange", (event) =>
      navigated((event as Event & { navigationType: string | null }).navigationType ?? "replace"),
    );
    return;
  }
  for (const [method, how] of [["pushState", "push"], ["replaceState", "replace"]] as const) {
    const original = history[method];
    history[method] = function (this: History, ...all: Parameters<History["pushState"]>) {
      original.apply(this, all);
      navigated(how);
    };
  }
  addEventListener("popstate", () => navigated("traverse"));
}
