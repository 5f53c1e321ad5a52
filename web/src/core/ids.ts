const POOL = 1024;
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

const pool = new Uint8Array(POOL);
let used = POOL;

/** Lower-case hexadecimal of `bytes` random bytes, never all zero. Drawn from a pool: asking costs by the call. */
export function randomHex(bytes: number): string {
  if (used + bytes > POOL) {
    crypto.getRandomValues(pool);
    used = 0;
  }
  let hex = "";
  for (const end = used + bytes; used < end; used++) hex += HEX[pool[used]!];
  return /[1-9a-f]/.test(hex) ? hex : randomHex(bytes);
}
