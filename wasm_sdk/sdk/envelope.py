"""Encoded items in their envelope: Export*ServiceRequest, which is shaped alike for all three signals.

A request holds Resource{Spans,Metrics,Logs} (resource = 1, scope_* = 2, schema_url = 3), these hold
Scope{Spans,Metrics,Logs} (scope = 1, items = 2, schema_url = 3).
"""

from collections.abc import Iterable
from itertools import chain, repeat

from wasm_sdk.otlp.spans import Fields
from wasm_sdk.otlp.value_to_protobuf import text, varint
from wasm_sdk.sdk.resource import Resource
from wasm_sdk.sdk.scope import InstrumentationScope

Origin = tuple[Resource, InstrumentationScope]

_resource_attributes = Fields(1)
_scope_attributes = Fields(3)


def request(groups: Iterable[tuple[Origin, list[bytes]]]) -> bytes:
    """The request that holds each group's items under its resource and scope; empty groups leave nothing."""
    resources: dict[Resource, list[bytes]] = {}
    for (resource, scope), items in groups:
        if items:
            parts = resources.get(resource)
            if parts is None:
                parts = resources[resource] = []
                _add(b"\x0a", [_resource(resource)], parts)
            _add(b"\x12", _scope_items(scope, items), parts)
    out: list[bytes] = []
    for resource, parts in resources.items():
        if resource.schema_url:
            _add(b"\x1a", [text(resource.schema_url)], parts)
        _add(b"\x0a", parts, out)
    return b"".join(out)


def _scope_items(scope: InstrumentationScope, items: list[bytes]) -> list[bytes]:
    parts: list[bytes] = []
    _add(b"\x0a", [_scope(scope)], parts)
    lengths = map(varint, map(len, items))
    parts.extend(chain.from_iterable(zip(repeat(b"\x12"), lengths, items, strict=False)))
    if scope.schema_url:
        _add(b"\x1a", [text(scope.schema_url)], parts)
    return parts


def _add(tag: bytes, content: list[bytes], out: list[bytes]) -> None:
    """Append a length-delimited field; its parts stay apart, so that all is copied once, at the end."""
    out += (tag, varint(sum(map(len, content))))
    out += content


def _resource(resource: Resource) -> bytes:
    out: list[bytes] = []
    _resource_attributes.encode(resource.attributes, out)
    return b"".join(out)


def _scope(scope: InstrumentationScope) -> bytes:
    out: list[bytes] = []
    for tag, value in ((b"\x0a", scope.name), (b"\x12", scope.version)):
        if value:
            _add(tag, [text(value)], out)
    _scope_attributes.encode(scope.attributes, out)
    return b"".join(out)
