import { overhead, PAGE_SCOPE, type Outgoing, type Signal } from "../core/envelope.ts";
import { randomHex } from "../core/ids.ts";
import { warn } from "./console.ts";
import { KEEPALIVE_BYTES, type Direct, type Exporter, type Outcome } from "./direct.ts";
import { Drops } from "./drops.ts";
import type { Journal } from "./journal.ts";

const SIGNALS: readonly Signal[] = ["traces", "logs", "metrics"];
const FLUSH_MS = 1000;
const JOURNAL_MS = 25;
const BATCH = 512;
const MOST_RECORDS = 2048;
const MOST_CHARACTERS = 4_000_000;
const LONGEST_BACKOFF_MS = 60_000;

interface Entry extends Outgoing {
  inFlight: boolean;
  journaled: boolean;
}

/**
 * Every record from the moment it is encoded until the agent has it: the copy that is kept while the worker exports.
 *
 * A record leaves when its export was acknowledged, when a beacon took it, or when there is no room (and is counted).
 */
export class Outbox {
  readonly drops = new Drops();
  /** Where metrics come from that are collected with each export. */
  readonly sources: (() => { json: string; scope: string }[])[] = [];
  private readonly entries = new Map<string, Entry>();
  private readonly removed: string[] = [];
  private readonly sending = new Set<Promise<boolean>>();
  private characters = 0;
  private failures = 0;
  private acknowledged = false;
  private notBefore = 0;
  private flushTimer: ReturnType<typeof setTimeout> | undefined;
  private journalTimer: ReturnType<typeof setTimeout> | undefined;
  private dying = false;

  /**
   * Args:
   *   direct: the loader's own exporter.
   *   worker: the Python worker's, undefined while it is not ready; null while it is worth waiting for.
   *   allowed: whether anything may be stored and sent.
   *   provisional: encodes the spans that still run, for the case that the page is killed; undefined when they are the same.
   *   unreachable: told of a URL that gave no answer.
   */
  constructor(
    private readonly resource: string,
    private readonly direct: Direct,
    private readonly journal: Journal,
    private readonly worker: () => Exporter | null | undefined,
    private readonly allowed: () => boolean,
    private readonly provisional: () => Pick<Outgoing, "id" | "json" | "scope">[] | undefined,
    private readonly unreachable: (url: string) => void,
  ) {}

  add(signal: Signal, id: string, json: string, scope = PAGE_SCOPE): void {
    this.insert({ id, signal, json, resource: this.resource, scope, inFlight: false, journaled: false });
    if (!this.allowed()) return;
    if (this.dying) return queueMicrotask(() => this.beacon());
    this.writeSoon();
    this.flushSoon(this.entries.size >= BATCH ? 0 : FLUSH_MS);
  }

  /** Sends what waits; true when that, and what was on its way, is acknowledged. */
  async flush(): Promise<boolean> {
    if (!this.allowed()) return false;
    this.sendWith(this.worker() ?? this.direct);
    return (await Promise.all(this.sending)).every(Boolean);
  }

  /** Sends what waits from the loader itself: the page was hidden and may never wake. */
  hide(): void {
    if (this.allowed()) this.sendWith(this.direct);
  }

  /** What the timer does: sends what waits, unless the worker is about to be ready. */
  private turn(): void {
    const exporter = this.worker();
    this.flushTimer = undefined;
    if (exporter === null) this.flushSoon(FLUSH_MS);
    else if (this.allowed()) this.sendWith(exporter ?? this.direct);
  }

  private sendWith(exporter: Exporter): void {
    clearTimeout(this.flushTimer);
    this.flushTimer = undefined;
    this.report();
    for (const signal of SIGNALS) {
      for (const batch of chunks([...this.waiting(signal)], BATCH)) {
        const sent = this.deliver(exporter, signal, batch);
        this.sending.add(sent);
        void sent.then(() => this.sending.delete(sent));
      }
    }
  }

  /** The page goes: beacons take what they can, newest first; the journal keeps the rest for the next page. */
  die(): void {
    this.dying = true;
    this.report();
    this.beacon();
    this.journal.release();
  }

  /** The page came back from the back/forward cache. */
  revive(): void {
    this.dying = false;
    this.journal.hold();
    this.retryNow();
  }

  /** Opens the journal and sends what dead pages of this origin left in it. */
  async open(): Promise<void> {
    await this.journal.open();
    for (const entry of this.entries.values()) entry.journaled = false;
    this.writeSoon();
    await this.adopt();
  }

  /** Forgets everything: consent was refused. */
  clear(): void {
    this.entries.clear();
    this.characters = 0;
    this.journal.clear();
  }

  /** Writes what changed to the journal in a moment; to be called when a span starts, too. */
  writeSoon(): void {
    if (this.allowed()) this.journalTimer ??= setTimeout(() => this.write(), JOURNAL_MS);
  }

  /** Tries again at once: the network is back, or the worker is ready. */
  retryNow(): void {
    this.notBefore = 0;
    if (this.entries.size) this.flushSoon(0);
  }

  private async adopt(): Promise<void> {
    const { records, expired } = await this.journal.adopt();
    this.drops.add("traces", "expired", expired);
    for (const record of records) this.insert({ ...record, inFlight: false, journaled: true });
    if (records.length) this.flushSoon(FLUSH_MS);
  }

  private insert(entry: Entry): void {
    const old = this.entries.get(entry.id);
    if (old) this.characters -= old.json.length;
    this.entries.set(entry.id, entry);
    this.characters += entry.json.length;
    if (this.entries.size <= MOST_RECORDS && this.characters <= MOST_CHARACTERS) return;
    for (const oldest of this.entries.values()) {
      if (oldest.inFlight || oldest.signal === "metrics") continue; // may well arrive; says what was dropped
      this.drops.add(oldest.signal, "queue_full");
      return this.remove(oldest.id);
    }
  }

  private remove(id: string): void {
    const entry = this.entries.get(id);
    if (!entry) return;
    this.entries.delete(id);
    this.characters -= entry.json.length;
    this.removed.push(id);
  }

  private *waiting(signal: Signal): Generator<Entry> {
    for (const entry of this.entries.values()) if (entry.signal === signal && !entry.inFlight) yield entry;
  }

  private flushSoon(after: number): void {
    const wait = Math.max(after, this.notBefore - performance.now());
    if (this.flushTimer !== undefined) {
      if (after > 0) return;
      clearTimeout(this.flushTimer);
    }
    this.flushTimer = setTimeout(() => this.turn(), wait);
  }

  private async deliver(exporter: Exporter, signal: Signal, batch: Entry[]): Promise<boolean> {
    for (const entry of batch) entry.inFlight = true;
    const outcome = await exporter.send(signal, batch);
    for (const entry of batch) entry.inFlight = false;
    if (outcome.ok || outcome.failure === "refused") {
      for (const { id } of batch) this.remove(id);
      this.writeSoon();
    }
    this.judge(signal, batch.length, outcome);
    return outcome.ok;
  }

  private judge(signal: Signal, count: number, outcome: Outcome): void {
    if (outcome.ok) {
      this.failures = 0;
      this.acknowledged = true;
      this.drops.add(signal, "rejected", outcome.rejected);
      if (this.drops.any) this.flushSoon(FLUSH_MS);
      if (outcome.rejected) warn(`the agent rejected ${outcome.rejected} of ${count} ${signal}: ${outcome.message}`);
      return;
    }
    if (outcome.failure === "refused") {
      this.drops.add(signal, "refused", count);
      warn(`${count} records (${signal}) are dropped: ${outcome.message}`);
      return;
    }
    if (outcome.failure === "unreachable") this.unreachable(this.direct.url(signal));
    const now = performance.now();
    // The batches of one flush fail together; that is one failure.
    const backoff = now < this.notBefore ? 0 : FLUSH_MS * 2 ** this.failures++ * (0.5 + Math.random() / 2);
    const wait = Math.max(Math.min(backoff, LONGEST_BACKOFF_MS), outcome.retryAfter ?? 0);
    this.notBefore = Math.max(this.notBefore, now + wait);
    this.flushSoon(FLUSH_MS);
  }

  /** Turns what was counted into a record, once it has a chance to arrive or to be kept. */
  private report(): void {
    if (this.failures && !this.dying) return;
    for (const json of this.drops.take()) this.add("metrics", randomHex(8), json);
    for (const { json, scope } of this.sources.flatMap((source) => source())) this.add("metrics", randomHex(8), json, scope);
  }

  private beacon(): void {
    if (this.allowed() && navigator.onLine) {
      const encoder = new TextEncoder();
      let room = KEEPALIVE_BYTES;
      for (const signal of SIGNALS) {
        const taken: Entry[] = [];
        for (const entry of [...this.entries.values()].reverse()) {
          if (entry.signal !== signal) continue;
          const size = encoder.encode(entry.json).length + 1 + (taken.length ? 0 : overhead(entry));
          if (size > room) continue;
          room -= size;
          taken.push(entry);
        }
        if (taken.length && this.direct.beacon(signal, taken)) {
          // Nobody says whether a beacon arrived. Where the agent failed lately, or has not yet answered this page at
          // all, the next page sends a second copy, which the store drops: spans have ids.
          const trusted = !this.failures && (this.acknowledged || signal !== "traces");
          if (trusted) for (const { id } of taken) this.remove(id);
        }
      }
    }
    this.write();
  }

  private write(): void {
    clearTimeout(this.journalTimer);
    this.journalTimer = undefined;
    if (!this.allowed() || !this.journal.usable) return;
    const fresh: Outgoing[] = [];
    for (const entry of this.entries.values()) {
      if (entry.journaled) continue;
      entry.journaled = true;
      fresh.push(entry);
    }
    const { resource } = this;
    const running = this.provisional()?.map((span) => ({ ...span, signal: "traces" as const, resource }));
    this.journal.write(fresh, this.removed.splice(0), running);
  }
}

function chunks<T>(list: T[], size: number): T[][] {
  const parts: T[][] = [];
  for (let start = 0; start < list.length; start += size) parts.push(list.slice(start, start + size));
  return parts;
}
