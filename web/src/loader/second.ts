import type { Page } from "../capture/page.ts";
import type { Span } from "../core/span.ts";
import type * as Later from "../later/main.ts";
import { warn } from "./console.ts";
import type { Exporter } from "./direct.ts";
import { whenIdle } from "./lifecycle.ts";
import type { Options } from "./options.ts";

/** The loader exports by itself when Python is not there this long after the page began. */
const PATIENCE_MS = 10_000;

/** The second script, which comes after the load event: it brings Python, the late captures and explanations. */
export class Second {
  private script: Promise<typeof Later | undefined> | undefined;
  private python: Later.Python | undefined;
  private off: boolean;

  /** Args: onChange: told when the exporter changes. */
  constructor(
    private readonly options: Options,
    private readonly onChange: () => void,
  ) {
    this.off = options.runtime === "off";
  }

  /** Loads the script and starts the late captures. */
  load(page: Page, load: Span): void {
    this.script = import(new URL(__LATER__, this.options.assets).href).catch((error: unknown) => {
      this.off = true;
      warn(`Python and web vitals are off: ${String(error)}. The loader exports OTLP/JSON by itself.`);
      this.onChange();
    });
    void this.script.then((script) => script?.captureLater(page, load, this.options.console));
  }

  /** Starts Python when the page has nothing better to do. */
  startPython(): void {
    if (this.off) return;
    void this.script?.then((script) => {
      if (!script || this.python) return;
      this.python = new script.Python(this.options.assets, this.options.endpoint, this.onChange);
      whenIdle(() => this.python?.start());
    });
  }

  get runtime(): "starting" | "python" | "loader" {
    if (this.off || this.python?.state === "failed") return "loader";
    return this.python?.state === "ready" ? "python" : "starting";
  }

  get bootMilliseconds(): number | undefined {
    return this.python?.bootMilliseconds;
  }

  /** Python as an exporter; null while it is worth waiting for, undefined when it is not there. */
  get exporter(): Exporter | null | undefined {
    const runtime = this.runtime;
    if (runtime === "starting" && performance.now() < PATIENCE_MS) return null;
    return runtime === "python" ? this.python : undefined;
  }

  /** Tells on the console why a request to the agent got no answer. */
  explain(url: string): void {
    void this.script?.then(async (script) => script && warn(await script.explainUnreachable(url)));
  }
}
