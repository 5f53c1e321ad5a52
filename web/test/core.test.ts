import assert from "node:assert/strict";
import { test } from "node:test";
import { keyValues } from "../src/core/attributes.ts";
import { StackContext } from "../src/core/context.ts";
import { envelope } from "../src/core/envelope.ts";
import { redactor } from "../src/core/redact.ts";
import { sampler } from "../src/core/sampling.ts";
import type { Span } from "../src/core/span.ts";
import { Tracer } from "../src/core/tracer.ts";
import { formatTraceparent, parseTraceparent } from "../src/core/traceparent.ts";

const TRACE = "0af7651916cd43dd8448eb211c80319c";
const SPAN = "b7ad6b7169203331";

test("a traceparent survives reading and writing", () => {
  const context = parseTraceparent(`00-${TRACE}-${SPAN}-01`);
  assert.deepEqual(context, { traceId: TRACE, spanId: SPAN, sampled: true });
  assert.equal(formatTraceparent(context!), `00-${TRACE}-${SPAN}-01`);
});

test("malformed traceparents are refused, later versions are read", () => {
  const zero = "0".repeat(32);
  for (const text of ["", null, undefined, "00", `ff-${TRACE}-${SPAN}-01`, `00-${zero}-${SPAN}-01`, `00-${TRACE}-${SPAN}-01-x`, `00-${TRACE.toUpperCase()}-${SPAN}-01`])
    assert.equal(parseTraceparent(text), undefined, String(text));
  assert.equal(parseTraceparent(`01-${TRACE}-${SPAN}-00-future`)?.sampled, false);
});

test("query values, credentials and fragments of URLs are redacted wherever they stand", () => {
  const redact = redactor();
  assert.equal(redact("https://u:p@shop.example/a?card=47&q=x#token"), "https://REDACTED:REDACTED@shop.example/a?card=REDACTED&q=REDACTED");
  assert.equal(redact("at buy (https://a.example/app.js?v=12:10:5)"), "at buy (https://a.example/app.js?v=REDACTED:10:5)");
  assert.equal(redact("https://a.example/app.js:10:5"), "https://a.example/app.js:10:5");
  assert.equal(redact("3 ? 4 : 5"), "3 ? 4 : 5");
});

test("with query=keep only what looks like a secret is redacted", () => {
  const redact = redactor({ query: "keep" });
  assert.equal(redact("https://a.example/?page=2&access_token=x#top"), "https://a.example/?page=2&access_token=REDACTED#top");
});

test("attributes are redacted by key and by pattern", () => {
  const redact = redactor({ keys: ["password"], patterns: [/\b\d{16}\b/g] });
  assert.equal(redact("hunter2", "user.Password"), "REDACTED");
  assert.equal(redact("card 4711471147114711!"), "card REDACTED!");
  assert.deepEqual(redact(["a", "4711471147114711"], "cards"), ["a", "REDACTED"]);
  assert.equal(redact(7, "n"), 7);
  assert.equal(redact(7, "password.length"), "REDACTED");
  assert.equal(redact(["a", "b"], "passwords"), "REDACTED");
});

test("numbers keep their type, and what is absent is left out", () => {
  assert.deepEqual(keyValues({ a: 1, b: 1.5, c: { doubleValue: 2 }, d: undefined, e: null, f: Number.NaN, g: ["x", true] }), [
    { key: "a", value: { intValue: "1" } },
    { key: "b", value: { doubleValue: 1.5 } },
    { key: "c", value: { doubleValue: 2 } },
    { key: "f", value: { doubleValue: "NaN" } },
    { key: "g", value: { arrayValue: { values: [{ stringValue: "x" }, { boolValue: true }] } } },
  ]);
});

test("a sampler keeps its share and says its threshold", () => {
  const half = sampler(0.5);
  assert.equal(half.traceState, "ot=th:8");
  assert.equal(half(`${"0".repeat(18)}80000000000000`), true);
  assert.equal(half(`${"f".repeat(18)}7fffffffffffff`), false);
  assert.equal(sampler(1)(TRACE), true);
  assert.equal(sampler(0)(TRACE), false);
  assert.equal(sampler(0.1).traceState, "ot=th:e6666");
});

function spans(ratio = 1): { tracer: Tracer; ended: Span[] } {
  const ended: Span[] = [];
  return { tracer: new Tracer(sampler(ratio), new StackContext(), { ended: (span) => ended.push(span) }), ended };
}

test("withSpan parents what starts inside, and records what is thrown", async () => {
  const { tracer, ended } = spans();
  await assert.rejects(
    tracer.withSpan("outer", {}, async () => {
      tracer.startSpan("inner").end();
      throw new RangeError("too far");
    }),
  );
  const [inner, outer] = ended;
  assert.equal(inner?.parent?.spanId, outer?.spanId);
  assert.equal(tracer.current, undefined);
  const json = JSON.parse(outer!.encode(redactor(), {}));
  assert.deepEqual(json.status, { code: 2, message: "RangeError: too far" });
  assert.equal(json.events[0].name, "exception");
  assert.equal(json.flags, 0x101);
});

test("a trace that is not sampled is not recorded, but still propagates", () => {
  const { tracer, ended } = spans(0);
  const span = tracer.startSpan("quiet");
  span.end();
  assert.equal(ended.length, 0);
  assert.ok(formatTraceparent(span).endsWith("-00"));
});

test("times are nanoseconds as strings, and a span never ends before it starts", () => {
  const { tracer, ended } = spans();
  tracer.startSpan("x", { startTime: 1000 }).end(10);
  const json = JSON.parse(ended[0]!.encode(redactor(), {}));
  assert.match(json.startTimeUnixNano, /^\d{19}$/);
  assert.equal(json.startTimeUnixNano, json.endTimeUnixNano);
});

test("an envelope groups records by resource without encoding them again", () => {
  const record = (id: string, resource: string) => ({ id, signal: "traces" as const, json: `{"spanId":"${id}"}`, resource, scope: "{}" });
  const body = JSON.parse(envelope("traces", [record("1", "{}"), record("2", '{"attributes":[]}'), record("3", "{}")]));
  assert.deepEqual(body.resourceSpans.map((group: { scopeSpans: { spans: unknown[] }[] }) => group.scopeSpans[0]?.spans), [
    [{ spanId: "1" }, { spanId: "3" }],
    [{ spanId: "2" }],
  ]);
});
