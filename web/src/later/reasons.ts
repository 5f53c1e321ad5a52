/** Finds out why a request to the agent never got an answer: the browser tells scripts only that it failed. */
export async function explainUnreachable(url: string): Promise<string> {
  const origin = location.origin;
  const keeps = "what was recorded is kept and tried again";
  try {
    // Without CORS the answer is opaque, but that there is one shows that the agent is there.
    await fetch(url, { method: "GET", mode: "no-cors", credentials: "omit" });
  } catch {
    return `the agent at ${new URL(url).origin} cannot be reached (is it running? does the page's CSP allow it in connect-src?); ${keeps}`;
  }
  return `the agent at ${new URL(url).origin} does not allow pages of ${origin}: add it to http.cors.allowed_origins in the agent's configuration; ${keeps}`;
}
