"""Pipeline: five conditions (two patterns), two routes, three destinations (two balanced by trace id).

Batches of 512 spans; the tenant is written into each resource and the threshold into each kept span's
tracestate. The peer does the same with Google's protobuf (upb, C): decodes, judges, copies, encodes. The core
runs interpreted in a process of its own.
"""

import json
import os
import random
import statistics
import subprocess
import sys
import time
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from benchmarks import rules
from benchmarks.result import Result

BATCHES, ROUNDS = 8, 9
LATENCY_BATCHES = 4000
ERRORS = 'status.code == STATUS_CODE_ERROR or attributes["gen_ai.operation.name"] == "chat"'
THRESHOLD = "ot=th:199a"  # what keeps 90 %, at four digits


def run() -> list[Result]:
    found: list[Result] = []
    for interpreted in ("", "1"):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.pipeline"],
            env=os.environ | {"SPANWEAVE_INTERPRETED": interpreted},
            stdout=subprocess.PIPE,
            check=True,
        )
        found += [Result(**each) for each in json.loads(done.stdout)]
    return found


def batches() -> list[bytes]:
    """Requests whose spans differ: ids, paths and times, as they would."""
    chance = random.Random(11)
    message = ExportTraceServiceRequest.FromString(rules.request())
    made = []
    for _ in range(BATCHES):
        for span in message.resource_spans[0].scope_spans[0].spans:
            span.trace_id, span.span_id = chance.randbytes(16), chance.randbytes(8)
            for entry in span.attributes:
                if entry.key == "url.path":
                    entry.value.string_value = f"{span.name.split()[1]}/{chance.randrange(10**6)}"
            span.status.code = 2 if chance.random() < 0.05 else 0
        made.append(message.SerializeToString())
    return made


def by_protobuf(data: bytes) -> list[bytes]:
    """The same work on decoded messages."""
    message = ExportTraceServiceRequest.FromString(data)
    made: list[Any] = [ExportTraceServiceRequest() for _ in range(3)]
    for group in message.resource_spans:
        for index in reversed(range(len(group.resource.attributes))):
            if group.resource.attributes[index].key == "spanweave.tenant":
                del group.resource.attributes[index]
        group.resource.attributes.add(key="spanweave.tenant").value.string_value = "acme"
        for scope in group.scope_spans:
            kept: list[list[Any]] = [[], [], []]
            for span in scope.spans:
                if rules._drops(span):
                    continue
                span.trace_state = THRESHOLD
                if span.status.code == 2:
                    kept[0].append(span)
                kept[1 + (span.trace_id[15] & 1)].append(span)
            for out, spans in zip(made, kept, strict=True):
                if spans:
                    target = out.resource_spans.add(schema_url=group.schema_url)
                    target.resource.CopyFrom(group.resource)
                    into = target.scope_spans.add(schema_url=scope.schema_url)
                    if scope.HasField("scope"):
                        into.scope.CopyFrom(scope.scope)
                    into.spans.extend(spans)
    return [each.SerializeToString() for each in made]


def main() -> list[Result]:
    from wasm_sdk.pipeline import splice
    from wasm_sdk.pipeline.program import Program, RouteRule
    from wasm_sdk.pipeline.stamp import ResourceStamp
    from wasm_sdk.rules import Condition

    program = Program(
        drops=tuple(Condition.parse(each) for each in rules.CONDITIONS),
        routes=(RouteRule(Condition.parse(ERRORS), (1,)), RouteRule(None, (2, 4), "trace_id")),
        outputs=3,
    )
    splicer = program.compile().splicer
    stamp = ResourceStamp({"spanweave.tenant": "acme"})
    data = batches()
    spans = rules.SPANS * BATCHES
    for each in data:
        parts = [ExportTraceServiceRequest.FromString(part) for part in splicer.judge(each, stamp)]
        assert parts == [ExportTraceServiceRequest.FromString(part) for part in by_protobuf(each)]

    def judge() -> None:
        for each in data:
            splicer.judge(each, stamp)

    def peer() -> None:
        for each in data:
            by_protobuf(each)

    seconds: dict[str, list[float]] = {"ours": [], "peer": []}
    for _ in range(ROUNDS):
        for name, call in (("ours", judge), ("peer", peer)):
            start = time.process_time()
            call()
            seconds[name].append(time.process_time() - start)
    ours, theirs = (spans / statistics.median(seconds[name]) for name in ("ours", "peer"))
    mode = "interpreted" if splice.__file__.endswith(".py") else "compiled"
    found = [
        Result(f"pipeline_{mode}_spans_per_s", ours, "spans/s", "protobuf (upb) and Python", theirs),
        Result(f"pipeline_{mode}_best_spans_per_s", spans / min(seconds["ours"]), "spans/s"),
    ]
    if mode == "compiled":
        took = []
        for number in range(LATENCY_BATCHES):
            each = data[number % BATCHES]
            start = time.perf_counter()
            splicer.judge(each, stamp)
            took.append(time.perf_counter() - start)
        found.append(Result("pipeline_batch_p99_ms", statistics.quantiles(took, n=100)[98] * 1000, "ms"))
    return found


if __name__ == "__main__":
    print(json.dumps([each.__dict__ for each in main()]))
