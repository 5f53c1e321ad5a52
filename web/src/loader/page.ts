import type { Attributes } from "../core/attributes.ts";
import { StackContext } from "../core/context.ts";
import type { Outgoing } from "../core/envelope.ts";
import { randomHex } from "../core/ids.ts";
import { encodeLog, type LogOptions } from "../core/log.ts";
import { redactor, type Redact, type RedactOptions } from "../core/redact.ts";
import { resource } from "../core/resource.ts";
import { sampler } from "../core/sampling.ts";
import type { Span } from "../core/span.ts";
import { Tracer } from "../core/tracer.ts";
import { formatTraceparent } from "../core/traceparent.ts";
import type { Page } from "../capture/page.ts";
import { browserAttributes } from "./browser.ts";
import { Consent } from "./consent.ts";
import { warn } from "./console.ts";
import { Direct } from "./direct.ts";
import { Interactions } from "./interaction.ts";
import { Journal } from "./journal.ts";
import type { Options } from "./options.ts";
import { Outbox } from "./outbox.ts";
import { Second } from "./second.ts";
import { Session } from "./session.ts";

/** A page under observation: where what the captures see becomes records, and where consent and redaction hold. */
export class ObservedPage implements Page {
  readonly tracer: Tracer;
  readonly interactions: Interactions;
  readonly outbox: Outbox;
  readonly second: Second;
  private readonly consent: Consent;
  private readonly session: Session;
  private readonly running = new Set<Span>();
  private runningChanged = false;
  private readonly agent: string;
  private attributes: Attributes;
  private redact: Redact;
  private load: Span | undefined;

  constructor(private readonly options: Options) {
    this.consent = new Consent(options.consent === "required");
    this.attributes = options.attributes;
    this.redact = redactor(options.redact);
    this.session = new Session(
      () => this.consent.granted,
      (id, previous) => this.sessionStarted(id, previous),
    );
    const context = new StackContext();
    this.tracer = new Tracer(sampler(options.sample), context, { started: (span) => this.started(span), ended: (span) => this.ended(span) });
    this.interactions = new Interactions(this.tracer, (span) => this.running.delete(span));
    context.ambient = () => this.interactions.current ?? this.load;
    const direct = new Direct(options.endpoint);
    this.agent = direct.url("traces").replace(/traces$/, "");
    this.second = new Second(options, () => this.outbox.retryNow());
    this.outbox = new Outbox(
      resource(
        { "service.name": options.service, "service.version": options.version, "deployment.environment.name": options.environment },
        browserAttributes(),
      ),
      direct,
      new Journal(),
      () => this.second.exporter,
      () => this.consent.granted,
      () => this.unfinished(),
      (url) => this.second.explain(url),
    );
    if (this.consent.granted) void this.outbox.open();
  }

  /** The span under which what begins now goes while the document loads. */
  loading(span: Span): void {
    if (span.endTime === undefined) this.load = span;
  }

  /** The document has loaded: what could wait until now. */
  loaded(load: Span): void {
    this.second.load(this, load);
    if (this.consent.granted) this.second.startPython();
  }

  log(options: LogOptions, scope?: string): void {
    if (this.consent.refused) return;
    const id = randomHex(16);
    const record = { context: this.tracer.current, ...options };
    const json = unharmed(() => encodeLog(id, record, this.redact, this.common()));
    if (json) this.outbox.add("logs", id, json, scope);
  }

  propagates(url: URL): boolean {
    const allowed = this.options.propagate;
    return this.consent.granted && (url.origin === location.origin || allowed.includes(url.origin) || allowed.includes("*"));
  }

  isOurs(url: URL): boolean {
    return url.href.startsWith(this.agent) || url.href.startsWith(this.options.assets);
  }

  /** The visitor's decision; refusing forgets what was recorded. */
  decide(granted: boolean): void {
    this.consent.decide(granted);
    if (granted) {
      this.session.keep();
      void this.outbox.open();
      void this.outbox.flush();
      this.second.startPython();
    } else {
      this.session.forget();
      this.outbox.clear();
    }
  }

  addAttributes(attributes: Attributes): void {
    this.attributes = { ...this.attributes, ...attributes };
  }

  get redaction(): Redact {
    return this.redact;
  }

  setRedaction(redact: RedactOptions): void {
    this.redact = redactor(redact);
  }

  traceparent(): string | undefined {
    const current = this.tracer.current;
    return current && this.consent.granted ? formatTraceparent(current) : undefined;
  }

  /** Ends what still runs, as far as it came: the page goes. */
  finish(): void {
    this.interactions.finish();
    for (const span of [...this.running]) span.setAttribute(INCOMPLETE, true).end();
  }

  private started(span: Span): void {
    this.running.add(span);
    this.runningChanged = true;
    this.interactions?.started(span);
    this.outbox.writeSoon();
  }

  private ended(span: Span): void {
    this.running.delete(span);
    this.runningChanged = true;
    this.interactions.ended(span);
    if (span === this.load) this.load = undefined;
    if (this.consent.refused) return;
    const json = unharmed(() => span.encode(this.redact, this.common()));
    if (json) this.outbox.add("traces", span.spanId, json, span.scope);
  }

  private unfinished(): Pick<Outgoing, "id" | "json" | "scope">[] | undefined {
    if (!this.runningChanged) return undefined;
    this.runningChanged = false;
    const common = { ...this.common(), [INCOMPLETE]: true };
    return [...this.running]
      .filter((span) => !this.interactions.isTentative(span))
      .flatMap((span) => {
        const json = unharmed(() => span.encode(this.redact, common));
        return json ? { id: span.spanId, json, scope: span.scope } : [];
      });
  }

  private sessionStarted(id: string, previous: string | undefined): void {
    // The record itself asks for the session's id, so it comes after this call.
    queueMicrotask(() => {
      if (previous) this.log({ event: "session.end", context: undefined, attributes: { "session.id": previous } });
      this.log({ event: "session.start", context: undefined, attributes: { "session.id": id, "session.previous_id": previous } });
    });
  }

  private common(): Attributes {
    return { "session.id": this.session.id, ...this.attributes };
  }
}

/** What cannot be encoded (an attribute that is no attribute) must not break the page's own code. */
function unharmed(encode: () => string): string | undefined {
  try {
    return encode();
  } catch (error) {
    warn(`a record is lost: ${String(error)}`);
    return undefined;
  }
}

/** Marks a span that was cut off with its page. */
const INCOMPLETE = "spanweave.incomplete";
