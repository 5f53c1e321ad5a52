import { envelope, type Outgoing, type Signal } from "../core/envelope.ts";

/** What became of records that were sent. */
export interface Outcome {
  ok: boolean;
  /** Why not: refused for good, or the agent is busy or cannot be reached, and a later try may succeed. */
  failure?: "refused" | "busy" | "unreachable" | null;
  /** Milliseconds after which the agent wants to hear again. */
  retryAfter?: number;
  /** Records that the agent took the request without. */
  rejected?: number;
  message?: string;
}

/** Sends records of one signal. */
export interface Exporter {
  send(signal: Signal, records: readonly Outgoing[]): Promise<Outcome>;
}

/** What the Fetch standard lets all keepalive requests and beacons of a page hold together, with a margin. */
export const KEEPALIVE_BYTES = 60_000;

const RETRYABLE = [429, 502, 503, 504];

/** The page's own `fetch`, before anybody wraps it. */
const fetch = globalThis.fetch.bind(globalThis);

/** Exports OTLP/JSON from the loader itself. */
export class Direct implements Exporter {
  constructor(
    private readonly endpoint: string,
    private readonly timeout = 10_000,
    private readonly inPage = true,
  ) {}

  url(signal: Signal): string {
    return new URL(`v1/${signal}`, this.endpoint.replace(/\/?$/, "/")).href;
  }

  async send(signal: Signal, records: readonly Outgoing[]): Promise<Outcome> {
    const body = envelope(signal, records);
    let answer: Response;
    try {
      answer = await fetch(this.url(signal), {
        method: "POST",
        body,
        headers: { "content-type": this.contentType },
        ...(this.inPage ? { credentials: "omit", keepalive: body.length < KEEPALIVE_BYTES / 3 } : {}),
        signal: AbortSignal.timeout(this.timeout),
      });
    } catch (error) {
      return { ok: false, failure: "unreachable", message: String(error) };
    }
    const reply = (await answer.json().catch(() => ({}))) as Reply;
    if (answer.ok) {
      const { errorMessage, ...rejected } = reply.partialSuccess ?? {};
      return { ok: true, rejected: Number(Object.values(rejected)[0] ?? 0), message: errorMessage ?? "" };
    }
    return {
      ok: false,
      failure: RETRYABLE.includes(answer.status) ? "busy" : "refused",
      retryAfter: retryAfter(answer.headers.get("retry-after")),
      message: `${this.url(signal)} answered ${answer.status}${reply.message ? `: ${reply.message}` : ""}`,
    };
  }

  /** Hands records to the browser, which sends them even if the page dies now; false when it takes no more. */
  beacon(signal: Signal, records: readonly Outgoing[]): boolean {
    const body = new Blob([envelope(signal, records)], { type: this.contentType });
    try {
      return navigator.sendBeacon(this.url(signal), body);
    } catch {
      return false;
    }
  }

  /** To another origin as plain text: what a dying page sends cannot wait for a preflight. */
  private get contentType(): string {
    const plain = this.inPage && new URL(this.endpoint).origin !== location.origin;
    return plain ? "text/plain" : "application/json";
  }
}

interface Reply {
  message?: string;
  partialSuccess?: Record<string, string>;
}

function retryAfter(header: string | null): number {
  const seconds = Number(header ?? 0);
  return Number.isFinite(seconds) ? seconds * 1000 : Math.max(0, Date.parse(header!) - Date.now()) || 0;
}
