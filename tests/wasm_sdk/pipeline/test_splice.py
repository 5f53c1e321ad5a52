"""What leaves a splicer is what Google's protobuf and plain Python would have sent."""

import contextlib
import json
import os
import re
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from wasm_sdk.otlp import MalformedOTLP
from wasm_sdk.pipeline import splice
from wasm_sdk.pipeline.program import Compiled, Program, RouteRule, SamplingRule
from wasm_sdk.pipeline.splice import UNCHANGED
from wasm_sdk.pipeline.stamp import ResourceStamp
from wasm_sdk.rules import Condition, EvaluationError
from wasm_sdk.sampling.threshold import from_probability

HALF = from_probability(0.5)
STAMP = ResourceStamp({"spanweave.tenant": "acme"})

PROGRAM = Program(
    drops=(
        Condition.parse('IsMatch(name, "^GET /health")'),
        Condition.parse('attributes["status"] >= 300 and attributes["status"] < 400'),
        Condition.parse("not Probability(0.5)"),
    ),
    routes=(
        RouteRule(Condition.parse("status.code == STATUS_CODE_ERROR"), (1,)),
        RouteRule(None, (2, 4), "trace_id"),
    ),
    outputs=3,
)

spans = st.fixed_dictionaries(
    {
        "trace_id": st.binary(min_size=16, max_size=16),
        "span_id": st.binary(min_size=8, max_size=8),
        "name": st.sampled_from(["GET /health", "GET /cart", "", "é" * 80]),
        "status": st.sampled_from([None, 200, 301, 399, 400, 500]),
        "error": st.booleans(),
        "state": st.sampled_from(
            ["", "ot=th:8", "ot=th:c;x:y", "a=1,b=2", "a=1,ot=rv:ffffffffffffff", "v=" + "z" * 200]
        ),
        "note": st.sampled_from([None, "", "n" * 3000]),
    }
)
requests = st.lists(
    st.tuples(st.sampled_from([None, "acme", "other"]), st.lists(st.lists(spans, max_size=4), max_size=2)),
    max_size=3,
)


def build(groups: Any) -> ExportTraceServiceRequest:
    message = ExportTraceServiceRequest()
    for tenant, scopes in groups:
        group = message.resource_spans.add(schema_url="https://schema.example")
        if tenant is not None:
            group.resource.dropped_attributes_count = 3
            for key in ("service.name", "spanweave.tenant"):
                group.resource.attributes.add(key=key).value.string_value = tenant
        for each in scopes:
            scope = group.scope_spans.add(schema_url="s")
            scope.scope.name = "tests"
            for given_span in each:
                span = scope.spans.add(trace_id=given_span["trace_id"], span_id=given_span["span_id"])
                span.name = given_span["name"]
                span.trace_state = given_span["state"]
                if given_span["status"] is not None:
                    span.attributes.add(key="status").value.int_value = given_span["status"]
                if given_span["note"] is not None:
                    span.attributes.add(key="note").value.string_value = given_span["note"]
                if given_span["error"]:
                    span.status.code = 2
    return message


def destinations(span: Any) -> int:
    """PROGRAM, by hand."""
    status = {entry.key: entry.value.int_value for entry in span.attributes}.get("status")
    if re.search("^GET /health", span.name) or (status is not None and 300 <= status < 400):
        return 0
    explicit = re.search("rv:([0-9a-f]{14})", span.trace_state)
    randomness = int(explicit[1], 16) if explicit else int.from_bytes(span.trace_id[9:], "big")
    if randomness < HALF:
        return 0
    return (1 if span.status.code == 2 else 0) | (4 if span.trace_id[15] & 1 else 2)


def by_protobuf(message: ExportTraceServiceRequest, bit: int) -> ExportTraceServiceRequest:
    out = ExportTraceServiceRequest()
    for group in message.resource_spans:
        made = out.resource_spans.add()
        made.CopyFrom(group)
        kept = [each for each in made.resource.attributes if each.key != "spanweave.tenant"]
        del made.resource.attributes[:]
        made.resource.attributes.extend(kept)
        made.resource.attributes.add(key="spanweave.tenant").value.string_value = "acme"
        for scope in list(made.scope_spans):
            wanted = [span for span in scope.spans if destinations(span) & bit]
            del scope.spans[:]
            for span in wanted:
                state = [m for m in span.trace_state.split(",") if m and not m.startswith("ot=")]
                own = next((m for m in span.trace_state.split(",") if m.startswith("ot=")), "")
                rest = [k for k in own[3:].split(";") if k and not k.startswith("th:")]
                threshold = "th:c" if own.startswith("ot=th:c") else "th:8"
                span.trace_state = ",".join([";".join(["ot=" + threshold, *rest]), *state])
                scope.spans.append(span)
        remaining = [scope for scope in made.scope_spans if scope.spans]
        del made.scope_spans[:]
        made.scope_spans.extend(remaining)
        if not remaining:
            del out.resource_spans[-1]
    return out


@given(requests)
@settings(max_examples=60, deadline=None)
def test_requests_are_those_that_protobuf_would_make(groups: Any) -> None:
    message = build(groups)
    splicer = PROGRAM.compile().splicer
    made = splicer.judge(message.SerializeToString(), STAMP)
    for index, data in enumerate(made):
        assert ExportTraceServiceRequest.FromString(data) == by_protobuf(message, 1 << index)


@given(requests)
@settings(max_examples=40, deadline=None)
def test_recorded_verdicts_make_the_same_requests_again(groups: Any) -> None:
    data = build(groups).SerializeToString()
    splicer = PROGRAM.compile().splicer
    made = splicer.judge(data, STAMP)
    table, verdicts = splicer.table, splicer.verdicts
    if verdicts:
        other = Program(routes=PROGRAM.routes, outputs=3).compile().splicer
        assert other.replay(data, STAMP, table, verdicts) == made


@given(st.binary(max_size=200))
def test_noise_is_refused_or_passes_through(data: bytes) -> None:
    splicer = PROGRAM.compile().splicer
    with contextlib.suppress(MalformedOTLP):
        splicer.judge(data, STAMP)


@given(requests, st.integers(0, 10_000), st.integers(1, 255))
@settings(max_examples=60, deadline=None)
def test_a_changed_byte_never_reads_out_of_bounds(groups: Any, at: int, flip: int) -> None:
    data = bytearray(build(groups).SerializeToString())
    if data:
        data[at % len(data)] ^= flip
    with contextlib.suppress(MalformedOTLP):
        PROGRAM.compile().splicer.judge(bytes(data), STAMP)


def one_span(**fields: Any) -> bytes:
    span = {
        "trace_id": bytes(range(240, 256)), "span_id": b"12345678", "name": "x", "status": None,
        "error": False, "state": "", "note": None,
    }  # fmt: skip
    return build([("acme", [[span | fields]])]).SerializeToString()


def only(data: bytes) -> Any:
    return ExportTraceServiceRequest.FromString(data).resource_spans[0].scope_spans[0].spans[0]


def test_without_sampling_a_tracestate_stays_as_it_is() -> None:
    splicer = Program(always=1).compile().splicer
    data = one_span(state="vendor=1")
    (made,) = splicer.judge(data, None)
    assert ExportTraceServiceRequest.FromString(made) == ExportTraceServiceRequest.FromString(data)
    assert splicer.table == [(1, UNCHANGED)]


def test_the_larger_threshold_counts() -> None:
    splicer = Program(always=1, sampling=(SamplingRule(None, 0.25),)).compile().splicer
    assert only(splicer.judge(one_span(state="ot=th:8"), None)[0]).trace_state == "ot=th:c"
    assert only(splicer.judge(one_span(state="ot=th:e"), None)[0]).trace_state == "ot=th:e"


def test_a_probability_inside_a_larger_condition_erases_the_threshold() -> None:
    drop = Condition.parse('name == "x" and not Probability(1.0)')
    splicer = Program(always=1, drops=(drop,)).compile().splicer
    assert only(splicer.judge(one_span(state="ot=th:8,a=b"), None)[0]).trace_state == "a=b"
    assert only(splicer.judge(one_span(state="ot=th:8"), None)[0]).trace_state == ""


def test_the_first_sampling_rule_that_holds_counts() -> None:
    rules = (SamplingRule(Condition.parse("status.code == STATUS_CODE_ERROR"), 1.0), SamplingRule(None, 0.0))
    splicer = Program(always=1, sampling=rules).compile().splicer
    assert only(splicer.judge(one_span(error=True), None)[0]).trace_state == "ot=th:0"
    assert splicer.judge(one_span(), None) == [b""]
    assert splicer.unsampled == 1


def test_first_match_stops_at_the_first_route_and_default_takes_the_rest() -> None:
    error = RouteRule(Condition.parse("status.code == STATUS_CODE_ERROR"), (1,))
    named = RouteRule(Condition.parse('name == "x"'), (2,))
    first = Program(routes=(error, named), first_match=True, default=4, outputs=3).compile().splicer
    first.judge(one_span(error=True), None)
    assert first.counts == [1, 0, 0]
    every = Program(routes=(error, named), default=4, outputs=3).compile().splicer
    every.judge(one_span(error=True), None)
    assert every.counts == [1, 1, 0]
    every.judge(one_span(name="y"), None)
    assert every.counts == [0, 0, 1]


def test_a_resource_attribute_chooses_among_destinations() -> None:
    route = RouteRule(None, (1, 2, 4, 8), "service.name")
    splicer = Program(routes=(route,), outputs=4).compile().splicer
    seen = set()
    for number in range(32):
        data = build(
            [(f"s{number}", [[{**_PLAIN, "span_id": bytes([n]) * 8} for n in range(1, 4)]])]
        ).SerializeToString()
        splicer.judge(data, None)
        assert sorted(splicer.counts) == [0, 0, 0, 3]
        seen.add(splicer.counts.index(3))
    assert seen == {0, 1, 2, 3}


_PLAIN = {
    "trace_id": b"t" * 16, "name": "x", "status": None, "error": False, "state": "", "note": None,
}  # fmt: skip


def test_what_cannot_be_judged_is_counted_or_fails_the_request() -> None:
    drop = Condition.parse('HasPrefix(attributes["none"], "a")')
    lenient = Program(always=1, drops=(drop,)).compile().splicer
    assert lenient.judge(one_span(), None) != [b""]
    assert lenient.errors == 1
    assert "expected a string" in lenient.reason
    strict = Program(always=1, drops=(drop,), propagate=True).compile().splicer
    with pytest.raises(EvaluationError):
        strict.judge(one_span(), None)


def test_drops_are_counted_by_rule() -> None:
    either = Condition.parse('name == "x" or name == "y"')
    compiled = Compiled(Program(always=1, drops=(either, Condition.parse('name == "z"'))))
    for name in "xyzx":
        compiled.splicer.judge(one_span(name=name), None)
    assert compiled.dropped == [3, 1]


def test_as_many_verdicts_as_spans_are_needed() -> None:
    splicer = Program(always=1).compile().splicer
    with pytest.raises(ValueError, match="verdicts"):
        splicer.replay(one_span(), None, [(1, UNCHANGED)], [0, 0])


def test_tables_are_powers_of_two_and_there_are_64_destinations() -> None:
    with pytest.raises(ValueError, match="power of two"):
        Program(routes=(RouteRule(None, (1, 2, 4)),)).compile()
    with pytest.raises(ValueError, match="64"):
        Program(outputs=65).compile()


PROBE = """
import json, sys
from tests.wasm_sdk.pipeline.test_splice import PROGRAM, STAMP
from wasm_sdk.pipeline import splice
splicer = PROGRAM.compile().splicer
found = [[part.hex() for part in splicer.judge(bytes.fromhex(line), STAMP)] for line in sys.stdin]
print(json.dumps([splice.__file__, found]))
"""


@pytest.mark.skipif(splice.__file__.endswith(".py"), reason="there is no compiled module to compare with")
def test_the_compiled_module_and_its_source_agree() -> None:
    many = [
        build(
            [(t, [[{**_PLAIN, "span_id": b"s" * 8, "trace_id": os.urandom(16), "state": s, "note": n}] * 3])]
        )
        for t in (None, "acme")
        for s in ("", "ot=th:8", "a=" + "b" * 200, "ot=rv:ffffffffffffff")
        for n in (None, "n" * 3000)
    ]
    data = [message.SerializeToString() for message in many]
    done = subprocess.run(
        [sys.executable, "-c", PROBE],
        input="\n".join(each.hex() for each in data),
        env=os.environ | {"SPANWEAVE_INTERPRETED": "1"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    where, found = json.loads(done.stdout)
    assert where.endswith(".py")
    splicer = PROGRAM.compile().splicer
    assert found == [[part.hex() for part in splicer.judge(each, STAMP)] for each in data]
