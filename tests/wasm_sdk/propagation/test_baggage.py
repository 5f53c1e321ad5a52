"""W3C Baggage: the grammar, the limits, and the propagator."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import baggage
from opentelemetry.baggage.propagation import W3CBaggagePropagator
from opentelemetry.context import Context

from wasm_sdk.propagation.baggage import BaggagePropagator
from wasm_sdk.propagation.baggage_header import MAX_BYTES, Member, parse, serialize

TOKEN = st.text("!#$%&'*+-.^_`|~abzABZ019", min_size=1, max_size=20)


@pytest.mark.parametrize(
    ("headers", "members"),
    [
        (["key1=value1"], [("key1", "value1", "")]),
        (["k=v;p1;p2=x, key2 = v2 "], [("k", "v", "p1;p2=x"), ("key2", "v2", "")]),
        (["k3=v3; q = r"], [("k3", "v3", "q = r")]),
        (["userId=Am%C3%A9lie,serverNode=DF%2028"], [("userId", "Amélie", ""), ("serverNode", "DF 28", "")]),
        (["a=1", "b=2"], [("a", "1", ""), ("b", "2", "")]),
        (["a=1+2"], [("a", "1+2", "")]),
        (["a=b=c=="], [("a", "b=c==", "")]),
        (["a="], [("a", "", "")]),
        (["a=%FF"], [("a", "\ufffd", "")]),
        (["a=1,a=2"], [("a", "1", ""), ("a", "2", "")]),
        (["a%20b=1"], [("a%20b", "1", "")]),
        (["", " , ,"], []),
        (["=1,novalue,b d=1,c=x y,d=\"q\",e=1\\2,f=é,ok=1"], [("ok", "1", "")]),
        (["a=1;b c=2,ok=1"], [("ok", "1", "")]),
    ],
)  # fmt: skip
def test_headers_are_read_member_by_member(headers, members):
    assert [tuple(member) for member in parse(headers)] == members


def test_reading_stops_at_the_limits():
    assert len(list(parse([",".join(f"k{n}=v" for n in range(181))]))) == 180
    assert len(list(parse(["a=1", "b=" + "x" * MAX_BYTES, "c=3"]))) == 1
    exact = "b=" + "x" * (MAX_BYTES - len("a=1,") - 2)
    assert len(list(parse([f"a=1,{exact}"]))) == 2


def test_writing_keeps_whole_members_within_the_limits():
    big = Member("big", "x" * MAX_BYTES)
    assert serialize([big, Member("a", "1")]) == "a=1"
    assert serialize(Member(f"k{n}", "v") for n in range(200)).count(",") == 179
    assert serialize([Member("not a token", "1"), Member("", "2"), Member("ü", "3")]) == ""


@given(st.lists(st.tuples(TOKEN, st.text(max_size=50)), max_size=20))
def test_what_is_written_is_read_back(pairs):
    members = [Member(key, value) for key, value in pairs]
    header = serialize(members)
    assert header.isascii() and len(header) <= MAX_BYTES
    assert list(parse([header])) == members


@given(st.text(max_size=100))
def test_any_header_can_be_read(header):
    assert list(parse([serialize(parse([header]))])) == list(parse([header]))


@given(
    st.dictionaries(
        st.from_regex(r"\A[a-z][a-z0-9]{0,10}\Z"),
        st.text("abc/:;,= %é", min_size=1).map(str.strip),
        max_size=9,
    )
)
def test_the_official_propagator_reads_what_is_written(entries):
    context = Context()
    for key, value in entries.items():
        context = baggage.set_baggage(key, value, context)
    carrier: dict[str, str] = {}
    BaggagePropagator().inject(carrier, context)
    assert baggage.get_all(W3CBaggagePropagator().extract(carrier, Context())) == entries


def test_properties_travel_with_their_value():
    context = BaggagePropagator().extract({"baggage": ["a=1;secret;ttl=5", "b=2"]}, Context())
    assert baggage.get_all(context) == {"a": "1", "b": "2"}
    carrier: dict[str, str] = {}
    BaggagePropagator().inject(carrier, context)
    assert carrier == {"baggage": "a=1;secret;ttl=5,b=2"}


def test_received_baggage_joins_what_is_there():
    context = baggage.set_baggage("old", "1", Context())
    context = BaggagePropagator().extract({"baggage": "new=2,old=3,old=4"}, context)
    assert baggage.get_all(context) == {"old": "4", "new": "2"}


def test_no_baggage_writes_no_header():
    carrier: dict[str, str] = {}
    BaggagePropagator().inject(carrier, Context())
    assert carrier == {}
    assert BaggagePropagator().extract({}, None) is not None
    assert BaggagePropagator().fields == {"baggage"}
