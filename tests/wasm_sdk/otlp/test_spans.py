"""The span encoder writes what the model's encoder writes."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.wasm_sdk.otlp import oracle
from wasm_sdk import otlp
from wasm_sdk.otlp import (
    InstrumentationScope,
    KeyValues,
    Resource,
    ResourceSpans,
    ScopeSpans,
    Span,
    SpanEvent,
    SpanLink,
    Status,
    TracesData,
)
from wasm_sdk.otlp.spans import SpanEncoder, encode_resource, encode_scope, wrap

ENCODER = SpanEncoder()  # one for all, so that its caches are in play

VALUES = st.recursive(
    st.text(max_size=200)
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.binary(max_size=10)
    | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=4,
)
ATTRIBUTES = st.dictionaries(st.text(max_size=140), VALUES, max_size=5)
COUNTS = st.sampled_from([0, 1, 200, 2**32 - 1])
LINKS = st.tuples(
    st.just(b"t" * 16), st.just(b"s" * 8), st.sampled_from(["", "a=b"]), ATTRIBUTES, COUNTS, COUNTS
)
TIMES = st.sampled_from([0, 1, 1_700_000_000_000_000_000, 2**64 - 1])


@settings(max_examples=200, deadline=None)
@given(
    fields=st.fixed_dictionaries(
        {
            "trace_id": st.binary(min_size=16, max_size=16),
            "span_id": st.binary(min_size=8, max_size=8),
            "parent_span_id": st.sampled_from([b"", b"parent!!"]),
            "trace_state": st.sampled_from(["", "ot=th:8"]),
            "name": st.text(max_size=150),
            "kind": st.sampled_from([0, 1, 5, 200, -1]),
            "start": TIMES,
            "end": TIMES,
            "attributes": ATTRIBUTES,
            "events": st.lists(st.tuples(TIMES, st.text(max_size=3), ATTRIBUTES, COUNTS), max_size=2),
            "links": st.lists(LINKS, max_size=2),
            "status_code": st.sampled_from([0, 1, 2, -7]),
            "status_message": st.sampled_from(["", "it broke"]),
            "flags": COUNTS,
            "dropped_attributes": COUNTS,
            "dropped_events": COUNTS,
            "dropped_links": COUNTS,
        }
    )
)
def test_equal_to_the_models_encoding_byte_for_byte(fields: dict[str, Any]) -> None:
    status = Status(fields["status_message"], fields["status_code"])
    status.present = False
    span = Span(
        trace_id=fields["trace_id"],
        span_id=fields["span_id"],
        parent_span_id=fields["parent_span_id"],
        trace_state=fields["trace_state"],
        name=fields["name"],
        kind=fields["kind"],
        start_time_unix_nano=fields["start"],
        end_time_unix_nano=fields["end"],
        attributes=KeyValues.of(fields["attributes"]),
        dropped_attributes_count=fields["dropped_attributes"],
        events=[
            SpanEvent(time, name, KeyValues.of(attributes), dropped)
            for time, name, attributes, dropped in fields["events"]
        ],
        dropped_events_count=fields["dropped_events"],
        links=[
            SpanLink(trace_id, span_id, state, KeyValues.of(attributes), dropped, flags)
            for trace_id, span_id, state, attributes, dropped, flags in fields["links"]
        ],
        dropped_links_count=fields["dropped_links"],
        status=status,
        flags=fields["flags"],
    )
    expected = otlp.encode_span(span)
    assert ENCODER.encode(**fields) == expected
    assert ENCODER.encode(**fields) == expected  # from the caches


def test_a_wrapped_batch_is_a_request() -> None:
    span = ENCODER.encode(b"t" * 16, b"s" * 8, name="a")
    resource = encode_resource({"service.name": "shop"}, 2)
    scope = encode_scope("lib", "1.0", {"a": True}, 1)
    expected = TracesData(
        [
            ResourceSpans(
                Resource(KeyValues.of({"service.name": "shop"}), 2),
                [
                    ScopeSpans(
                        InstrumentationScope("lib", "1.0", KeyValues.of({"a": True}), 1),
                        [otlp.decode_span(span)] * 2,
                        "scope-url",
                    )
                ],
                "resource-url",
            )
        ]
    )
    data = wrap(resource, scope, [span, span], "resource-url", "scope-url")
    assert otlp.decode_traces(data) == expected
    assert data == otlp.encode_traces(expected)
    assert oracle.canonical(oracle.parse("traces", data)) == data


def test_caches_stay_bounded() -> None:
    encoder = SpanEncoder()
    for number in range(6000):
        fields = {f"key{number}": number, "same": f"value{number}"}
        span = otlp.decode_span(encoder.encode(b"t" * 16, b"s" * 8, name=f"name{number}", attributes=fields))
        assert span.attributes.as_dict() == fields
    assert len(encoder._names) <= 4096
    assert len(encoder._attributes._keys) <= 1024
    assert len(encoder._attributes._keys["same"].values) <= 256


class Celsius(float):
    """A float of one's own."""


@pytest.mark.parametrize(
    "value", [Celsius(1.5), otlp.SpanKind.SERVER, otlp.Signal.LOGS, (1, "a"), bytearray(b"x")]
)
def test_subclasses_and_sequences_are_what_they_extend(value: Any) -> None:
    encoded = ENCODER.encode(b"t" * 16, b"s" * 8, attributes={"k": value})
    read = otlp.decode_span(encoded).attributes["k"]
    assert read == (list(value) if isinstance(value, tuple) else value)


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"trace_id": b"short"}, ValueError, "a trace id has 16 bytes"),
        ({"parent_span_id": b"short"}, ValueError, "a parent span id has 8 bytes"),
        ({"start": -1, "end": 5}, ValueError, "span 'n': a number that does not fit"),
        ({"dropped_links": 2**32}, ValueError, "32 bits"),
        ({"attributes": {"k": 2**63}}, ValueError, "64 bits"),
        ({"attributes": {"k": object()}}, TypeError, "type object"),
    ],
)
def test_what_does_not_fit_is_refused(fields: dict[str, Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        ENCODER.encode(**{"trace_id": b"t" * 16, "span_id": b"s" * 8, "name": "n"} | fields)
