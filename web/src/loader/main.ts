import { warn } from "./console.ts";
import { fromScript } from "./options.ts";
import { start, type Spanweave } from "./start.ts";

declare global {
  interface Window {
    spanweave?: Spanweave;
  }
}

const script = document.currentScript;
if (window.spanweave) warn("the script tag is on this page twice; the second does nothing");
else if (script instanceof HTMLScriptElement) window.spanweave = start(fromScript(script)).api;
