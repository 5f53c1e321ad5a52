"""Sampling decisions, and what they leave in tracestate."""

import random

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import sampling as official
from opentelemetry.sdk.trace._sampling_experimental import composable_traceid_ratio_based, composite_sampler
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from wasm_sdk.propagation.trace_state import W3CTraceState
from wasm_sdk.sdk.trace import (
    ALWAYS_OFF,
    ALWAYS_ON,
    AlwaysRecord,
    Decision,
    ParentBased,
    ProbabilitySampler,
    Sampler,
    SamplingResult,
    TraceIdRatioBased,
)
from wasm_sdk.sdk.trace.sampler_environ import sampler_from_environ

LOW, HIGH = 0x1_00000000000000 | 1, 0x1_FFFFFFFFFFFFFF  # trace ids of the least and the most randomness


def parent(
    sampled: bool = True, remote: bool = True, state: str = "", trace_id: int = HIGH, random: bool = True
):
    flags = TraceFlags(sampled | random << 1)
    context = SpanContext(trace_id, 7, remote, flags, W3CTraceState.from_header([state]))
    return trace.set_span_in_context(NonRecordingSpan(context), Context())


def judge(sampler: Sampler, context: Context | None = None, trace_id: int = HIGH) -> tuple[Decision, str]:
    result = sampler.should_sample(context if context is not None else Context(), trace_id, "name")
    return result.decision, result.trace_state.to_header() if result.trace_state else ""


KEEP, DROP = Decision.RECORD_AND_SAMPLE, Decision.DROP


def test_always_on_and_off():
    assert judge(ALWAYS_ON) == (KEEP, "")
    assert judge(ALWAYS_OFF) == (DROP, "")
    assert judge(ALWAYS_ON, parent(state="v=1")) == (KEEP, "v=1")
    assert (ALWAYS_ON.get_description(), ALWAYS_OFF.get_description()) == (
        "AlwaysOnSampler",
        "AlwaysOffSampler",
    )


def test_always_on_below_a_sampled_parent_has_its_own_probability():
    assert judge(ALWAYS_ON, parent(state="ot=th:8;rv:aaaaaaaaaaaaaa")) == (KEEP, "ot=th:0;rv:aaaaaaaaaaaaaa")


@pytest.mark.parametrize(
    ("ratio", "threshold"), [(1, "0"), (0.5, "8"), (0.25, "c"), (0.01, "fd70a"), (2**-56, "ffffffffffffff")]
)
def test_a_kept_trace_tells_its_probability(ratio, threshold):
    assert judge(ProbabilitySampler(ratio)) == (KEEP, f"ot=th:{threshold}")


def test_randomness_below_the_threshold_is_dropped():
    assert judge(ProbabilitySampler(0.5), trace_id=LOW) == (DROP, "")
    assert judge(ProbabilitySampler(0.5), trace_id=0x80000000000000) == (KEEP, "ot=th:8")
    assert judge(ProbabilitySampler(0), trace_id=HIGH) == (DROP, "")


def test_explicit_randomness_takes_the_place_of_the_trace_id():
    context = parent(state="v=1,ot=rv:00000000000001;th:8", trace_id=HIGH)
    assert judge(ProbabilitySampler(0.5), context) == (DROP, "ot=rv:00000000000001,v=1")
    context = parent(state="ot=rv:ffffffffffffff", trace_id=LOW)
    assert judge(ProbabilitySampler(0.5), context, LOW) == (KEEP, "ot=th:8;rv:ffffffffffffff")


def test_a_larger_share_holds_every_smaller_one():
    samplers = [ProbabilitySampler(ratio) for ratio in (0.01, 0.1, 0.3, 0.9)]
    generator = random.Random(1)
    kept = [0] * len(samplers)
    for _ in range(3000):
        trace_id = generator.getrandbits(128)
        decisions = [judge(sampler, trace_id=trace_id)[0] is KEEP for sampler in samplers]
        assert decisions == sorted(decisions)
        kept = [count + decision for count, decision in zip(kept, decisions, strict=True)]
    assert [count / 3000 for count in kept] == pytest.approx([0.01, 0.1, 0.3, 0.9], abs=0.03)


@pytest.mark.parametrize("ratio", [1.0, 0.5, 0.3, 0.001])
def test_opentelemetrys_own_consistent_sampler_agrees(ratio):
    ours, theirs = ProbabilitySampler(ratio), composite_sampler(composable_traceid_ratio_based(ratio))
    generator = random.Random(2)
    for trace_id in (generator.getrandbits(128) for _ in range(2000)):
        decision = theirs.should_sample(Context(), trace_id, "name").decision
        assert judge(ours, trace_id=trace_id)[0].name == decision.name


def test_callers_of_level_one_are_told_of_once(caplog):
    sampler = TraceIdRatioBased(0.5)
    judge(sampler, parent(random=True))
    judge(sampler, parent(random=False, state="ot=rv:ffffffffffffff"))
    assert not caplog.text
    judge(sampler, parent(random=False))
    judge(sampler, parent(random=False))
    assert caplog.text.count("upgrade them to W3C Trace Context level 2") == 1


@pytest.mark.parametrize("ratio", [-0.1, 1.1, 2**-60, float("nan")])
def test_impossible_ratios_are_refused(ratio):
    with pytest.raises(ValueError, match="between"):
        ProbabilitySampler(ratio)


@pytest.mark.parametrize("remote", [True, False])
@pytest.mark.parametrize("sampled", [True, False])
def test_parent_based_does_what_the_parents_flag_says(remote, sampled):
    ours, theirs = ParentBased(ALWAYS_OFF), official.ParentBased(official.ALWAYS_OFF)
    context = parent(sampled, remote, "v=1")
    expected = theirs.should_sample(context, HIGH, "name")
    assert judge(ours, context) == (Decision[expected.decision.name], expected.trace_state.to_header())


def test_parent_based_asks_the_root_sampler_without_a_parent():
    assert judge(ParentBased(ALWAYS_ON)) == (KEEP, "")
    assert judge(ParentBased(ProbabilitySampler(0.5))) == (KEEP, "ot=th:8")
    invalid = trace.set_span_in_context(NonRecordingSpan(SpanContext(0, 0, True)), Context())
    assert judge(ParentBased(ALWAYS_OFF), invalid)[0] is DROP


def test_parent_based_asks_the_delegate_for_each_kind_of_parent():
    delegates = {name: ProbabilitySampler(1 / 2**n) for n, name in enumerate(["a", "b", "c", "d"])}
    sampler = ParentBased(ALWAYS_OFF, delegates["a"], delegates["b"], delegates["c"], delegates["d"])
    states = [
        judge(sampler, parent(sampled, remote))[1] for remote in (True, False) for sampled in (True, False)
    ]
    assert states == ["ot=th:0", "ot=th:8", "ot=th:c", "ot=th:e"]


def test_the_parents_threshold_is_passed_on_when_it_is_consistent():
    sampler = ParentBased(ALWAYS_ON)
    assert judge(sampler, parent(state="ot=th:8,v=1")) == (KEEP, "ot=th:8,v=1")
    assert judge(sampler, parent(state="ot=th:8,v=1", trace_id=LOW), LOW) == (KEEP, "v=1")
    assert judge(sampler, parent(state="ot=th:8;rv:00000000000001")) == (KEEP, "ot=rv:00000000000001")
    assert judge(sampler, parent(sampled=False, state="ot=th:8")) == (DROP, "")


def test_always_record_records_what_its_root_drops():
    assert judge(AlwaysRecord(ALWAYS_OFF))[0] is Decision.RECORD_ONLY
    assert judge(AlwaysRecord(ProbabilitySampler(0.5))) == (KEEP, "ot=th:8")
    result = AlwaysRecord(ALWAYS_OFF).should_sample(Context(), 1, "name", attributes={"a": 1})
    assert result.attributes == {"a": 1}


def test_descriptions():
    assert TraceIdRatioBased(0.0001).get_description() == "TraceIdRatioBased{0.0001}"
    assert ProbabilitySampler(0.5).get_description() == "ProbabilitySampler{0.5}"
    assert AlwaysRecord(ALWAYS_OFF).get_description() == "AlwaysRecord{AlwaysOffSampler}"
    assert (
        ParentBased(ALWAYS_ON).get_description() == official.ParentBased(official.ALWAYS_ON).get_description()
    )


@pytest.mark.parametrize(
    ("name", "argument", "description"),
    [
        ("", "", "ParentBased{root:AlwaysOnSampler"),
        ("always_on", "", "AlwaysOnSampler"),
        ("always_off", "", "AlwaysOffSampler"),
        ("TraceIdRatio", "0.25", "TraceIdRatioBased{0.25}"),
        ("traceidratio", "", "TraceIdRatioBased{1.0}"),
        ("parentbased_always_on", "", "ParentBased{root:AlwaysOnSampler"),
        ("parentbased_always_off", "", "ParentBased{root:AlwaysOffSampler"),
        ("parentbased_traceidratio", "0.5", "ParentBased{root:TraceIdRatioBased{0.5}"),
        ("parentbased_traceidratio", "half", "ParentBased{root:TraceIdRatioBased{1.0}"),
        ("traceidratio", "7", "TraceIdRatioBased{1.0}"),
        ("jaeger_remote", "", "ParentBased{root:AlwaysOnSampler"),
        ("xparentbased_always_off", "", "ParentBased{root:AlwaysOnSampler"),
    ],
)
def test_the_environment_chooses_the_sampler(name, argument, description):
    environ = {"OTEL_TRACES_SAMPLER": name, "OTEL_TRACES_SAMPLER_ARG": argument}
    assert sampler_from_environ(environ).get_description().startswith(description)


class Tagging(Sampler):
    """What the specification lets a sampler do: see everything, add attributes, change tracestate."""

    def should_sample(
        self, parent_context, trace_id, name, kind=None, attributes=None, links=None, trace_state=None
    ):
        self.seen = (parent_context, name, kind, attributes, links)
        state = W3CTraceState([("tag", "1")])
        return SamplingResult(KEEP, {**(attributes or {}), "sampler": "tagging"}, state)

    def get_description(self) -> str:
        return "Tagging"


def test_a_sampler_sees_the_full_context_and_changes_the_span(provide):
    sampler, context = Tagging(), parent()
    span = (
        provide(sampler=sampler)
        .get_tracer("t")
        .start_span("n", context, trace.SpanKind.CLIENT, {"a": 1}, [trace.Link(SpanContext(1, 2, False))])
    )
    assert sampler.seen[:4] == (context, "n", trace.SpanKind.CLIENT, {"a": 1})
    assert len(sampler.seen[4]) == 1
    assert dict(span.attributes) == {"a": 1, "sampler": "tagging"}
    assert span.context.trace_state.to_header() == "tag=1"


def test_samplers_of_opentelemetry_sdk_work(provide):
    tracer = provide(sampler=official.ParentBased(official.TraceIdRatioBased(1.0))).get_tracer("t")
    assert tracer.start_span("n", Context()).is_recording()
    tracer = provide(sampler=official.ALWAYS_OFF).get_tracer("t")
    assert not tracer.start_span("n", Context()).is_recording()


def test_a_dropped_span_has_its_own_id_and_passes_the_decision_on(provide, keep):
    tracer = provide(sampler=ParentBased(ALWAYS_OFF)).get_tracer("t")
    with tracer.start_as_current_span("dropped") as dropped:
        child = tracer.start_span("child")
    context = dropped.get_span_context()
    assert context.is_valid and not context.trace_flags.sampled and not dropped.is_recording()
    assert child.get_span_context().trace_id == context.trace_id
    assert child.get_span_context().span_id != context.span_id
    assert not keep.started and not keep.ended


def test_record_only_reaches_processors_but_is_not_sampled(provide, keep):
    tracer = provide(sampler=AlwaysRecord(ALWAYS_OFF)).get_tracer("t")
    span = tracer.start_span("s", Context())
    child = tracer.start_span("c", trace.set_span_in_context(span, Context()))
    child.end()
    assert span.is_recording() and not span.get_span_context().trace_flags.sampled
    assert keep.ended == [child]
