"""Encoded items in their envelope: Export*ServiceRequest, which is shaped alike for all three signals.

A request holds Resource{Spans,Metrics,Logs} (resource = 1, scope_* = 2, schema_url = 3), these hold
Scope{Spans,Metrics,Logs} (scope = 1, items = 2, schema_url = 3).
"""

from collections.abc import Iterable

from wasm_sdk.otlp.spans import Fields
from wasm_sdk.otlp.value_to_protobuf import text, varint
from wasm_sdk.sdk.resource import Resource
from wasm_sdk.sdk.scope import InstrumentationScope

Origin = tuple[Resource, InstrumentationScope]

_resource_attributes = Fields(1)
_scope_attributes = Fields(3)


def request(groups: Iterable[tuple[Origin, list[bytes]]]) -> bytes:
    """The request that holds each group's items under its resource and scope; empty groups leave nothing."""
    scopes: dict[Resource, list[bytes]] = {}
    for (resource, scope), items in groups:
        if items:
            content = _scope_items(scope, items)
            scopes.setdefault(resource, []).append(_field(b"\x12", content))
    return b"".join(
        _field(
            b"\x0a",
            b"".join((_field(b"\x0a", _resource(resource)), *parts, _text(b"\x1a", resource.schema_url))),
        )
        for resource, parts in scopes.items()
    )


def _scope_items(scope: InstrumentationScope, items: list[bytes]) -> bytes:
    out = [_field(b"\x0a", _scope(scope))]
    for item in items:
        out += (b"\x12", varint(len(item)), item)
    out.append(_text(b"\x1a", scope.schema_url))
    return b"".join(out)


def _resource(resource: Resource) -> bytes:
    out: list[bytes] = []
    _resource_attributes.encode(resource.attributes, out)
    return b"".join(out)


def _scope(scope: InstrumentationScope) -> bytes:
    out = [_text(b"\x0a", scope.name), _text(b"\x12", scope.version)]
    _scope_attributes.encode(scope.attributes, out)
    return b"".join(out)


def _field(tag: bytes, content: bytes) -> bytes:
    return b"".join((tag, varint(len(content)), content))


def _text(tag: bytes, value: str) -> bytes:
    return _field(tag, text(value)) if value else b""
