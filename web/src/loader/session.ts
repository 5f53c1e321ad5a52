import { randomHex } from "../core/ids.ts";

/** A session ends after this long without activity, and at the latest after the second time. */
const IDLE_MS = 30 * 60_000;
const LONGEST_MS = 4 * 3_600_000;
/** The stored time of last activity is this exact. */
const TOUCH_MS = 60_000;
const KEY = "spanweave.session";

interface State {
  id: string;
  start: number;
  last: number;
}

/** `session.id`, shared by the tabs of an origin. Nothing is stored while `stored` says no. */
export class Session {
  private state: State | undefined;

  /** Args: stored: whether storage may be used; onStart: told of each new session and the one before it. */
  constructor(
    private readonly stored: () => boolean,
    private readonly onStart: (id: string, previous: string | undefined) => void = () => {},
  ) {}

  get id(): string {
    const now = Date.now();
    const state = this.state ?? this.load();
    if (state && now - state.last < IDLE_MS && now - state.start < LONGEST_MS) {
      if (this.state !== state || now - state.last > TOUCH_MS) this.save({ ...state, last: now });
      return state.id;
    }
    const fresh = { id: randomHex(16), start: now, last: now };
    this.save(fresh);
    this.onStart(fresh.id, state?.id);
    return fresh.id;
  }

  /** Writes the session down, once that is allowed. */
  keep(): void {
    if (this.state) this.save(this.state);
  }

  forget(): void {
    this.state = undefined;
    try {
      localStorage.removeItem(KEY);
    } catch {
      // Storage is blocked: there was nothing.
    }
  }

  private load(): State | undefined {
    if (!this.stored()) return undefined;
    try {
      return JSON.parse(localStorage.getItem(KEY) ?? "null") ?? undefined;
    } catch {
      return undefined;
    }
  }

  private save(state: State): void {
    this.state = state;
    if (!this.stored()) return;
    try {
      localStorage.setItem(KEY, JSON.stringify(state));
    } catch {
      // Storage is blocked or full: the session lives as long as the page.
    }
  }
}
