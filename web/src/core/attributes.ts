/** A value of the OTLP data model; `{ doubleValue }` says "floating point" where JavaScript cannot. */
export type AttributeValue = string | number | boolean | readonly (string | number | boolean)[] | { doubleValue: number };

/** Attributes by name; what is undefined or null is left out. */
export type Attributes = Record<string, AttributeValue | undefined | null>;

export interface KeyValue {
  key: string;
  value: object;
}

/** The OTLP/JSON form of one value. */
export function anyValue(value: AttributeValue): object {
  switch (typeof value) {
    case "string":
      return { stringValue: value };
    case "boolean":
      return { boolValue: value };
    case "number":
      if (Number.isSafeInteger(value)) return { intValue: String(value) };
      return { doubleValue: Number.isFinite(value) ? value : String(value) };
    default:
      return Array.isArray(value) ? { arrayValue: { values: value.map(anyValue) } } : (value as object);
  }
}

/** The OTLP/JSON form of attributes. */
export function keyValues(attributes: Attributes): KeyValue[] {
  const list: KeyValue[] = [];
  for (const key in attributes) {
    const value = attributes[key];
    if (value != null) list.push({ key, value: anyValue(value) });
  }
  return list;
}
