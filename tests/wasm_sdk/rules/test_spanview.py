"""Encoded spans: judged as decoded ones whatever their content and order of fields, and malformed ones are
refused.
"""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wasm_sdk.otlp import MalformedOTLP, encode
from wasm_sdk.otlp.model import (
    InstrumentationScope,
    Resource,
    ResourceSpans,
    ScopeSpans,
    Span,
    SpanEvent,
    Status,
    TracesData,
)
from wasm_sdk.otlp.values import KeyValue, KeyValues
from wasm_sdk.otlp.wire import iter_spans
from wasm_sdk.rules import Condition, EvaluationError, Item
from wasm_sdk.rules.encoded import SpanRules
from wasm_sdk.rules.spanview import SpanView

CONDITIONS = [
    Condition.parse(source)
    for source in (
        'name == "a" or name > "b"',
        'IsMatch(name, "^a")',
        'HasPrefix(name, "a")',
        'HasSuffix(attributes["a"], "x")',
        "kind == SPAN_KIND_SERVER",
        "kind >= 2.5",
        "status.code != STATUS_CODE_ERROR",
        'status.message == "a"',
        "start_time_unix_nano < 5",
        "end_time_unix_nano > start_time_unix_nano",
        'end_time - start_time > Duration("1ns")',
        'attributes["a"] == nil',
        'attributes["a"] != nil',
        'attributes["a"] <= nil',
        'attributes["a"] < nil',
        'attributes["a"] == 1',
        'attributes["a"] >= 1',
        'attributes["a"] < 1.5',
        'attributes["a"] == "a"',
        'attributes["a"] != "a"',
        'attributes["a"] == true',
        'attributes["a"] == 0x61',
        'attributes["a"]["k"] == 1',
        'attributes["ab"] > "a"',
        '5 > attributes["a"]',
        'IsMatch(attributes["a"], "1|a")',
        'IsInt(attributes["a"])',
        'String(attributes["a"]) == "1"',
        "IsRootSpan()",
        "Probability(0.5)",
        'Within("00:00", "12:00")',
        "trace_id == TraceID(0x61616161616161616161616161616161)",
        'trace_state["ot"] == "x"',
        "flags > 255",
        'span_id.string == ""',
        "dropped_attributes_count == 0",
        'kind.string == "Server"',
        "Len(events) > 0",
        "Len(attributes) > 1",
        'not (kind == 1 and name == "a")',
        'resource.attributes["a"] == "a"',
        "resource.dropped_attributes_count == 1",
        'resource.schema_url == "a"',
        'scope.name == "a"',
        'scope.version != ""',
        'scope.attributes["a"] == 1',
        "Len(resource.attributes) == 1",
        "Len(scope.attributes) == 1",
        "attributes[name] == 1",
        'attributes["a"] + 1 == 2',
        'attributes[""] == nil',
        'IsMatch(kind, "2")',
    )
]
RULES = SpanRules(CONDITIONS)

short = st.sampled_from(["", "a", "ab", "b", "é", "ot=x", "a" * 130])
values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.integers(0, 300)
    | st.floats()
    | short
    | st.binary(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["k", ""]), inner).map(KeyValues.of)
    ),
    max_leaves=3,
)
attributes = st.lists(
    st.tuples(st.sampled_from(["a", "ab", "b", "", "c" * 128]), values).map(lambda pair: KeyValue(*pair)),
    max_size=4,
).map(KeyValues)
ids = st.sampled_from([b"a" * 16, bytes(15) + b"\x01", b"\xff" * 16])
times = st.sampled_from([0, 3, 2**63 + 5, 1_760_000_000_000_000_000])
small = st.sampled_from([0, 1, 2, 3, 300])
spans = st.builds(
    Span,
    trace_id=ids,
    span_id=st.sampled_from([b"", b"b" * 8]),
    trace_state=short,
    name=short,
    kind=st.sampled_from([0, 1, 2, 9, -1]),
    parent_span_id=st.sampled_from([b"", bytes(8), b"c" * 8]),
    start_time_unix_nano=times,
    end_time_unix_nano=times,
    attributes=attributes,
    dropped_attributes_count=small,
    events=st.lists(st.builds(SpanEvent, name=short), max_size=1),
    status=st.builds(Status, message=short, code=st.sampled_from([0, 1, 2])),
    flags=st.sampled_from([0, 257, 2**31 + 1]),
)
groups = st.builds(
    ResourceSpans,
    resource=st.builds(Resource, attributes=attributes, dropped_attributes_count=small),
    scope_spans=st.builds(
        ScopeSpans,
        scope=st.builds(InstrumentationScope, name=short, version=short, attributes=attributes),
        spans=st.lists(spans, min_size=1, max_size=3),
        schema_url=short,
    ).map(lambda scope: [scope]),
    schema_url=short,
)


def judge(condition: Condition, item: Item) -> int:
    try:
        return int(condition.test(item))
    except EvaluationError:
        return 2


def decoded_results(group: ResourceSpans) -> list[list[int]]:
    scope = group.scope_spans[0]
    around = {"resource_schema_url": group.schema_url, "scope_schema_url": scope.schema_url}
    items = [Item(group.resource, scope.scope, span, **around) for span in scope.spans]
    return [[judge(condition, item) for condition in CONDITIONS] for item in items]


@given(groups)
@settings(max_examples=120, deadline=None)
def test_encoded_and_decoded_spans_are_judged_alike(group: ResourceSpans) -> None:
    data = encode("traces", TracesData([group]))
    encoded = [RULES.judge(span) for span in iter_spans(data)]
    for got, wanted in zip(encoded, decoded_results(group), strict=True):
        differing = [c.text for c, a, b in zip(CONDITIONS, got, wanted, strict=True) if a != b]
        assert differing == []


@given(groups, st.randoms(use_true_random=False))
@settings(max_examples=60, deadline=None)
def test_the_order_of_fields_does_not_matter(group: ResourceSpans, chance) -> None:
    scope = group.scope_spans[0]
    del scope.spans[1:]
    # Attributes keep their order among themselves, since the first of equal keys counts.
    keys = [entry.key for entry in scope.spans[0].attributes]
    if len(set(keys)) < len(keys):
        return
    span = next(iter_spans(encode("traces", TracesData([group]))))
    parts = _split(span.span)
    chance.shuffle(parts)
    span = type(span)(span.resource, span.scope, b"".join(parts))
    wanted = decoded_results(group)[0]
    assert [c.text for c, a, b in zip(CONDITIONS, RULES.judge(span), wanted, strict=True) if a != b] == []


def _split(data: bytes) -> list[bytes]:
    from wasm_sdk.otlp.wire import skip, varint32

    parts, pos = [], 0
    while pos < len(data):
        tag, after = varint32(data, pos)
        end = skip(data, after, tag, len(data), 3)
        parts.append(data[pos:end])
        pos = end
    return parts


@given(groups, st.data())
@settings(max_examples=150, deadline=None)
def test_broken_bytes_are_malformed_and_nothing_worse(group: ResourceSpans, data) -> None:
    span = next(iter_spans(encode("traces", TracesData([group]))))
    parts = [span.resource, span.scope, span.span]
    which = data.draw(st.integers(0, 2))
    broken = bytearray(parts[which] or b"\x0a")
    for _ in range(data.draw(st.integers(1, 3))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    parts[which] = bytes(broken[: data.draw(st.integers(0, len(broken)))])
    with suppress(MalformedOTLP):
        RULES.view.open(*parts)


def test_a_span_inside_a_request_is_judged_where_it_stands() -> None:
    rules = SpanRules(
        [Condition.parse('name == "n" and resource.attributes["a"] == 1 and Len(resource.attributes) == 1')]
    )
    resource = Resource(KeyValues.of({"a": 1}))
    group = ResourceSpans(
        resource, [ScopeSpans(InstrumentationScope("s"), [Span(b"a" * 16, b"b" * 8, name="n")])]
    )
    data = encode("traces", TracesData([group]))
    start = data.index(next(iter_spans(data)).span)
    from wasm_sdk.rules.spantests import test

    rules.view.open_resource(data, 2, len(data))
    rules.view.open_span(data, start, len(data))
    assert test(rules.tests[0], rules.view) == 1
    with pytest.raises(MalformedOTLP):
        rules.view.open_span(data, start, len(data) + 1)
    with pytest.raises(MalformedOTLP):
        rules.view.open_resource(data, 2, len(data) + 1)


def test_the_view_says_why_a_test_cannot_be_judged() -> None:
    rules = SpanRules(
        [Condition.parse('HasPrefix(attributes["a"], "x")'), Condition.parse('attributes["a"] / 0 == 1')]
    )
    rules.view.open(b"", b"", b"")
    from wasm_sdk.rules.spantests import test

    assert test(rules.tests[0], rules.view) == 2 and "expected a string, got nil" in rules.view.reason
    assert test(rules.tests[1], rules.view) == 2 and "nil / an int" in rules.view.reason


def test_other_contexts_are_not_for_encoded_spans() -> None:
    with pytest.raises(ValueError, match="a log rule cannot judge encoded spans"):
        SpanRules([Condition.parse("body == nil", "log")])


def test_values_that_hardly_repeat_are_forgotten_and_still_judged() -> None:
    rules = SpanRules([Condition.parse('IsMatch(name, "7$")')])
    for number in range(9000):
        name = str(number).encode()
        rules.view.open(b"", b"", b"\x2a" + bytes((len(name),)) + name)
        from wasm_sdk.rules.spantests import test

        assert test(rules.tests[0], rules.view) == (number % 10 == 7)


def test_keys_that_look_alike_are_told_apart() -> None:
    keys = ["ab", "cb", "db", "ab" + "x" * 35 + "b"]
    rules = SpanRules([Condition.parse(f'attributes["{key}"] == "{key}"') for key in keys])
    span = Span(b"a" * 16, attributes=KeyValues.of({key: key for key in [*keys, "eb", ""]}))
    encoded = next(
        iter_spans(encode("traces", TracesData([ResourceSpans(scope_spans=[ScopeSpans(spans=[span])])])))
    )
    assert rules.judge(encoded) == [1, 1, 1, 1]
    assert SpanView([{}, {}, {}], [{}, {}, {}]).slots == 0
