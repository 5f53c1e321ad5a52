"""The encoder that spans end in: the fields of one span straight to protobuf, without a model in between.

Byte for byte what `to_protobuf` writes for the same span. Attribute keys, attribute values and span names
repeat, so their encodings are kept; every cache is bounded, and what does not fit is encoded without it.
"""

import struct
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from wasm_sdk.otlp.value_to_protobuf import encode_value, text, varint

_times = struct.Struct("<BQBQ").pack
_double = struct.Struct("<d").pack
_fixed32 = struct.Struct("<I").pack
_fixed64 = struct.Struct("<Q").pack

_KEYS = 1024
_VALUES = 256
_CACHED_LENGTH = 64
_HEADS = 256
_NAMES = 4096
_U64 = (1 << 64) - 1

Attributes = Mapping[str, Any]
Event = tuple[int, str, Attributes, int]
Link = tuple[bytes, bytes, str, Attributes, int, int]


class _Key:
    """What is known of one attribute key: field header, key, and whole fields for values that came before."""

    __slots__ = ("double", "encoded", "false", "heads", "prefix", "true", "values")

    def __init__(self, prefix: bytes, key: str) -> None:
        name = text(key)
        self.prefix = prefix
        self.encoded = (b"\n" + varint(len(name)) + name if name else b"") + b"\x12"
        self.double = self.head(9) + b"!"
        self.true = self.head(2) + b"\x10\x01"
        self.false = self.head(2) + b"\x10\x00"
        self.values: dict[str | int, bytes] = {}
        self.heads: dict[int, bytes] = {}

    def string_head(self, size: int) -> bytes:
        """Everything before a string of `size` bytes."""
        length = varint(size)
        head = self.head(1 + len(length) + size) + b"\n" + length
        if size < _HEADS:
            self.heads[size] = head
        return head

    def head(self, size: int) -> bytes:
        """Everything before an AnyValue of `size` bytes."""
        length = varint(size)
        return self.prefix + varint(len(self.encoded) + len(length) + size) + self.encoded + length


class Fields:
    """Encodes attributes as a repeated KeyValue field of one field number, with what it knows of each key."""

    def __init__(self, number: int) -> None:
        self._prefix = bytes((number << 3 | 2,))
        self._keys: dict[str, _Key] = {}

    def encode(self, attributes: Attributes, out: list[bytes]) -> None:
        """Appends the fields to `out`; raises as `SpanEncoder.encode`."""
        find = self._keys.get
        append = out.append
        for key, value in attributes.items():
            known = find(key) or self._learn(key)
            kind = type(value)
            if kind is str:
                cached = known.values.get(value)
                if cached is not None:
                    append(cached)
                    continue
                content = text(value)
                size = len(content)
                head = known.heads.get(size) or known.string_head(size)
                append(head)
                append(content)
                if size <= _CACHED_LENGTH and len(known.values) < _VALUES:
                    known.values[value] = head + content
            elif kind is int:
                cached = known.values.get(value)
                if cached is None:
                    content = encode_value(value)
                    cached = known.head(len(content)) + content
                    if len(known.values) < _VALUES:
                        known.values[value] = cached
                append(cached)
            elif kind is float:
                append(known.double)
                append(_double(value))
            elif kind is bool:
                append(known.true if value else known.false)
            else:
                content = encode_value(value)
                append(known.head(len(content)))
                append(content)

    def _learn(self, key: str) -> _Key:
        if len(self._keys) >= _KEYS:
            self._keys.clear()
        known = self._keys[key] = _Key(self._prefix, key)
        return known


class SpanEncoder:
    """Encodes spans, one after the other. Not for use by several threads at once."""

    def __init__(self) -> None:
        self._names: dict[tuple[str, int], bytes] = {}
        self._attributes = Fields(9)
        self._event_attributes = Fields(3)
        self._link_attributes = Fields(4)

    def encode(
        self,
        trace_id: bytes,
        span_id: bytes,
        parent_span_id: bytes = b"",
        trace_state: str = "",
        name: str = "",
        kind: int = 0,
        start: int = 0,
        end: int = 0,
        attributes: Attributes | None = None,
        events: Iterable[Event] = (),
        links: Iterable[Link] = (),
        status_code: int = 0,
        status_message: str = "",
        flags: int = 0,
        dropped_attributes: int = 0,
        dropped_events: int = 0,
        dropped_links: int = 0,
    ) -> bytes:
        """One span message.

        Args:
            trace_id: 16 bytes.
            span_id: 8 bytes.
            parent_span_id: 8 bytes, or empty for a root span.
            trace_state: the W3C `tracestate` header.
            name: the operation.
            kind: a number of SpanKind.
            start: nanoseconds since the Unix epoch, as `end`.
            end: when it ended.
            attributes: values of AnyValue's types; mappings and sequences nest.
            events: (time, name, attributes, dropped attributes) each.
            links: (trace id, span id, trace state, attributes, dropped attributes, flags) each.
            status_code: a number of StatusCode.
            status_message: for an error.
            flags: W3C trace flags and SpanFlags.
            dropped_attributes: how many exceeded the limit, as `dropped_events` and `dropped_links`.

        Raises:
            ValueError: an id of another length, an integer that does not fit its field (attributes: signed
                64 bits), or nesting too deep.
            TypeError: an attribute of a type that AnyValue does not have.
        """
        if len(trace_id) != 16 or len(span_id) != 8:
            raise ValueError(f"span {name!r}: a trace id has 16 bytes, a span id 8")
        out = [b"\n\x10", trace_id, b"\x12\x08", span_id]
        if trace_state:
            _string(b"\x1a", trace_state, out)
        if parent_span_id:
            if len(parent_span_id) != 8:
                raise ValueError(f"span {name!r}: a parent span id has 8 bytes")
            out.append(b'"\x08')
            out.append(parent_span_id)
        named = self._names.get((name, kind)) or self._name(name, kind)
        out.append(named)
        try:
            if start and end:
                out.append(_times(0x39, start, 0x41, end))
            else:
                _time(b"9", start, out)
                _time(b"A", end, out)
            if attributes:
                self._attributes.encode(attributes, out)
            if dropped_attributes:
                _count(b"P", dropped_attributes, out)
            for event in events:
                _message(b"Z", self._event(*event), out)
            if dropped_events:
                _count(b"`", dropped_events, out)
            for link in links:
                _message(b"j", self._link(*link), out)
            if dropped_links:
                _count(b"p", dropped_links, out)
            if status_code or status_message:
                _message(b"z", _status(status_code, status_message), out)
            if flags:
                out.append(b"\x85\x01" + _fixed32(flags))
        except struct.error as error:
            raise ValueError(f"span {name!r}: a number that does not fit its field ({error})") from None
        return b"".join(out)

    def _name(self, name: str, kind: int) -> bytes:
        out: list[bytes] = []
        _string(b"*", name, out)
        if kind:
            out.append(b"0" + varint(kind & _U64))
        if len(self._names) >= _NAMES:
            self._names.clear()
        encoded = self._names[name, kind] = b"".join(out)
        return encoded

    def _event(self, time: int, name: str, attributes: Attributes, dropped: int) -> list[bytes]:
        out: list[bytes] = []
        _time(b"\t", time, out)
        _string(b"\x12", name, out)
        self._event_attributes.encode(attributes, out)
        _count(b" ", dropped, out)
        return out

    def _link(
        self,
        trace_id: bytes,
        span_id: bytes,
        trace_state: str,
        attributes: Attributes,
        dropped: int,
        flags: int,
    ) -> list[bytes]:
        out: list[bytes] = []
        _bytes(b"\n", trace_id, out)
        _bytes(b"\x12", span_id, out)
        _string(b"\x1a", trace_state, out)
        self._link_attributes.encode(attributes, out)
        _count(b"(", dropped, out)
        if flags:
            out.append(b"5" + _fixed32(flags))
        return out


def encode_resource(attributes: Attributes, dropped_attributes: int = 0) -> bytes:
    """A Resource message, for `wrap`; raises as `SpanEncoder.encode`."""
    out: list[bytes] = []
    Fields(1).encode(attributes, out)
    _count(b"\x10", dropped_attributes, out)
    return b"".join(out)


def encode_scope(
    name: str, version: str = "", attributes: Attributes | None = None, dropped_attributes: int = 0
) -> bytes:
    """An InstrumentationScope message, for `wrap`; raises as `SpanEncoder.encode`."""
    out: list[bytes] = []
    _string(b"\n", name, out)
    _string(b"\x12", version, out)
    Fields(3).encode(attributes or {}, out)
    _count(b" ", dropped_attributes, out)
    return b"".join(out)


def wrap(
    resource: bytes,
    scope: bytes,
    spans: Sequence[bytes],
    resource_schema_url: str = "",
    scope_schema_url: str = "",
) -> bytes:
    """An ExportTraceServiceRequest of one resource and one scope.

    Args:
        resource: a Resource message.
        scope: an InstrumentationScope message.
        spans: span messages.
        resource_schema_url: of the resource, as `scope_schema_url` of the scope.
    """
    inner: list[bytes] = [b"\n", varint(len(scope)), scope]
    append = inner.append
    for span in spans:
        append(b"\x12")
        append(varint(len(span)))
        append(span)
    _string(b"\x1a", scope_schema_url, inner)
    inner_size = sum(map(len, inner))
    head = [b"\n", varint(len(resource)), resource, b"\x12", varint(inner_size)]
    tail: list[bytes] = []
    _string(b"\x1a", resource_schema_url, tail)
    size = sum(map(len, head)) + inner_size + sum(map(len, tail))
    return b"".join([b"\n", varint(size), *head, *inner, *tail])


def _status(code: int, message: str) -> list[bytes]:
    out: list[bytes] = []
    _string(b"\x12", message, out)
    if code:
        out.append(b"\x18" + varint(code & _U64))
    return out


def _message(prefix: bytes, parts: list[bytes], out: list[bytes]) -> None:
    content = b"".join(parts)
    out += (prefix, varint(len(content)), content)


def _string(prefix: bytes, value: str, out: list[bytes]) -> None:
    if value:
        _bytes(prefix, text(value), out)


def _bytes(prefix: bytes, value: bytes, out: list[bytes]) -> None:
    if value:
        out += (prefix, varint(len(value)), value)


def _time(prefix: bytes, value: int, out: list[bytes]) -> None:
    if value:
        out += (prefix, _fixed64(value))


def _count(prefix: bytes, value: int, out: list[bytes]) -> None:
    if value:
        if not 0 < value < 1 << 32:
            raise struct.error("a count has 32 bits")
        out += (prefix, varint(value))
