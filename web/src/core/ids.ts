/** Lower-case hexadecimal of `bytes` random bytes, never all zero. */
export function randomHex(bytes: number): string {
  let hex = "";
  for (const byte of crypto.getRandomValues(new Uint8Array(bytes))) hex += (byte + 256).toString(16).slice(1);
  return /[1-9a-f]/.test(hex) ? hex : randomHex(bytes);
}
