"""Protobuf to model, by the tables of `schema`.

What is accepted is what protobuf's own parsers accept, with one difference: a known field with the wrong
wire type is refused, as the OpenTelemetry Collector does, and not carried along as unknown. Nesting is
bounded as theirs is.
"""

import struct
from typing import Any, cast

from wasm_sdk.otlp import model, schema
from wasm_sdk.otlp.errors import MalformedOTLP, malformed_at
from wasm_sdk.otlp.schema import Schema
from wasm_sdk.otlp.signal import Signal
from wasm_sdk.otlp.value_to_protobuf import encode_value
from wasm_sdk.otlp.values import AnyValue, EncodedValue, KeyValue, KeyValues
from wasm_sdk.otlp.wire import MAX_DEPTH, int64, skip, varint, varint32

_fixed64 = struct.Struct("<Q").unpack_from
_sfixed64 = struct.Struct("<q").unpack_from
_double = struct.Struct("<d").unpack_from
_fixed32 = struct.Struct("<I").unpack_from
_ABSENT = EncodedValue(None, None)
_SCALARS = {str, bool, int, float, bytes}

OVERRUN = "length runs past the end of its message"

# Attributes repeat: equal bytes give the same (immutable) KeyValue. Cleared when full, so it stays small
# and fresh.
_SEEN_LIMIT = 4096
_SEEN_BYTES = 128
_seen: dict[bytes, KeyValue] = {}


def decode(signal: Signal, data: bytes) -> Any:
    """The model of an export request (`TracesData`, `MetricsData` or `LogsData`).

    Raises:
        MalformedOTLP: with the byte at which the data stops being OTLP.
    """
    return decode_message(schema.SCHEMAS[signal], data)


def decode_traces(data: bytes) -> model.TracesData:
    """`decode(Signal.TRACES, data)`, typed."""
    return cast(model.TracesData, decode_message(schema.TRACES, data))


def decode_metrics(data: bytes) -> model.MetricsData:
    """`decode(Signal.METRICS, data)`, typed."""
    return cast(model.MetricsData, decode_message(schema.METRICS, data))


def decode_logs(data: bytes) -> model.LogsData:
    """`decode(Signal.LOGS, data)`, typed."""
    return cast(model.LogsData, decode_message(schema.LOGS, data))


def decode_span(data: bytes) -> model.Span:
    """One span message, as a `SpanSlice` holds it."""
    return cast(model.Span, decode_message(schema.SPAN, data))


def decode_message(message: Schema, data: bytes) -> Any:
    """A message of any schema out of all of `data`; raises MalformedOTLP."""
    data = bytes(data)
    result = message.cls()
    try:
        _fields(message, data, 0, len(data), result, 0)
    except IndexError:
        raise malformed_at("the data ends in the middle of a field", len(data)) from None
    return result


def _fields(message: Schema, data: bytes, pos: int, end: int, into: Any, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise malformed_at(f"messages nested deeper than {MAX_DEPTH}", pos)
    find = message.by_tag.get
    while pos < end:
        start = pos
        tag = data[pos]
        pos += 1
        if tag > 127:
            tag, pos = varint32(data, start)
        field = find(tag)
        if field is None:
            pos = _unknown(message.names_by_number, message.name, data, tag, start, pos, end, depth)
            into.unknown += data[start:pos]
            continue
        wire_type = tag & 7
        if wire_type == schema.LEN:
            size = data[pos]
            pos += 1
            if size > 127:
                size, pos = varint32(data, pos - 1)
            stop = pos + size
            if stop > end:
                raise malformed_at(OVERRUN, pos)
            _delimited(field, data, pos, stop, into, depth)
            pos = stop
        elif wire_type == schema.I64:
            if pos + 8 > end:
                raise malformed_at("the data ends in the middle of a field", end)
            kind = field.kind
            if kind == schema.FIXED64:
                setattr(into, field.attribute, _fixed64(data, pos)[0])
            elif kind == schema.NUMBER_INT:
                into.value = _sfixed64(data, pos)[0]
            elif kind == schema.PACKED_FIXED64:
                getattr(into, field.attribute).append(_fixed64(data, pos)[0])
            elif kind == schema.PACKED_DOUBLE:
                getattr(into, field.attribute).append(_double(data, pos)[0])
            else:
                setattr(into, field.attribute, _double(data, pos)[0])
            pos += 8
        elif wire_type == schema.VARINT:
            number, pos = varint(data, pos)
            if pos > end:
                raise malformed_at(OVERRUN, end)
            if field.kind == schema.PACKED_UINT64:
                getattr(into, field.attribute).append(number)
            else:
                setattr(into, field.attribute, _integer(field.kind, number))
        else:
            if pos + 4 > end:
                raise malformed_at("the data ends in the middle of a field", end)
            setattr(into, field.attribute, _fixed32(data, pos)[0])
            pos += 4


def _delimited(field: schema.Field, data: bytes, pos: int, stop: int, into: Any, depth: int) -> None:
    """A length-delimited field, whose content is data[pos:stop]."""
    kind = field.kind
    if kind == schema.ATTRIBUTES:
        raw = data[pos:stop]
        getattr(into, field.attribute).append(_seen.get(raw) or _key_value(data, pos, stop, depth + 1))
    elif kind == schema.MESSAGES:
        assert field.message is not None
        item = field.message.cls()
        _fields(field.message, data, pos, stop, item, depth + 1)
        getattr(into, field.attribute).append(item)
    elif kind == schema.STRING:
        setattr(into, field.attribute, _text(data, pos, stop))
    elif kind == schema.ID:
        setattr(into, field.attribute, data[pos:stop])
    elif kind == schema.MESSAGE:
        assert field.message is not None
        item = getattr(into, field.attribute)
        item.present = True
        _fields(field.message, data, pos, stop, item, depth + 1)
    elif kind == schema.ONE_OF:
        assert field.message is not None
        item = getattr(into, field.attribute)
        if type(item) is not field.message.cls:
            item = field.message.cls()
            setattr(into, field.attribute, item)
        _fields(field.message, data, pos, stop, item, depth + 1)
    elif kind == schema.ANY:
        value = _any_value(data, pos, stop, depth + 1)
        before = getattr(into, field.attribute)
        if before is not None:
            value = _merged(before, data[pos:stop], depth + 1)
        setattr(into, field.attribute, EncodedValue(None, b"") if value is None else value)
    elif kind == schema.STRINGS:
        getattr(into, field.attribute).append(_text(data, pos, stop))
    elif kind == schema.PACKED_UINT64:
        items = getattr(into, field.attribute)
        while pos < stop:
            number, pos = varint(data, pos)
            items.append(number)
        if pos != stop:
            raise malformed_at(OVERRUN, stop)
    else:
        count, rest = divmod(stop - pos, 8)
        if rest:
            raise malformed_at("a packed field of 64-bit numbers whose length is no multiple of 8", pos)
        code = "Q" if kind == schema.PACKED_FIXED64 else "d"
        getattr(into, field.attribute).extend(struct.unpack_from(f"<{count}{code}", data, pos))


def _key_value(data: bytes, pos: int, end: int, depth: int) -> KeyValue:
    first = pos
    key = ""
    value: AnyValue = _ABSENT
    unknown = b""
    while pos < end:
        start = pos
        tag = data[pos]
        pos += 1
        if tag == 0x0A or tag == 0x12:
            size = data[pos]
            pos += 1
            if size > 127:
                size, pos = varint32(data, pos - 1)
            stop = pos + size
            if stop > end:
                raise malformed_at(OVERRUN, pos)
            if tag == 0x0A:
                key = _text(data, pos, stop)
            else:
                new = _any_value(data, pos, stop, depth + 1)
                value = new if value is _ABSENT else _merged(value, data[pos:stop], depth + 1)
            pos = stop
        else:
            if tag > 127:
                tag, pos = varint32(data, start)
            pos = _unknown(_KEY_VALUE_FIELDS, "KeyValue", data, tag, start, pos, end, depth)
            unknown += data[start:pos]
    result = KeyValue(key, value, unknown)
    if end - first <= _SEEN_BYTES and type(value) in _SCALARS:
        if len(_seen) >= _SEEN_LIMIT:
            _seen.clear()
        _seen[data[first:end]] = result
    return result


def _any_value(data: bytes, pos: int, end: int, depth: int) -> AnyValue:
    if depth > MAX_DEPTH:
        raise malformed_at(f"messages nested deeper than {MAX_DEPTH}", pos)
    first = pos
    value: AnyValue = None
    lossy = False
    while pos < end:
        start = pos
        tag = data[pos]
        pos += 1
        wire_type = tag & 7
        if tag > 127 or tag > 0x3A or wire_type == 2:
            if tag > 127:
                tag, pos = varint32(data, start)
            if tag not in _ANY_DELIMITED:
                pos = _unknown(_ANY_FIELDS, "AnyValue", data, tag, start, pos, end, depth)
                lossy = True
                continue
            size, pos = varint32(data, pos)
            stop = pos + size
            if stop > end:
                raise malformed_at(OVERRUN, pos)
            if tag == 0x0A:
                value = _text(data, pos, stop)
            elif tag == 0x3A:
                value = data[pos:stop]
            elif tag == 0x2A:
                items = cast("list[AnyValue]", value) if type(value) is list else []
                lossy |= _array(data, pos, stop, items, depth + 1)
                value = items
            else:
                if not isinstance(value, KeyValues):
                    value = KeyValues()
                lossy |= _key_value_list(data, pos, stop, value, depth + 1)
            pos = stop
        elif tag == 0x18 or tag == 0x10:
            number, pos = varint(data, pos)
            if pos > end:
                raise malformed_at(OVERRUN, end)
            value = number != 0 if tag == 0x10 else int64(number)
        elif tag == 0x21:
            if pos + 8 > end:
                raise malformed_at("the data ends in the middle of a field", end)
            value = _double(data, pos)[0]
            pos += 8
        else:
            pos = _unknown(_ANY_FIELDS, "AnyValue", data, tag, start, pos, end, depth)
            lossy = True
    return EncodedValue(value, data[first:end]) if lossy else value


def _array(data: bytes, pos: int, end: int, into: list[AnyValue], depth: int) -> bool:
    """ArrayValue; True when it holds fields that the list cannot say."""
    lossy = False
    while pos < end:
        start = pos
        tag, pos = varint32(data, pos)
        if tag == 0x0A:
            size, pos = varint32(data, pos)
            stop = pos + size
            if stop > end:
                raise malformed_at(OVERRUN, pos)
            into.append(_any_value(data, pos, stop, depth + 1))
            pos = stop
        else:
            pos = _unknown(_VALUES_FIELDS, "ArrayValue", data, tag, start, pos, end, depth)
            lossy = True
    return lossy


def _key_value_list(data: bytes, pos: int, end: int, into: KeyValues, depth: int) -> bool:
    """KeyValueList; True when it holds fields that the list cannot say."""
    lossy = False
    while pos < end:
        start = pos
        tag, pos = varint32(data, pos)
        if tag == 0x0A:
            size, pos = varint32(data, pos)
            stop = pos + size
            if stop > end:
                raise malformed_at(OVERRUN, pos)
            if depth >= MAX_DEPTH:
                raise malformed_at(f"messages nested deeper than {MAX_DEPTH}", pos)
            into.append(_key_value(data, pos, stop, depth + 1))
            pos = stop
        else:
            pos = _unknown(_VALUES_FIELDS, "KeyValueList", data, tag, start, pos, end, depth)
            lossy = True
    return lossy


_KEY_VALUE_FIELDS = {1: "key", 2: "value"}
_VALUES_FIELDS = {1: "values"}
_ANY_DELIMITED = {0x0A, 0x2A, 0x32, 0x3A}
_ANY_FIELDS = {
    1: "string_value",
    2: "bool_value",
    3: "int_value",
    4: "double_value",
    5: "array_value",
    6: "kvlist_value",
    7: "bytes_value",
}


def _merged(before: AnyValue, encoded: bytes, depth: int) -> AnyValue:
    """A singular message that came twice: protobuf reads it as the concatenation of both."""
    both = encode_value(before) + encoded
    return _any_value(both, 0, len(both), depth)


def _unknown(
    known: dict[int, str], name: str, data: bytes, tag: int, start: int, pos: int, end: int, depth: int
) -> int:
    """Skips a field that the message does not have; `start` is where its tag stands, `pos` is behind it."""
    number = tag >> 3
    if number in known:
        raise malformed_at(f"{name}.{known[number]} (field {number}) with wire type {tag & 7}", start)
    return skip(data, pos, tag, end, depth)


def _text(data: bytes, pos: int, stop: int) -> str:
    try:
        return str(data[pos:stop], "utf-8")
    except UnicodeDecodeError as error:
        raise malformed_at("a string that is not UTF-8", pos + error.start) from None


def _integer(kind: int, number: int) -> int | bool:
    """A varint field's value: excess bits are cut off, as protobuf does."""
    if kind == schema.BOOL:
        return number != 0
    number &= 0xFFFFFFFF
    if kind == schema.ENUM:
        return number - (1 << 32) if number >> 31 else number
    if kind == schema.SINT32:
        return number >> 1 ^ -(number & 1)
    return number


__all__ = [
    "MalformedOTLP",
    "decode",
    "decode_logs",
    "decode_message",
    "decode_metrics",
    "decode_span",
    "decode_traces",
]
