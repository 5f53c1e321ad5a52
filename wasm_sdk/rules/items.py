"""The items of decoded telemetry, each with what is around it; and taking some of them out."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from wasm_sdk.otlp.model import InstrumentationScope, LogsData, MetricsData, TracesData
from wasm_sdk.rules.decoded import Item

if TYPE_CHECKING:
    from collections.abc import Callable

    Telemetry = TracesData | MetricsData | LogsData
    Keeps = Callable[[Item], bool]

# What each signal's contexts are called in the message that holds them.
_GROUPS = {
    TracesData: ("resource_spans", "scope_spans", "spans", "span"),
    MetricsData: ("resource_metrics", "scope_metrics", "metrics", "metric"),
    LogsData: ("resource_logs", "scope_logs", "log_records", "log"),
}
_INNER = {"spanevent": "span", "datapoint": "metric"}


def retain(data: Telemetry, context: str, keeps: Keeps) -> int:
    """Take out every item of a context for which `keeps` is false, and what is empty then; gives how many.

    A span stays without its events, a metric without points goes. The item that `keeps` gets is reused.

    Raises:
        ValueError: this telemetry has no such context (logs have no spans).
    """
    resources, scopes, members, own = _GROUPS[type(data)]
    outer = _INNER.get(context, context)
    if outer not in ("resource", "scope", own):
        raise ValueError(f"{type(data).__name__} has no {context}")
    dropped = 0
    kept_groups = []
    for group in getattr(data, resources):
        item = Item(group.resource, InstrumentationScope(), resource_schema_url=group.schema_url)
        if context == "resource" and not keeps(item):
            dropped += sum(len(getattr(scope, members)) for scope in getattr(group, scopes))
            continue
        kept_scopes = []
        for scope in getattr(group, scopes):
            item.scope, item.scope_schema_url = scope.scope, scope.schema_url
            if context == "scope" and not keeps(item):
                dropped += len(getattr(scope, members))
                continue
            if context not in ("resource", "scope"):
                dropped += _retain_members(scope, members, own, context, item, keeps)
            if getattr(scope, members):
                kept_scopes.append(scope)
        getattr(group, scopes)[:] = kept_scopes
        if kept_scopes:
            kept_groups.append(group)
    getattr(data, resources)[:] = kept_groups
    return dropped


def _retain_members(scope: Any, members: str, own: str, context: str, item: Item, keeps: Keeps) -> int:
    everything = getattr(scope, members)
    dropped = 0
    kept = []
    for member in everything:
        setattr(item, own, member)
        if context == own:
            if keeps(item):
                kept.append(member)
            else:
                dropped += 1
            continue
        inner = member.events if context == "spanevent" else member.data.data_points if member.data else []
        before = len(inner)
        inner[:] = [
            each for number, each in enumerate(inner) if _keeps_inner(item, context, number, each, keeps)
        ]
        dropped += before - len(inner)
        if context == "spanevent":
            member.dropped_events_count += before - len(inner)
        if inner or context == "spanevent" or not before:
            kept.append(member)
    everything[:] = kept
    return dropped


def _keeps_inner(item: Item, context: str, number: int, each: Any, keeps: Keeps) -> bool:
    setattr(item, context, each)
    item.event_index = number
    return keeps(item)


def every(data: Telemetry, context: str) -> list[Item]:
    """Every item of a context, in order; raises ValueError as `retain` does."""
    found: list[Item] = []

    def look(item: Item) -> bool:
        found.append(replace(item))
        return True

    retain(data, context, look)
    return found
