import type { Outgoing } from "../core/envelope.ts";
import { randomHex } from "../core/ids.ts";

const STORE = "records";
/** What no page came to send for this long is worth nothing any more. */
const KEEP_MS = 48 * 3_600_000;

/** Records that were written together; a row goes when the last of them is gone. */
interface Row {
  at: number;
  records: Outgoing[];
}

/** The row of the spans that still run, as they would end if the page were killed now. */
const RUNNING = 0;

/** What a dead page left behind. */
export interface Legacy {
  records: Outgoing[];
  /** Records that were too old. */
  expired: number;
}

/**
 * Records that nobody has acknowledged, written to IndexedDB so that the next page of the origin sends them when this
 * one is killed. A row's key is [page, number]: what is written at one time is one row, since rows cost, not records.
 *
 * A page proves that it lives by holding the Web Lock of its name. A lock would keep the page out of the back/forward
 * cache, so it is released on `pagehide`, when what must be sent has been.
 */
export class Journal {
  private readonly page = randomHex(8);
  private database: IDBDatabase | undefined;
  private unlock: (() => void) | undefined;
  private count = RUNNING;
  private someRun = false;
  private readonly rowOf = new Map<string, number>();
  private readonly left = new Map<number, number>();

  /** Opens the journal; without IndexedDB nothing is kept, and `usable` stays false. */
  async open(): Promise<void> {
    this.hold();
    try {
      const request = indexedDB.open("spanweave", 1);
      request.onupgradeneeded = () => request.result.createObjectStore(STORE);
      this.database = await settled(request);
      this.database.onversionchange = () => this.database?.close();
    } catch {
      this.database = undefined;
    }
  }

  get usable(): boolean {
    return this.database !== undefined;
  }

  hold(): void {
    void navigator.locks?.request(lockName(this.page), () => new Promise<void>((resolve) => (this.unlock = resolve)));
  }

  release(): void {
    this.unlock?.();
    this.unlock = undefined;
  }

  /**
   * Writes in one transaction; explicit commits reach the browser even if the page dies next.
   *
   * Args: fresh: records to add; gone: ids of records that nobody needs any more; running: the spans that still run, in
   * place of those of the last time, undefined where nothing changed.
   */
  write(fresh: readonly Outgoing[], gone: readonly string[], running?: Outgoing[]): void {
    const empty = gone.filter((id) => this.forget(id)).map((id) => this.rowOf.get(id)!);
    for (const id of gone) this.rowOf.delete(id);
    const rows = fresh.length || empty.length || running ? this.rows("readwrite") : undefined;
    if (!rows) return;
    const at = Date.now();
    if (fresh.length) {
      const row = ++this.count;
      for (const { id } of fresh) this.rowOf.set(id, row);
      this.left.set(row, fresh.length);
      const records = fresh.map(({ id, signal, json, resource, scope }) => ({ id, signal, json, resource, scope }));
      rows.put({ at, records } satisfies Row, [this.page, row]);
    }
    for (const row of empty) rows.delete([this.page, row]);
    if (running?.length) rows.put({ at, records: running } satisfies Row, [this.page, RUNNING]);
    else if (running && this.someRun) rows.delete([this.page, RUNNING]);
    if (running) this.someRun = running.length > 0;
    rows.transaction.commit();
  }

  /** Takes a record off its row; true when it was the row's last. */
  private forget(id: string): boolean {
    const row = this.rowOf.get(id);
    const left = (row && this.left.get(row)) || 0;
    if (!row || left > 1) {
      if (row) this.left.set(row, left - 1);
      return false;
    }
    return this.left.delete(row);
  }

  /** Takes over, into this page, the rows of pages that no longer live. */
  async adopt(): Promise<Legacy> {
    const legacy: Legacy = { records: [], expired: 0 };
    const keys = (await this.read((rows) => rows.getAllKeys())) as [string, number][];
    for (const page of new Set(keys.map(([owner]) => owner))) {
      if (page === this.page) continue;
      await ifDead(page, async () => {
        for (const row of (await this.read((rows) => rows.getAll(all(page)))) as Row[]) {
          if (Date.now() - row.at < KEEP_MS) legacy.records.push(...row.records);
          else legacy.expired += row.records.length;
        }
        this.rows("readwrite")?.delete(all(page));
      });
    }
    this.write(legacy.records, []);
    return legacy;
  }

  /** Removes everything, of dead pages too. */
  clear(): void {
    this.rows("readwrite")?.clear();
  }

  private rows(mode: IDBTransactionMode): IDBObjectStore | undefined {
    try {
      return this.database?.transaction(STORE, mode, { durability: "relaxed" }).objectStore(STORE);
    } catch {
      return undefined; // the browser closed the database: storage was cleared
    }
  }

  private async read<T>(query: (rows: IDBObjectStore) => IDBRequest<T[]>): Promise<T[]> {
    const rows = this.rows("readonly");
    return rows ? settled(query(rows)).catch(() => []) : [];
  }
}

const lockName = (page: string): string => `spanweave:${page}`;
const all = (page: string): IDBKeyRange => IDBKeyRange.bound([page], [page, []]);

async function ifDead(page: string, work: () => Promise<void>): Promise<void> {
  // Without Web Locks (plain HTTP) two pages may send the same rows; the store drops the second copy.
  if (!navigator.locks) return work();
  await navigator.locks.request(lockName(page), { ifAvailable: true }, async (lock) => (lock ? work() : undefined));
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
