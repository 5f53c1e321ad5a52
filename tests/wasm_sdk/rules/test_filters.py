"""Filters drop or keep, count what they matched, and treat what they cannot judge as told."""

import json
import logging

import pytest

from wasm_sdk.otlp import decode_json, encode
from wasm_sdk.otlp.model import InstrumentationScope, Resource, ResourceSpans, ScopeSpans, Span, TracesData
from wasm_sdk.otlp.values import KeyValues
from wasm_sdk.otlp.wire import iter_spans
from wasm_sdk.rules import Condition, EvaluationError, Item
from wasm_sdk.rules.filters import Action, ErrorMode, Filter, FilterChain
from wasm_sdk.rules.items import every, retain


def spans(*attributes: dict) -> list:
    """The same spans decoded and encoded."""
    found = [
        Span(b"a" * 16, b"b" * 8, name=f"s{i}", attributes=KeyValues.of(a)) for i, a in enumerate(attributes)
    ]
    group = ResourceSpans(Resource(), [ScopeSpans(InstrumentationScope("x"), found)])
    slices = list(iter_spans(encode("traces", TracesData([group]))))
    items = [Item(group.resource, group.scope_spans[0].scope, span) for span in found]
    return list(zip(items, slices, strict=True))


def chain(*sources: str, error_mode: ErrorMode = ErrorMode.IGNORE) -> FilterChain:
    filters = []
    for source in sources:
        action, _, condition = source.partition(": ")
        filters.append(Filter(Condition.parse(condition), Action(action)))
    return FilterChain(filters, error_mode)


def test_filters_drop_and_keep_in_order_and_count() -> None:
    for kind in (0, 1):
        filters = chain('drop: attributes["level"] == "debug"', 'keep: attributes["code"] >= 500')
        given = spans({"level": "debug", "code": 500}, {"code": 503}, {"code": 200}, {})
        judge = filters.keeps_span if kind else filters.keeps
        assert [judge(pair[kind]) for pair in given] == [False, True, False, False]
        assert [(f.matched, f.dropped) for f in filters.filters] == [(1, 1), (1, 2)]


def test_a_filter_that_cannot_judge_lets_the_item_be(caplog) -> None:
    for kind in (0, 1):
        caplog.clear()
        filters = chain('keep: HasPrefix(attributes["path"], "/api")', 'drop: attributes["n"] == 1')
        given = spans({"n": 1}, {"n": 2}, {"path": "/api"}, {"path": "/x"})
        judge = filters.keeps_span if kind else filters.keeps
        with caplog.at_level(logging.WARNING):
            assert [judge(pair[kind]) for pair in given] == [False, True, True, False]
        assert filters.errors.count == 2
        assert len(caplog.records) == 1, "the first, the tenth, the hundredth are told"
        assert "HasPrefix" in caplog.text and "nil" in caplog.text


def test_errors_can_be_silent_or_raised(caplog) -> None:
    given = spans({})[0]
    silent = chain('drop: HasPrefix(attributes["path"], "/")', error_mode=ErrorMode.SILENT)
    assert silent.keeps(given[0]) and silent.keeps_span(given[1]) and silent.errors.count == 2
    assert caplog.records == []
    loud = chain('drop: HasPrefix(attributes["path"], "/")', error_mode=ErrorMode.PROPAGATE)
    for judge, item in ((loud.keeps, given[0]), (loud.keeps_span, given[1])):
        with pytest.raises(EvaluationError, match=r"HasPrefix.*expected a string, got nil"):
            judge(item)


def test_a_chain_is_of_one_context() -> None:
    with pytest.raises(ValueError, match="log and span"):
        FilterChain([Filter(Condition.parse("true")), Filter(Condition.parse("true", "log"))])
    assert FilterChain([]).keeps(spans({})[0][0])


LOGS = {
    "resourceLogs": [
        {
            "resource": {"attributes": [{"key": "a", "value": {"intValue": "1"}}]},
            "scopeLogs": [
                {"scope": {"name": "x"}, "logRecords": [{"severityNumber": 9}, {"severityNumber": 17}]},
                {"scope": {"name": "y"}, "logRecords": [{"severityNumber": 5}]},
            ],
        },
        {"scopeLogs": [{"logRecords": [{"severityNumber": 1}]}]},
    ]
}
METRICS = {
    "resourceMetrics": [
        {
            "scopeMetrics": [
                {
                    "metrics": [
                        {"name": "m", "gauge": {"dataPoints": [{"asInt": "1"}, {"asInt": "2"}]}},
                        {"name": "n", "gauge": {"dataPoints": [{"asInt": "1"}]}},
                        {"name": "empty"},
                    ]
                }
            ]
        }
    ]
}


@pytest.mark.parametrize(
    ("context", "source", "dropped", "left"),
    [
        ("log", "severity_number >= SEVERITY_NUMBER_WARN", 3, [17]),
        ("log", 'scope.name == "x"', 2, [9, 17]),
        ("scope", 'name == "y"', 3, [5]),
        ("resource", 'attributes["a"] == 1', 1, [9, 17, 5]),
        ("resource", "false", 4, []),
    ],
)
def test_what_does_not_stay_is_taken_out_with_what_is_empty_then(context, source, dropped, left) -> None:
    data = decode_json("logs", json.dumps(LOGS))
    keeps = FilterChain([Filter(Condition.parse(source, context), Action.KEEP)]).keeps
    assert retain(data, context, keeps) == dropped
    assert [item.log.severity_number for item in every(data, "log")] == left
    assert all(scope.log_records for group in data.resource_logs for scope in group.scope_logs)
    assert all(group.scope_logs for group in data.resource_logs)


def test_points_and_events_are_items_too() -> None:
    data = decode_json("metrics", json.dumps(METRICS))
    chain = FilterChain([Filter(Condition.parse("value_int == 1", "datapoint"))])
    assert retain(data, "datapoint", chain.keeps) == 2
    metrics = data.resource_metrics[0].scope_metrics[0].metrics
    assert [metric.name for metric in metrics] == ["m", "empty"]
    assert [item.datapoint.value for item in every(data, "datapoint")] == [2]
    span = {"spans": [{"name": "s", "events": [{"name": "a"}, {"name": "b"}]}]}
    traces = decode_json("traces", json.dumps({"resourceSpans": [{"scopeSpans": [span]}]}))
    events = FilterChain(
        [Filter(Condition.parse('name == "a" and event_index == 0 and span.name == "s"', "spanevent"))]
    )
    assert retain(traces, "spanevent", events.keeps) == 1
    kept = traces.resource_spans[0].scope_spans[0].spans[0]
    assert [event.name for event in kept.events] == ["b"] and kept.dropped_events_count == 1
    with pytest.raises(ValueError, match="TracesData has no log"):
        retain(traces, "log", lambda _: True)
