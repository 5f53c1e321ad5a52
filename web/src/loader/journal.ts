import type { Outgoing } from "../core/envelope.ts";
import { randomHex } from "../core/ids.ts";

const STORE = "records";
/** What no page came to send for this long is worth nothing any more. */
const KEEP_MS = 48 * 3_600_000;

interface Row extends Outgoing {
  at: number;
}

/** What a dead page left behind. */
export interface Legacy {
  records: Outgoing[];
  /** Records that were too old. */
  expired: number;
}

/**
 * Records that nobody has acknowledged, written to IndexedDB so that the next page of the origin sends them when this
 * one is killed. A row's key is [page, record id].
 *
 * A page proves that it lives by holding the Web Lock of its name. A lock would keep the page out of the back/forward
 * cache, so it is released on `pagehide`, when what must be sent has been.
 */
export class Journal {
  private readonly page = randomHex(8);
  private database: IDBDatabase | undefined;
  private unlock: (() => void) | undefined;

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

  /** Writes and removes in one transaction; explicit commits reach the browser even if the page dies next. */
  update(put: readonly Outgoing[], remove: readonly string[]): void {
    if (!put.length && !remove.length) return;
    const rows = this.rows("readwrite");
    if (!rows) return;
    const at = Date.now();
    for (const { id, signal, json, resource } of put) rows.put({ id, signal, json, resource, at }, [this.page, id]);
    for (const id of remove) rows.delete([this.page, id]);
    rows.transaction.commit();
  }

  /** Takes over, into this page, the rows of pages that no longer live. */
  async adopt(): Promise<Legacy> {
    const legacy: Legacy = { records: [], expired: 0 };
    const keys = (await this.read((rows) => rows.getAllKeys())) as [string, string][];
    for (const page of new Set(keys.map(([owner]) => owner))) {
      if (page === this.page) continue;
      await ifDead(page, async () => {
        for (const row of (await this.read((rows) => rows.getAll(all(page)))) as Row[]) {
          if (Date.now() - row.at < KEEP_MS) legacy.records.push(row);
          else legacy.expired++;
        }
        this.update(legacy.records, []);
        this.rows("readwrite")?.delete(all(page));
      });
    }
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
