"""The cases of W3C's trace-context test suite (level 2), each through a service that continues the trace."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from wasm_sdk.propagation.trace_state import W3CTraceState
from wasm_sdk.propagation.tracecontext import TraceContextPropagator, format_traceparent, parse_traceparent
from wasm_sdk.sdk.resource import Resource
from wasm_sdk.sdk.trace import ALWAYS_ON, TracerProvider

TRACE = "12345678901234567890123456789012"
SPAN = "1234567890123456"
VALID = f"00-{TRACE}-{SPAN}-01"


class Headers:
    """A request's headers, several of one name allowed, names in any case."""

    def get(self, carrier, key):
        values = [value for name, value in carrier if name.lower() == key]
        return values or None

    def keys(self, carrier):
        return [name.lower() for name, _ in carrier]


@pytest.fixture(scope="module")
def tracer():
    return TracerProvider(ALWAYS_ON, Resource({}), shutdown_on_exit=False).get_tracer("service")


@pytest.fixture
def serve(tracer):
    """What a service that received `headers` sends on: (version, trace id, span id, flags), tracestate."""

    def run(*headers: tuple[str, str]) -> tuple[list[str], W3CTraceState]:
        propagator = TraceContextPropagator()
        context = propagator.extract(headers, Context(), Headers())
        span = tracer.start_span("call", context)
        sent: dict[str, str] = {}
        propagator.inject(sent, trace.set_span_in_context(span, Context()))
        state = W3CTraceState.from_header([sent["tracestate"]] if "tracestate" in sent else [])
        return sent["traceparent"].split("-"), state

    return run


def test_a_new_trace_starts_without_headers(serve):
    (version, trace_id, span_id, flags), state = serve()
    assert (version, flags, len(state)) == ("00", "03", 0)
    assert int(trace_id, 16) and int(span_id, 16)


def test_the_trace_goes_on_under_a_new_span(serve):
    (_, trace_id, span_id, flags), _ = serve(("traceparent", VALID))
    assert trace_id == TRACE
    assert span_id != SPAN
    assert flags == "01", "the trace is not called random by someone who did not make its id"


def test_the_random_flag_is_passed_on(serve):
    assert serve(("traceparent", VALID[:-2] + "03"))[0][3] == "03"


def test_flags_of_later_levels_are_not_passed_on(serve):
    assert serve(("traceparent", VALID[:-2] + "ff"))[0][3] == "03"


@pytest.mark.parametrize("name", ["TraceParent", "TrAcEpArEnT", "TRACEPARENT"])
def test_header_names_have_any_case(serve, name):
    assert serve((name, VALID))[0][1] == TRACE


@pytest.mark.parametrize(
    "header",
    [
        f" {VALID}", f"\t{VALID}", f"{VALID} ", f"{VALID}\t", f"\t {VALID} \t",
        f"cc-{TRACE}-{SPAN}-01", f"cc-{TRACE}-{SPAN}-01-what-the-future-will-be-like",
        f"01-{TRACE}-{SPAN}-01-",
    ],
)  # fmt: skip
def test_valid_parents(serve, header):
    assert serve(("traceparent", header))[0][1] == TRACE


@pytest.mark.parametrize(
    "header",
    [
        "", "-", VALID.replace(TRACE, "ABCDEF" + TRACE[6:]),
        f"00-{TRACE}-{SPAN}-01.", f"00-{TRACE}-{SPAN}-01-what-the-future-will-be-like", f"{VALID}-",
        f"cc-{TRACE}-{SPAN}-01.what-the-future-will-be-like", f"ff-{TRACE}-{SPAN}-01",
        f".0-{TRACE}-{SPAN}-01", f"0.-{TRACE}-{SPAN}-01", f"000-{TRACE}-{SPAN}-01", f"0-{TRACE}-{SPAN}-01",
        f"00-{'0' * 32}-{SPAN}-01", f"00-.{TRACE[1:]}-{SPAN}-01", f"00-{TRACE[:-1]}.-{SPAN}-01",
        f"00-{TRACE}3-{SPAN}-01", f"00-{TRACE[:-1]}-{SPAN}-01", f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-.{SPAN[1:]}-01", f"00-{TRACE}-{SPAN[:-1]}.-01", f"00-{TRACE}-{SPAN}7-01",
        f"00-{TRACE}-{SPAN[:-1]}-01", f"00-{TRACE}-{SPAN}-.0", f"00-{TRACE}-{SPAN}-0.",
        f"00-{TRACE}-{SPAN}-001", f"00-{TRACE}-{SPAN}-1", f"{VALID}\n", f"{VALID},{VALID}",
    ],
)  # fmt: skip
def test_invalid_parents_start_a_new_trace(serve, header):
    (_, trace_id, _, _), state = serve(("traceparent", header), ("tracestate", "foo=1"))
    assert trace_id != TRACE
    assert not state, "a state without its parent means nothing"


@pytest.mark.parametrize("name", ["trace-parent", "trace.parent"])
def test_other_names_are_not_the_parent(serve, name):
    assert serve((name, VALID))[0][1] != TRACE


def test_two_parents_are_none(serve):
    other = VALID.replace("9012-", "9011-")
    assert serve(("traceparent", other), ("traceparent", VALID))[0][1] not in (TRACE, TRACE[:-1] + "1")


def test_each_call_has_its_own_span_id(tracer, serve):
    parents = [serve(("traceparent", VALID))[0] for _ in range(3)]
    assert {parent[1] for parent in parents} == {TRACE}
    assert len({parent[2] for parent in parents}) == 3


@pytest.mark.parametrize(
    ("headers", "members"),
    [
        (["foo=1"], {"foo": "1"}),
        (["b=1,a=2", "d=1,c=2", "e=3"], {"b": "1", "a": "2", "d": "1", "c": "2", "e": "3"}),
        (["foo=1,foo=2"], {"foo": "1"}),
        (["foo=1", "foo=2"], {"foo": "1"}),
        (["", "foo=1"], {"foo": "1"}),
        (["foo=1,"], {"foo": "1"}),
        (["foo=1,,bar=2"], {"foo": "1", "bar": "2"}),
        (["foo=1 \t , \t bar=2, \t baz=3"], {"foo": "1", "bar": "2", "baz": "3"}),
        (["\t foo=1 \t"], {"foo": "1"}),
        (["foo@=1,bar=2"], {"foo@": "1", "bar": "2"}),
        (["foo@bar@baz=1,bar=2"], {"foo@bar@baz": "1", "bar": "2"}),
        (["0foo=1"], {"0foo": "1"}),
        (["z" * 256 + "=1"], {"z" * 256: "1"}),
        (["foo=" + "v" * 256], {"foo": "v" * 256}),
        (["foo= leading"], {"foo": " leading"}),
        (["abcdefghijklmnopqrstuvwxyz0123456789_-*/@a-z0-9_-*/= !\"#$%&'()*+-./:;<>?@[]^_`{|}~"], ...),
        (["foo =1"], {}),
        (["FOO=1"], {}),
        (["foo.bar=1"], {}),
        (["@foo=1,bar=2"], {}),
        (["foo=1", "z" * 257 + "=1"], {}),
        (["foo=bar=baz"], {}),
        (["foo=,bar=3"], {}),
        (["foo=" + "v" * 257], {}),
        (["foo"], {}),
    ],
)  # fmt: skip
def test_tracestate(serve, headers, members):
    (_, trace_id, _, _), state = serve(
        ("traceparent", VALID), *(("tracestate", header) for header in headers)
    )
    assert trace_id == TRACE, "an invalid state does not harm the parent"
    if members is ...:
        key, _, value = headers[0].partition("=")
        members = {key: value}
    assert list(state.items()) == list(members.items())


def test_thirty_two_members_pass_and_thirty_three_do_not(serve):
    members = [f"bar{n:02}={n:02}" for n in range(33)]
    assert len(serve(("traceparent", VALID), ("tracestate", ",".join(members[:32])))[1]) == 32
    headers = [("tracestate", ",".join(members[:20])), ("tracestate", ",".join(members[20:]))]
    assert len(serve(("traceparent", VALID), *headers)[1]) == 0


def test_changing_a_state_moves_the_member_to_the_front():
    state = W3CTraceState.from_header(["a=1,b=2,c=3"])
    assert state.update("c", "9").to_header() == "c=9,a=1,b=2"
    assert state.add("d", "4").to_header() == "d=4,a=1,b=2,c=3"
    assert state.add("a", "9") is state
    assert state.delete("b").to_header() == "a=1,c=3"
    assert state.delete("x") is state
    assert state.update("Ü", "1") is state
    assert state.to_header() == "a=1,b=2,c=3"


def test_a_full_state_loses_its_last_member():
    full = W3CTraceState([(f"k{n}", "v") for n in range(32)])
    changed = full.add("new", "1")
    assert list(changed)[:2] == ["new", "k0"]
    assert len(changed) == 32 and "k31" not in changed


def test_invalid_entries_are_left_out_of_a_new_state(caplog):
    assert dict(W3CTraceState([("ok", "1"), ("", "2"), ("bad", "=")])) == {"ok": "1"}
    assert "breaks the W3C grammar" in caplog.text


@given(st.integers(1, 2**128 - 1), st.integers(1, 2**64 - 1), st.integers(0, 255))
def test_what_is_written_is_read_back(trace_id, span_id, flags):
    context = trace.SpanContext(trace_id, span_id, False, trace.TraceFlags(flags))
    assert parse_traceparent(format_traceparent(context)) == (trace_id, span_id, flags & 3)


@given(
    st.one_of(
        st.text(alphabet="0123456789abcdef-. \t", max_size=70),
        st.from_regex(r"\A[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}(-[a-z]*)?\Z"),
    )
)
def test_the_official_propagator_agrees(header):
    carrier = {"traceparent": header}
    ours = TraceContextPropagator().extract(carrier, Context())
    official = TraceContextTextMapPropagator().extract(carrier, Context())
    mine = trace.get_current_span(ours).get_span_context()
    theirs = trace.get_current_span(official).get_span_context()
    assert (mine.trace_id, mine.span_id, mine.is_remote) == (
        theirs.trace_id,
        theirs.span_id,
        theirs.is_remote,
    )


def test_nothing_is_injected_without_a_valid_span():
    carrier: dict[str, str] = {}
    TraceContextPropagator().inject(carrier, Context())
    assert carrier == {}
    assert TraceContextPropagator().fields == {"traceparent", "tracestate"}
