/**
 * Wall time that never steps back within a trace: an anchor, plus the monotonic clock.
 *
 * An anchor is the difference between the wall clock and `performance.now()`, in milliseconds. Each root span takes a
 * fresh one, because `performance.now()` stands still in some browsers while the machine sleeps; the spans below it
 * inherit theirs.
 */
export type Anchor = number;

/** The wall clock reads whole milliseconds, so a difference up to this is no drift. */
const TOLERANCE_MS = 2;

let anchor: Anchor = performance.timeOrigin;

export function freshAnchor(): Anchor {
  const seen = Date.now() - performance.now();
  if (Math.abs(seen - anchor) > TOLERANCE_MS) anchor = seen;
  return anchor;
}

/** `performance.now()` time under an anchor, as OTLP/JSON writes nanoseconds: a string, since numbers lose digits. */
export function unixNano(at: Anchor, monotonic: number): string {
  return `${Math.round((at + monotonic) * 1000)}000`;
}
