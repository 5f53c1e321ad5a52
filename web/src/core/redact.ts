/** What must not leave the page. It holds for every attribute, name and message, whoever sends them. */
export interface RedactOptions {
  /** Attribute names, in part and whatever the case, whose values are replaced. */
  keys?: readonly string[];
  /** What is replaced inside any text. */
  patterns?: readonly RegExp[];
  /** `redact` (default) replaces the value of every query parameter; `keep` only those that look like secrets. */
  query?: "redact" | "keep";
}

export type Redact = <T>(value: T, key?: string) => T;

const MARK = "REDACTED";
const SECRET = /pass(word|wd)?|secret|token|api[-_]?key|auth|credential|session[-_]?key|signature|^(sig|code)$/i;
/** A URL inside any text; group 3 is its query, group 5 the line and column that stack traces put behind it. */
const URL_IN_TEXT = /\b((?:https?|wss?):\/\/)([^\s"'<>?#)]*)(\?[^\s"'<>#)]*?)?(#[^\s"'<>)]*?)?((?::\d+){1,2})?(?=[\s"'<>)]|$)/g;

/** The function that cleans a value, an array of values, or an attribute named `key`. */
export function redactor(options: RedactOptions = {}): Redact {
  const keys = (options.keys ?? []).map((key) => key.toLowerCase());
  const everyParameter = options.query !== "keep";

  const query = (text: string): string =>
    text.replace(/([?&])([^=&]*)=([^&]*)/g, (whole, mark: string, name: string) =>
      everyParameter || SECRET.test(name) ? `${mark}${name}=${MARK}` : whole,
    );

  const text = (value: string): string => {
    if (value.includes("://")) {
      value = value.replace(URL_IN_TEXT, (_, scheme: string, rest: string, search = "", fragment = "", place = "") => {
        const slash = rest.indexOf("/");
        const at = rest.lastIndexOf("@", slash < 0 ? rest.length : slash);
        const where = at < 0 ? rest : `${MARK}:${MARK}${rest.slice(at)}`;
        return scheme + where + query(search) + (everyParameter ? "" : fragment) + place;
      });
    }
    for (const pattern of options.patterns ?? []) value = value.replace(pattern, MARK);
    return value;
  };

  const redact = (value: unknown, key = ""): unknown => {
    if (value == null) return value;
    const lower = key.toLowerCase();
    if (keys.some((part) => lower.includes(part))) return MARK;
    if (Array.isArray(value)) return value.map((item) => redact(item));
    return typeof value === "string" ? text(value) : value;
  };
  return redact as Redact;
}
