import { envelope, type Outgoing, type Signal } from "../core/envelope.ts";
import type { FromWorker, ToWorker } from "../worker/messages.ts";
import { warn } from "../loader/console.ts";
import type { Exporter, Outcome } from "../loader/direct.ts";

/** Booting takes about half a second; one that takes this long hangs. */
const BOOT_MS = 30_000;

/** Python gives an export 10 seconds with its retries; who has not answered by then has died. */
const ANSWER_MS = 60_000;

/** The worker that runs the Python core, as an exporter. */
export class Python implements Exporter {
  state: "starting" | "ready" | "failed" = "starting";
  /** How long the boot took; undefined until then. */
  bootMilliseconds: number | undefined;
  private worker: Worker | undefined;
  private batches = 0;
  private readonly pending = new Map<number, (outcome: Outcome) => void>();
  private timer: ReturnType<typeof setTimeout> | undefined;

  /** Args: onChange: told when it is ready, and when it fails. */
  constructor(
    private readonly assets: string,
    private readonly endpoint: string,
    private readonly onChange: () => void,
  ) {}

  start(): void {
    this.timer = setTimeout(() => this.fail(`it did not start within ${BOOT_MS / 1000} s`), BOOT_MS);
    document.addEventListener("securitypolicyviolation", this.blocked);
    try {
      this.worker = new Worker(this.script(), { type: "module", name: "spanweave" });
    } catch (error) {
      return this.fail(String(error));
    }
    this.worker.onmessage = (event: MessageEvent<FromWorker>) => this.heard(event.data);
    this.worker.onerror = (event) => {
      event.preventDefault();
      this.fail(event.message || `the worker could not be loaded (is ${this.assets}${__WORKER__} there? ${this.advice})`);
    };
    this.post({ type: "start", endpoint: this.endpoint });
  }

  send(signal: Signal, records: readonly Outgoing[]): Promise<Outcome> {
    const batch = ++this.batches;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.fail("its worker does not answer any more"), ANSWER_MS);
      this.pending.set(batch, (outcome) => {
        clearTimeout(timer);
        resolve(outcome);
      });
      this.post({ type: "batch", batch, signal, body: envelope(signal, records) });
    });
  }

  /** Gives up on Python: the loader exports by itself from here on, and takes back what was not acknowledged. */
  fail(reason: string): void {
    if (this.state === "failed") return;
    this.state = "failed";
    clearTimeout(this.timer);
    document.removeEventListener("securitypolicyviolation", this.blocked);
    this.worker?.terminate();
    warn(`the Python runtime is off: ${reason}. The loader exports OTLP/JSON by itself.`);
    for (const resolve of this.pending.values()) resolve({ ok: false, failure: "busy" });
    this.pending.clear();
    this.onChange();
  }

  /** A script of another origin cannot be a worker, but a script of ours may import it. */
  private script(): string {
    const url = new URL(__WORKER__, this.assets).href;
    if (new URL(url).origin === location.origin) return url;
    return URL.createObjectURL(new Blob([`import ${JSON.stringify(url)};`], { type: "text/javascript" }));
  }

  private readonly blocked = (event: SecurityPolicyViolationEvent): void => {
    const ours = event.blockedURI.startsWith(this.assets) || event.blockedURI.startsWith("blob");
    if (ours && event.disposition === "enforce") {
      this.fail(`the page's CSP blocks the worker in its ${event.effectiveDirective} (${this.advice})`);
    }
  };

  private get advice(): string {
    const { origin } = new URL(this.assets);
    return `its CSP needs "worker-src ${origin === location.origin ? "'self'" : `blob: ${origin}`}"`;
  }

  private post(message: ToWorker): void {
    this.worker?.postMessage(message);
  }

  private heard(message: FromWorker): void {
    if (message.type === "failed") return this.fail(message.reason);
    if (message.type === "ready") {
      this.state = "ready";
      this.bootMilliseconds = message.milliseconds;
      clearTimeout(this.timer);
      document.removeEventListener("securitypolicyviolation", this.blocked);
      return this.onChange();
    }
    this.pending.get(message.batch)?.({ ...message, ok: message.accepted });
    this.pending.delete(message.batch);
  }
}
