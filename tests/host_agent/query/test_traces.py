"""Lists of traces against a model in plain Python, on rows in segments, merged segments and memory."""

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from host_agent.query import traces
from host_agent.query.errors import BadQuery, QueryTimeout
from host_agent.query.services import find_services
from host_agent.query.source import Attribute
from host_agent.query.trace_query import Cursor, TraceQuery
from host_agent.query.traces import find_traces, read_trace
from host_agent.tenant import DEFAULT_TENANT
from wasm_sdk.otlp import Signal, Span, decode_traces

SECOND = 10**9
SERVICES = ["web", "cart", "db"]


class World:
    """Traces of some spans each over a minute, and what a query must find in them."""

    def __init__(self, telemetry: Any) -> None:
        self.noon = telemetry.noon
        self.spans: list[tuple[str, Span]] = []
        draw = random.Random(11)
        for _ in range(150):
            at = draw.uniform(0, 60)
            root = telemetry.span(f"op{draw.randrange(4)}", at=at, seconds=draw.choice([0.01, 0.2, 1.5]))
            members = [root]
            for _ in range(draw.randrange(4)):
                # Some parts of a trace come much later than the others.
                later = draw.choice([0, 0.001, 20])
                members.append(
                    telemetry.span(
                        f"op{draw.randrange(4)}",
                        parent=root,
                        at=at + later,
                        seconds=draw.choice([0.001, 0.1]),
                        error=draw.random() < 0.1,
                        attributes={"code": draw.choice([200, 404, 500]), "flag": draw.random() < 0.5},
                    )
                )
            self.spans += [(draw.choice(SERVICES), member) for member in members]
        draw.shuffle(self.spans)

    def matches(self, service: str, span: Span, query: TraceQuery) -> bool:
        attributes = {each.key: str(each.value).lower() for each in span.attributes} | {
            "service.name": service
        }
        return (
            query.service in (None, service)
            and query.operation in (None, span.name)
            and query.error in (None, span.status.code == 2)
            and all(
                attributes.get(each.key) in (each.value, None) or False
                for each in query.attributes
                if each.value
            )
            and all(each.key in attributes for each in query.attributes)
            and (query.start is None or span.end_time_unix_nano >= query.start)
            and (query.end is None or span.start_time_unix_nano < query.end)
        )

    def expected(self, query: TraceQuery) -> list[bytes]:
        """The ids of the traces, the most recently active first."""
        found: dict[bytes, int] = {}
        extents: dict[bytes, tuple[int, int]] = {}
        for service, span in self.spans:
            start, end = span.start_time_unix_nano, span.end_time_unix_nano
            low, high = extents.get(span.trace_id, (start, end))
            extents[span.trace_id] = (min(low, start), max(high, end))
            if self.matches(service, span, query):
                found[span.trace_id] = max(end, found.get(span.trace_id, 0))
        low = query.min_duration or 0
        high = (1 << 64) if query.max_duration is None else query.max_duration
        kept = [each for each in found if low <= extents[each][1] - extents[each][0] <= high]
        return sorted(kept, key=lambda each: (-found[each], each))


@pytest.fixture(params=["memory", "segments", "merged", "all"])
async def world(request: Any, kept: Any, telemetry: Any, monkeypatch: pytest.MonkeyPatch) -> World:
    monkeypatch.setattr(traces, "FIRST_ROWS", 20)
    world = World(telemetry)
    later = telemetry.noon + 100 * SECOND
    for number, (service, span) in enumerate(world.spans):
        kept.put(telemetry.traces(span, service=service), received=later)
        if request.param != "memory" and number % 30 == 29 and not (request.param == "all" and number > 300):
            await kept.flush()
            if request.param == "all":
                await kept.flush()
                kept.store.partition(
                    DEFAULT_TENANT, Signal.TRACES
                ).rows.recent.turn()  # so that duplicates pass
                kept.put(telemetry.traces(span, service=service), received=later)
        if request.param in ("merged", "all") and number == 200:
            await kept.store.maintain(telemetry.noon)
    return world


def queries(noon: int) -> list[TraceQuery]:
    code = Attribute("code", "500")
    return [
        TraceQuery(),
        TraceQuery(service="cart"),
        TraceQuery(operation="op2"),
        TraceQuery(error=True),
        TraceQuery(error=False, service="db"),
        TraceQuery(service="web", error=True, operation="op1"),
        TraceQuery(attributes=(code,)),
        TraceQuery(attributes=(code, Attribute("flag", "true"), Attribute("service.name", "db"))),
        TraceQuery(attributes=(Attribute("flag"),), service="web"),
        TraceQuery(attributes=(Attribute("absent"),)),
        TraceQuery(min_duration=SECOND),
        TraceQuery(max_duration=SECOND // 4, service="web"),
        TraceQuery(min_duration=SECOND, max_duration=2 * SECOND, attributes=(code,)),
        TraceQuery(start=noon + 30 * SECOND, end=noon + 40 * SECOND),
        TraceQuery(start=noon + 30 * SECOND, error=True),
        TraceQuery(end=noon + 5 * SECOND, service="cart"),
    ]


async def test_finds_exactly_the_traces_that_match_in_their_order(world: World, kept: Any) -> None:
    for query in queries(world.noon):
        page = await kept.ask(find_traces, TraceQuery(**{**_fields(query), "limit": 1000}))
        expected = world.expected(query)
        if query.by_duration and query.start is None:
            assert {each.trace_id for each in page.traces} == set(expected), query
        assert [each.trace_id for each in page.traces] == expected, query


async def test_pages_give_every_trace_once(world: World, kept: Any) -> None:
    for query in queries(world.noon):
        found: list[bytes] = []
        cursor = None
        while True:
            page = await kept.ask(
                find_traces, TraceQuery(**{**_fields(query), "limit": 25, "cursor": cursor})
            )
            found += [each.trace_id for each in page.traces]
            cursor = page.next_cursor
            if cursor is None:
                break
        assert sorted(found) == sorted(world.expected(query)), query
        assert len(found) == len(set(found))


async def test_summaries_say_what_is_in_a_trace(world: World, kept: Any) -> None:
    page = await kept.ask(find_traces, TraceQuery(limit=1000))
    for summary in page.traces:
        members = [(service, span) for service, span in world.spans if span.trace_id == summary.trace_id]
        root = next(span for _, span in members if not span.parent_span_id)
        assert summary.span_count == len(members)
        assert summary.error_count == sum(span.status.code == 2 for _, span in members)
        assert summary.services == tuple(sorted({service for service, _ in members}))
        assert (summary.root_name, summary.root_is_missing) == (root.name, False)
        assert summary.start == min(span.start_time_unix_nano for _, span in members)
        assert summary.end == max(span.end_time_unix_nano for _, span in members)


async def test_one_trace_is_whole(world: World, kept: Any) -> None:
    for trace_id in list({span.trace_id for _, span in world.spans})[:20]:
        data = await kept.ask(read_trace, trace_id)
        got = [
            span
            for each in decode_traces(data).resource_spans
            for scope in each.scope_spans
            for span in scope.spans
        ]
        sent = [span for _, span in world.spans if span.trace_id == trace_id]
        assert sorted(got, key=lambda span: span.span_id) == sorted(sent, key=lambda span: span.span_id)


async def test_services_count_each_span_once(world: World, kept: Any) -> None:
    for summary in await kept.ask(find_services):
        mine = [span for service, span in world.spans if service == summary.name]
        assert summary.span_count == len(mine)
        assert summary.error_count == sum(span.status.code == 2 for span in mine)
        assert summary.last_seen == max(span.end_time_unix_nano for span in mine)
        durations = sorted(span.end_time_unix_nano - span.start_time_unix_nano for span in mine)
        assert summary.median_duration == pytest.approx(durations[len(durations) // 2], rel=0.06)


async def test_a_clock_that_runs_ahead_does_not_keep_a_trace_on_top(kept: Any, telemetry: Any) -> None:
    kept.put(telemetry.traces(telemetry.span("from the future", at=10**6)), received=telemetry.noon)
    kept.put(telemetry.traces(telemetry.span("now", at=60)), received=telemetry.noon + 90 * SECOND)
    page = await kept.ask(find_traces, TraceQuery())
    assert [trace.root_name for trace in page.traces] == ["now", "from the future"]


async def test_a_trace_without_its_root_is_named_after_its_first_span(kept: Any, telemetry: Any) -> None:
    root = telemetry.span()
    kept.put(
        telemetry.traces(
            telemetry.span("second", parent=root, at=2), telemetry.span("first", parent=root, at=1)
        )
    )
    page = await kept.ask(find_traces, TraceQuery())
    assert [(trace.root_name, trace.root_is_missing) for trace in page.traces] == [("first", True)]


async def test_a_query_that_takes_too_long_is_ended(kept: Any) -> None:
    kept.engine._seconds = 0.05
    with pytest.raises(QueryTimeout, match="longer than"):
        await kept.engine.run(
            lambda cursor: cursor.execute("SELECT count(*) FROM range(100000000) a, range(1000) b").fetchall()
        )


async def test_queries_reach_no_file_outside_of_the_store(kept: Any, tmp_path: Any) -> None:
    (tmp_path / "secret.csv").write_text("a\n1\n")
    with pytest.raises(Exception, match="Permission"):
        await kept.engine.run(
            lambda cursor: cursor.execute(f"SELECT * FROM '{tmp_path}/secret.csv'").fetchall()
        )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2**64 - 1), st.binary(min_size=0, max_size=16))
def test_cursors_come_back_as_they_went(activity: int, trace_id: bytes) -> None:
    assert Cursor.parse(str(Cursor(activity, trace_id))) == Cursor(activity, trace_id)


@given(st.text(max_size=40))
def test_any_text_is_a_cursor_or_a_bad_query(text: str) -> None:
    try:
        Cursor.parse(text)
    except BadQuery as error:
        assert error.field == "cursor"


def _fields(query: TraceQuery) -> dict[str, Any]:
    return {name: getattr(query, name) for name in TraceQuery.__slots__}
