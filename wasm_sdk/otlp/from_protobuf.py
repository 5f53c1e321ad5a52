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
from wasm_sdk.otlp.value_from_protobuf import (
    OVERRUN,
    any_value,
    key_value,
    merged,
    plain_key_value,
    seen,
    unknown_field,
)
from wasm_sdk.otlp.values import EncodedValue, KeyValues
from wasm_sdk.otlp.wire import MAX_DEPTH, text, varint, varint32

_fixed64 = struct.Struct("<Q").unpack_from
_sfixed64 = struct.Struct("<q").unpack_from
_times = struct.Struct("<QxQ").unpack_from
_double = struct.Struct("<d").unpack_from
_fixed32 = struct.Struct("<I").unpack_from


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
            pos = unknown_field(message.names_by_number, message.name, data, tag, start, pos, end, depth)
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
        getattr(into, field.attribute).append(seen.get(raw) or key_value(data, pos, stop, depth + 1))
    elif kind == schema.MESSAGES:
        assert field.message is not None
        if field.message is schema.SPAN:
            item = _span(data, pos, stop, depth + 1)
        else:
            item = field.message.cls()
            _fields(field.message, data, pos, stop, item, depth + 1)
        getattr(into, field.attribute).append(item)
    elif kind == schema.STRING:
        setattr(into, field.attribute, text(data, pos, stop))
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
        value = any_value(data, pos, stop, depth + 1)
        before = getattr(into, field.attribute)
        if before is not None:
            value = merged(before, data[pos:stop], depth + 1)
        setattr(into, field.attribute, EncodedValue(None, b"") if value is None else value)
    elif kind == schema.STRINGS:
        getattr(into, field.attribute).append(text(data, pos, stop))
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


def _span(data: bytes, pos: int, end: int, depth: int) -> model.Span:
    """What `_fields` does, faster: the fields that all spans have, in any order, until one that is rare."""
    trace_id = span_id = parent_span_id = b""
    name = ""
    kind = start_time = end_time = 0
    attributes = KeyValues()
    append = attributes.append
    find = seen.get
    while pos < end:
        tag = data[pos]
        if tag == 0x4A:
            size = data[pos + 1]
            pos += 2
            if size > 127:
                size, pos = varint32(data, pos - 1)
            stop = pos + size
            item = find(data[pos:stop])
            if item is None:
                if stop > end:
                    raise malformed_at(OVERRUN, pos)
                item = plain_key_value(data, pos, stop) or key_value(data, pos, stop, depth + 1)
            append(item)
            pos = stop
        elif tag == 0x0A or tag == 0x12 or tag == 0x22 or tag == 0x2A:
            size = data[pos + 1]
            pos += 2
            if size > 127:
                size, pos = varint32(data, pos - 1)
            stop = pos + size
            if tag == 0x2A:
                name = text(data, pos, stop)
            elif tag == 0x0A:
                trace_id = data[pos:stop]
            elif tag == 0x12:
                span_id = data[pos:stop]
            else:
                parent_span_id = data[pos:stop]
            pos = stop
        elif tag == 0x39 and pos + 18 <= end and data[pos + 9] == 0x41:
            start_time, end_time = _times(data, pos + 1)
            pos += 18
        elif tag == 0x30 and pos + 2 <= end and data[pos + 1] < 128:
            kind = data[pos + 1]
            pos += 2
        else:
            break
    if pos > end:
        raise malformed_at(OVERRUN, end)
    span = model.Span(
        trace_id, span_id, "", parent_span_id, name, kind, start_time, end_time, attributes, 0,
        [], 0, [], 0, model.Status(present=False), 0,
    )  # fmt: skip
    if pos < end:
        _fields(schema.SPAN, data, pos, end, span, depth)
    return span


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
