const said = new Set<string>();

/** Tells the page's developer, once, what is off and what to do. */
export function warn(message: string): void {
  if (said.has(message)) return;
  said.add(message);
  console.warn(`[spanweave] ${message}`);
}
