import { keyValues, type Attributes } from "./attributes.ts";
import { freshAnchor, unixNano } from "./clock.ts";
import { scopeText } from "./envelope.ts";
import type { Redact } from "./redact.ts";
import { limited } from "./span.ts";

/** The specification's default buckets. */
const BOUNDARIES = [0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000];
/** Attribute sets of one instrument; what comes beyond is summed under `otel.metric.overflow`. */
const MOST_SETS = 2000;
const DELTA = 1;
const CUMULATIVE = 2;

export interface InstrumentOptions {
  unit?: string;
  description?: string;
  /** Upper bounds of a histogram's buckets. */
  boundaries?: readonly number[];
}

/** A value that only grows. */
export interface Counter {
  add(value: number, attributes?: Attributes): void;
}

/** A distribution, or the last value. */
export interface Recorder {
  record(value: number, attributes?: Attributes): void;
}

type Kind = "counter" | "upDownCounter" | "histogram" | "gauge";

interface Point {
  attributes: Attributes;
  sum: number;
  count: number;
  min: number;
  max: number;
  buckets: number[];
}

/** A metric on its way out. */
export interface EncodedMetric {
  json: string;
  scope: string;
}

/** Creates instruments; synchronous ones, with delta temporality (cumulative for what may go down). */
export class Meter {
  private readonly instruments: Instrument[] = [];

  constructor(private readonly redact: () => Redact) {}

  createCounter(name: string, options: InstrumentOptions = {}, scope = ""): Counter {
    return this.create(name, "counter", options, scope);
  }

  createUpDownCounter(name: string, options: InstrumentOptions = {}, scope = ""): Counter {
    return this.create(name, "upDownCounter", options, scope);
  }

  createHistogram(name: string, options: InstrumentOptions = {}, scope = ""): Recorder {
    return this.create(name, "histogram", options, scope);
  }

  createGauge(name: string, options: InstrumentOptions = {}, scope = ""): Recorder {
    return this.create(name, "gauge", options, scope);
  }

  /** The OTLP/JSON texts of what was recorded since the last call. */
  collect(): EncodedMetric[] {
    return this.instruments.flatMap((instrument) => instrument.collect(this.redact()) ?? []);
  }

  private create(name: string, kind: Kind, options: InstrumentOptions, scope: string): Instrument {
    const known = this.instruments.find((each) => each.name === name && each.scope === scope);
    if (known) return known;
    const instrument = new Instrument(name, kind, options, scope || scopeText("spanweave"));
    this.instruments.push(instrument);
    return instrument;
  }
}

class Instrument implements Counter, Recorder {
  private points = new Map<string, Point>();
  private since = performance.now();

  constructor(
    readonly name: string,
    private readonly kind: Kind,
    private readonly options: InstrumentOptions,
    readonly scope: string,
  ) {}

  add(value: number, attributes: Attributes = {}): void {
    if (value >= 0 || this.kind !== "counter") this.record(value, attributes);
  }

  record(value: number, attributes: Attributes = {}): void {
    if (!Number.isFinite(value)) return;
    const point = this.point(attributes);
    point.sum = this.kind === "gauge" ? value : point.sum + value;
    point.count++;
    point.min = Math.min(point.min, value);
    point.max = Math.max(point.max, value);
    if (this.kind !== "histogram") return;
    const at = this.boundaries.findIndex((bound) => value <= bound);
    const bucket = at < 0 ? this.boundaries.length : at;
    point.buckets[bucket] = (point.buckets[bucket] ?? 0) + 1;
  }

  collect(redact: Redact): EncodedMetric | undefined {
    if (!this.points.size) return undefined;
    const anchor = freshAnchor();
    const now = performance.now();
    const span = { startTimeUnixNano: unixNano(anchor, this.since), timeUnixNano: unixNano(anchor, now) };
    const dataPoints = [...this.points.values()].map((point) => ({
      ...span,
      attributes: limited(point.attributes, redact).list,
      ...this.value(point),
    }));
    if (this.kind !== "upDownCounter") {
      this.points = new Map();
      this.since = now;
    }
    const { unit, description } = this.options;
    return { json: JSON.stringify({ name: this.name, unit, description, ...this.data(dataPoints) }), scope: this.scope };
  }

  private data(dataPoints: object[]): object {
    switch (this.kind) {
      case "counter":
        return { sum: { dataPoints, aggregationTemporality: DELTA, isMonotonic: true } };
      case "upDownCounter":
        return { sum: { dataPoints, aggregationTemporality: CUMULATIVE, isMonotonic: false } };
      case "histogram":
        return { histogram: { dataPoints, aggregationTemporality: DELTA } };
      case "gauge":
        return { gauge: { dataPoints } };
    }
  }

  private value(point: Point): object {
    if (this.kind !== "histogram") {
      return Number.isSafeInteger(point.sum) ? { asInt: String(point.sum) } : { asDouble: point.sum };
    }
    const { count, sum, min, max } = point;
    const bucketCounts = Array.from({ length: this.boundaries.length + 1 }, (_, at) => String(point.buckets[at] ?? 0));
    return { count: String(count), sum, min, max, bucketCounts, explicitBounds: this.boundaries };
  }

  private get boundaries(): readonly number[] {
    return this.options.boundaries ?? BOUNDARIES;
  }

  private point(attributes: Attributes): Point {
    let kept = attributes;
    let key = keyOf(attributes);
    if (!this.points.has(key) && this.points.size >= MOST_SETS) {
      kept = { "otel.metric.overflow": true };
      key = keyOf(kept);
    }
    let point = this.points.get(key);
    if (!point) {
      point = { attributes: { ...kept }, sum: 0, count: 0, min: Infinity, max: -Infinity, buckets: [] };
      this.points.set(key, point);
    }
    return point;
  }
}

const keyOf = (attributes: Attributes): string =>
  JSON.stringify(keyValues(attributes).sort((a, b) => (a.key < b.key ? -1 : 1)));
