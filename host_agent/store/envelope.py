"""The frame that the three signals share: resources hold scopes, scopes hold items (spans, log records,
metrics).

Export requests, `TracesData`, `LogsData` and `MetricsData` have the same field numbers throughout: 1 for the
resource's group, 2 for the scope's group in it, 2 for the item in that.
"""

from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import NamedTuple

from wasm_sdk.otlp.fields import length_prefixed, partition

RESOURCE_GROUP = 1
SCOPE_GROUP = 2
ITEM = 2


class ScopeItems(NamedTuple):
    """The items of one scope. `resource` and `scope` are the fields around them (schema URLs and fields of
    later versions too), as encoded."""

    resource: bytes
    scope: bytes
    items: list[bytes]


def open_envelope(data: bytes) -> Iterator[ScopeItems]:
    """The items of a request, scope by scope. Raises MalformedOTLP."""
    for group in partition(data, RESOURCE_GROUP)[1]:
        resource, scopes = partition(group, SCOPE_GROUP)
        for each in scopes:
            scope, items = partition(each, ITEM)
            yield ScopeItems(resource, scope, items)


def close_envelope(rows: Iterable[tuple[bytes, bytes, bytes]]) -> bytes:
    """A request out of (resource, scope, item): consecutive rows with equal frames share them."""
    groups: list[bytes] = []
    for resource, of_resource in groupby(rows, key=lambda row: row[0]):
        scopes = [resource]
        for scope, of_scope in groupby(of_resource, key=lambda row: row[1]):
            items = b"".join(length_prefixed(ITEM, item) for _, _, item in of_scope)
            scopes.append(length_prefixed(SCOPE_GROUP, scope + items))
        groups.append(length_prefixed(RESOURCE_GROUP, b"".join(scopes)))
    return b"".join(groups)
