import type { Attributes } from "../core/attributes.ts";
import type { ContextManager } from "../core/context.ts";
import type { Outgoing, Signal } from "../core/envelope.ts";
import { randomHex } from "../core/ids.ts";
import { encodeLog, type LogOptions } from "../core/log.ts";
import { Meter } from "../core/meter.ts";
import { redactor, type RedactOptions } from "../core/redact.ts";
import { resource } from "../core/resource.ts";
import { sampler } from "../core/sampling.ts";
import { Tracer } from "../core/tracer.ts";
import { formatTraceparent } from "../core/traceparent.ts";
import { Direct } from "../loader/direct.ts";
import type { CommonOptions, Telemetry } from "./telemetry.ts";

const MOST_RECORDS = 4096;
const BATCH = 512;
const FIRST_BACKOFF_MS = 500;

export interface ServerOptions extends CommonOptions {
  redact?: RedactOptions;
  /** Milliseconds that an export may take with its retries. */
  timeout?: number;
  /** Milliseconds between exports; 0: only `flush()` exports. */
  interval?: number;
}

/** Telemetry without a page: Node and Workers. It exports OTLP/JSON. */
export class ServerTelemetry implements Telemetry {
  readonly tracer: Tracer;
  readonly meter: Meter;
  /** Records that found no room, were refused, or could not be sent in time and had no room to wait. */
  dropped = 0;
  private waiting: Outgoing[] = [];
  private readonly resource: string;
  private readonly direct: Direct;
  private readonly redact;
  private readonly common: Attributes;

  constructor(
    private readonly options: ServerOptions,
    context: ContextManager,
    platform: Attributes,
  ) {
    const { service, version, environment, endpoint } = options;
    this.resource = resource(
      { "service.name": service, "service.version": version, "deployment.environment.name": environment },
      platform,
    );
    this.common = options.attributes ?? {};
    this.redact = redactor(options.redact);
    this.direct = new Direct(endpoint, options.timeout, false);
    this.meter = new Meter(() => this.redact);
    this.tracer = new Tracer(sampler(options.sample ?? 1), context, {
      ended: (span) => this.add("traces", span.spanId, span.encode(this.redact, this.common), span.scope),
    });
  }

  log(record: LogOptions, scope: string): void {
    const id = randomHex(16);
    this.add("logs", id, encodeLog(id, { context: this.tracer.current, ...record }, this.redact, this.common), scope);
  }

  traceparent(): string | undefined {
    return this.tracer.current && formatTraceparent(this.tracer.current);
  }

  async flush(): Promise<boolean> {
    for (const { json, scope } of this.meter.collect()) this.add("metrics", randomHex(8), json, scope);
    const records = this.waiting;
    this.waiting = [];
    const deadline = performance.now() + (this.options.timeout ?? 10_000);
    const sent: Promise<boolean>[] = [];
    for (const signal of ["traces", "logs", "metrics"] as const) {
      const list = records.filter((record) => record.signal === signal);
      for (let start = 0; start < list.length; start += BATCH) sent.push(this.send(signal, list.slice(start, start + BATCH), deadline));
    }
    return (await Promise.all(sent)).every(Boolean);
  }

  /** Retries until the deadline what is worth it; what then remains waits for the next flush. */
  private async send(signal: Signal, batch: Outgoing[], deadline: number): Promise<boolean> {
    for (let attempt = 0; ; attempt++) {
      const outcome = await this.direct.send(signal, batch);
      if (outcome.ok) {
        this.dropped += outcome.rejected ?? 0;
        return true;
      }
      if (outcome.failure === "refused") {
        this.dropped += batch.length;
        console.warn(`[spanweave] ${batch.length} records (${signal}) are dropped: ${outcome.message}`);
        return false;
      }
      const delay = Math.max(outcome.retryAfter ?? 0, FIRST_BACKOFF_MS * 2 ** attempt * (0.5 + Math.random() / 2));
      if (performance.now() + delay >= deadline) {
        for (const record of batch) this.keep(record);
        return false;
      }
      await new Promise((resolve) => setTimeout(resolve, delay));
    }
  }

  private add(signal: Signal, id: string, json: string, scope: string): void {
    this.keep({ id, signal, json, resource: this.resource, scope });
  }

  private keep(record: Outgoing): void {
    if (this.waiting.length < MOST_RECORDS) this.waiting.push(record);
    else this.dropped++;
  }
}
