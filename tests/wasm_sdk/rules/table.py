"""The table of cases: conditions, items, and what the collector says; run alike in CPython and in Pyodide."""

import json
from typing import Any

from wasm_sdk.otlp import decode_json, encode
from wasm_sdk.otlp.wire import iter_spans
from wasm_sdk.rules import Condition, EvaluationError, Item, RuleError
from wasm_sdk.rules.encoded import SpanRules

# Where we differ from the collector on purpose: what could only fail is refused when the rule is read, and
# a few things that it refuses or gets wrong are let be.
DIFFERENT: dict[str, object] = {
    'attributes["numbers"][2 - 1] == 2': True,
    '-9223372036854775808 == attributes["min"]': True,
    "start_time + start_time == end_time": "rejected",
    'Duration("1s") * 2 == Duration("2s")': "rejected",
    "Hour(start_time_unix_nano) == 8": "rejected",
    'Hour(attributes["when"]) == 8': "rejected",
    'Duration("1x") == Duration("1s")': "rejected",
    'Duration("") == Duration("0")': "rejected",
    "IsRootSpan(1)": "rejected",
    'String(status) == ""': "rejected",
    "events == events": False,
    "IsEmpty(events)": True,
    "Seconds(start_time) == 1": "rejected",
}

# Ours, which the collector has not. The span starts on Thursday, 9 October 2025, 08:53:20 UTC, which is
# 10:53:20 in Berlin; its tracestate says rv:80000000000000, one half. The root span starts at 22:00 UTC and
# its id ends in 1.
OURS: list[tuple[str, str, str, object]] = [
    ("span", "span", "Probability(1)", True),
    ("span", "span", "Probability(0.5)", True),
    ("span", "span", "Probability(0.49)", False),
    ("span", "span", "Probability(0)", False),
    ("span", "root", "Probability(0.999)", False),
    ("span", "root", "Probability(1.0)", True),
    ("log", "log", "Probability(0.9)", True),
    ("log", "log", "Probability(0.5)", False),
    ("span", "span", "Probability(rate=2)", "rejected"),
    ("span", "span", 'Probability(attributes["ratio"])', "rejected"),
    ("metric", "sum", "Probability(0.5)", "rejected"),
    ("span", "span", 'Within("08:53", "09:00")', True),
    ("span", "span", 'Within("08:54", "08:53")', False),
    ("span", "span", 'Within("08:54", "08:53:30")', True),
    ("span", "span", 'Within("10:00", "11:00", "Europe/Berlin")', True),
    ("span", "span", 'Within("08:00", "09:00", "Europe/Berlin")', False),
    ("span", "span", 'Within("14:20", "14:30", timezone="+05:30")', True),
    ("span", "root", 'Within("22:00", "06:00")', True),
    ("span", "root", 'Within("22:00", "06:00", "America/New_York")', False),
    ("spanevent", "span", 'Within("08:53", "08:54")', True),
    ("log", "nolog", 'Within("22:00", "24:00")', True),
    ("datapoint", "sum", 'Within("08:54", "08:55")', True),
    ("span", "span", 'Within("08:00", "08:00")', "rejected"),
    ("span", "span", 'Within("8", "9")', "rejected"),
    ("span", "span", 'Within("08:00", "09:00", "Europe/Bärlin")', "rejected"),
    ("resource", "span", 'Within("08:00", "09:00")', "rejected"),
    ("resource", "span", 'attributes["service.name"] == "shop" and dropped_attributes_count > 1', True),
    ("scope", "span", 'name == "http" and resource.attributes["host.cpu"] == 8', True),
    (
        "span",
        "span",
        "Len(resource.attributes) == 2 and Len(scope.attributes) == 1 and Len(links) == 1",
        True,
    ),
]


def cases(text: str) -> tuple[dict[str, Any], list[tuple[str, str, str, object]]]:
    """The items and the cases (context, item, condition, verdict) of cases.json, with ours."""
    table = json.loads(text)
    theirs = [(c, i, text, DIFFERENT.get(text, verdict)) for c, i, text, verdict in table["cases"]]
    return table["items"], theirs + OURS


def item(data: dict[str, Any]) -> Item:
    """The first span, log record or point of a payload, with what is around it."""
    text = json.dumps(data)
    if "resourceSpans" in data:
        group = decode_json("traces", text).resource_spans[0]
        scope = group.scope_spans[0]
        span = scope.spans[0]
        event = span.events[0] if span.events else None
        found = Item(group.resource, scope.scope, span=span, spanevent=event)
    elif "resourceLogs" in data:
        group = decode_json("logs", text).resource_logs[0]
        scope = group.scope_logs[0]
        found = Item(group.resource, scope.scope, log=scope.log_records[0])
    else:
        group = decode_json("metrics", text).resource_metrics[0]
        scope = group.scope_metrics[0]
        metric = scope.metrics[0]
        point = metric.data.data_points[0] if metric.data else None
        found = Item(group.resource, scope.scope, metric=metric, datapoint=point)
    found.resource_schema_url = group.schema_url
    found.scope_schema_url = scope.schema_url
    return found


def verdict(context: str, data: dict[str, Any], text: str) -> object:
    """True, False, "error" or "rejected" of a condition over a decoded item."""
    try:
        return Condition.parse(text, context).test(item(data))
    except RuleError:
        return "rejected"
    except EvaluationError:
        return "error"


def encoded_verdict(context: str, data: dict[str, Any], text: str) -> object:
    """The same over the encoded span, by way of the rule's JSON form."""
    try:
        condition = Condition.from_json(json.dumps(Condition.parse(text, context).to_json()))
    except RuleError:
        return "rejected"
    span = next(iter_spans(encode("traces", decode_json("traces", json.dumps(data)))))
    return (False, True, "error")[SpanRules([condition]).judge(span)[0]]


def differences(text: str) -> list[str]:
    """What cases.json and we do not agree on."""
    items, all_cases = cases(text)
    wrong = []
    for context, name, condition, wanted in all_cases:
        data = items[name]
        got = [verdict(context, data, condition)]
        if context in ("span", "scope", "resource"):
            got.append(encoded_verdict(context, data, condition))
        if any(each != wanted for each in got):
            wrong.append(f"{context} {name}: {condition}: wanted {wanted}, decoded and encoded gave {got}")
    return wrong
