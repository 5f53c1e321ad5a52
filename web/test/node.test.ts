import assert from "node:assert/strict";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, beforeEach, test } from "node:test";
import { flush, init, logger, meter, tracer, traceparent, withSpan } from "../src/api/node.ts";

interface Arrival {
  path: string;
  type: string | undefined;
  body: any;
}

const arrivals: Arrival[] = [];
let answers: { status: number; headers?: Record<string, string>; body?: string }[] = [];
const early = tracer("early");

const server = createServer(async (request, response) => {
  const body = JSON.parse(await text(request));
  const { status, headers, body: reply } = answers.shift() ?? { status: 200 };
  if (status === 200) arrivals.push({ path: request.url!, type: request.headers["content-type"], body });
  response.writeHead(status, { "content-type": "application/json", ...headers }).end(reply ?? "{}");
});

async function text(request: IncomingMessage): Promise<string> {
  let all = "";
  for await (const chunk of request) all += chunk;
  return all;
}

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  init({ service: "orders", version: "2", endpoint: `http://127.0.0.1:${port}`, interval: 0, timeout: 3000 });
});
after(() => server.close());
beforeEach(() => {
  arrivals.length = 0;
  answers = [];
});

const items = (path: string): any[] =>
  arrivals
    .filter((arrival) => arrival.path === path)
    .flatMap(({ body }) => body.resourceSpans ?? body.resourceLogs ?? body.resourceMetrics)
    .flatMap((group) => group.scopeSpans ?? group.scopeLogs ?? group.scopeMetrics)
    .flatMap((group) => (group.spans ?? group.logRecords ?? group.metrics).map((item: object) => ({ scope: group.scope, ...item })));

const named = (name: string): any => items("/v1/traces").find((span) => span.name === name);

test("the current span follows asynchronous work, and concurrent work does not mix", async () => {
  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
  const work = (name: string, ms: number) =>
    withSpan(name, async () => {
      await pause(ms);
      withSpan(`${name}.child`, () => {});
      return traceparent();
    });
  const [first, second] = await Promise.all([work("a", 20), work("b", 5)]);
  assert.equal(traceparent(), undefined);
  assert.equal(await flush(), true);
  for (const [name, sent] of [["a", first], ["b", second]] as const) {
    assert.equal(named(`${name}.child`).parentSpanId, named(name).spanId);
    assert.equal(sent, `00-${named(name).traceId}-${named(name).spanId}-01`);
  }
  assert.notEqual(named("a").traceId, named("b").traceId);
});

test("scopes, resource and encoding are as OTLP/JSON has them", async () => {
  tracer("shop.db", "1.2").startSpan("query", { kind: 3, attributes: { "db.system.name": "sqlite" } }).end();
  await flush();
  assert.deepEqual(named("query").scope, { name: "shop.db", version: "1.2" });
  assert.equal(arrivals[0]?.type, "application/json");
  const attributes = arrivals[0]?.body.resourceSpans[0].resource.attributes;
  const value = (key: string) => attributes.find((pair: any) => pair.key === key)?.value.stringValue;
  assert.deepEqual([value("service.name"), value("service.version"), value("process.runtime.name")], ["orders", "2", "nodejs"]);
});

test("a tracer that was asked for before init works after it", async () => {
  early.startSpan("late").end();
  await flush();
  assert.equal(named("late").scope.name, "early");
});

test("metrics are deltas, histograms have buckets, what may go down is cumulative", async () => {
  const orders = meter("shop").createCounter("orders", { unit: "{order}" });
  const open = meter("shop").createUpDownCounter("open");
  const time = meter("shop").createHistogram("time", { unit: "ms", boundaries: [10, 100] });
  orders.add(1, { kind: "web" });
  orders.add(2, { kind: "web" });
  orders.add(-5);
  open.add(3);
  for (const value of [5, 10, 50, 500]) time.record(value);
  await flush();
  const metric = (name: string) => items("/v1/metrics").find((each) => each.name === name);
  assert.deepEqual(metric("orders").sum.dataPoints.map((point: any) => point.asInt), ["3"]);
  assert.equal(metric("orders").sum.aggregationTemporality, 1);
  assert.deepEqual(metric("time").histogram.dataPoints[0].bucketCounts, ["2", "1", "1"]);
  arrivals.length = 0;
  orders.add(1, { kind: "web" });
  open.add(-1);
  await flush();
  assert.equal(metric("orders").sum.dataPoints[0].asInt, "1");
  assert.equal(metric("open").sum.dataPoints[0].asInt, "2");
  assert.equal(metric("time"), undefined);
});

test("log records belong to the current span", async () => {
  withSpan("sale", () => logger("shop").emit({ body: "sold out", severity: 13 }));
  await flush();
  const [record] = items("/v1/logs");
  assert.equal(record.body.stringValue, "sold out");
  assert.equal(record.severityText, "WARN");
  assert.equal(record.spanId, named("sale").spanId);
});

test("a busy agent is asked again, one that refuses is not", async () => {
  answers = [{ status: 503, headers: { "retry-after": "0" } }];
  withSpan("patient", () => {});
  assert.equal(await flush(), true);
  assert.ok(named("patient"));
  answers = [{ status: 400, body: '{"message":"no"}' }];
  withSpan("refused", () => {});
  assert.equal(await flush(), false);
  assert.equal(await flush(), true);
  assert.equal(named("refused"), undefined);
});

test("what cannot be sent in time waits for the next flush", async () => {
  answers = [{ status: 503, headers: { "retry-after": "60" } }];
  withSpan("later", () => {});
  assert.equal(await flush(), false);
  assert.equal(await flush(), true);
  assert.ok(named("later"));
});
