"""Model to protobuf, by the tables of `schema`: byte for byte what protobuf's own serialiser writes.

Fields in the order of their numbers, unknown ones behind them.
"""

import struct
from typing import Any

from wasm_sdk.otlp import model, schema
from wasm_sdk.otlp.schema import Field, Schema
from wasm_sdk.otlp.signal import Signal
from wasm_sdk.otlp.value_to_protobuf import encode_value, key_value, text, varint

_fixed64 = struct.Struct("<Q").pack
_sfixed64 = struct.Struct("<q").pack
_double = struct.Struct("<d").pack
_fixed32 = struct.Struct("<I").pack
_ZERO = bytes(8)
_U64 = (1 << 64) - 1


def encode(signal: Signal, data: Any) -> bytes:
    """An export request out of its model.

    Raises:
        ValueError: a number that does not fit its field, or attributes nested deeper than any receiver reads.
        TypeError: an attribute of a type that AnyValue does not have.
    """
    return encode_message(schema.SCHEMAS[signal], data)


def encode_traces(data: model.TracesData) -> bytes:
    """`encode(Signal.TRACES, data)`, typed."""
    return encode_message(schema.TRACES, data)


def encode_metrics(data: model.MetricsData) -> bytes:
    """`encode(Signal.METRICS, data)`, typed."""
    return encode_message(schema.METRICS, data)


def encode_logs(data: model.LogsData) -> bytes:
    """`encode(Signal.LOGS, data)`, typed."""
    return encode_message(schema.LOGS, data)


def encode_span(span: model.Span) -> bytes:
    """One span message, without the field header that a ScopeSpans puts before it."""
    return encode_message(schema.SPAN, span)


def encode_message(message: Schema, source: Any) -> bytes:
    """A message of any schema."""
    out: list[bytes] = []
    for field in message.fields:
        value = getattr(source, field.attribute)
        if value is None or (value == 0 and field.kind in _ZERO_IS_DEFAULT):
            continue
        kind = field.kind
        try:
            if kind in _DELIMITED:
                _delimited(field, value, out)
            elif kind == schema.FIXED64:
                out += (field.prefix, _fixed64(value))
            elif kind == schema.FIXED32:
                out += (field.prefix, _fixed32(value))
            elif kind in _DOUBLES:
                _number(field, value, out)
            elif kind == schema.NUMBER_INT:
                if type(value) is not float:
                    out += (field.prefix, _sfixed64(value))
            else:
                out += (field.prefix, varint(_checked(kind, value)))
        except struct.error as error:
            raise ValueError(f"{message.name}.{field.name}: {value!r} does not fit ({error})") from None
    if source.unknown:
        out.append(source.unknown)
    return b"".join(out)


_DELIMITED = {kind for kind, wire_type in schema.WIRE_TYPE.items() if wire_type == schema.LEN}
_DOUBLES = {schema.DOUBLE, schema.OPTIONAL_DOUBLE, schema.NUMBER_DOUBLE}
_ZERO_IS_DEFAULT = {schema.FIXED64, schema.ENUM, schema.UINT32, schema.FIXED32, schema.BOOL, schema.SINT32}


def _delimited(field: Field, value: Any, out: list[bytes]) -> None:
    kind = field.kind
    prefix = field.prefix
    if kind == schema.ATTRIBUTES:
        for item in value:
            content = key_value(item)
            out += (prefix, varint(len(content)), content)
        return
    if kind == schema.MESSAGES:
        assert field.message is not None
        for item in value:
            content = encode_message(field.message, item)
            out += (prefix, varint(len(content)), content)
        return
    if kind == schema.STRINGS:
        for item in value:
            content = text(item)
            out += (prefix, varint(len(content)), content)
        return
    if kind == schema.STRING:
        content = text(value)
    elif kind == schema.ID:
        content = bytes(value)
    elif kind == schema.ANY:
        content = encode_value(value)
        out += (prefix, varint(len(content)), content)
        return
    elif kind in (schema.MESSAGE, schema.ONE_OF):
        assert field.message is not None
        if type(value) is not field.message.cls:
            return  # another member of the oneof
        content = encode_message(field.message, value)
        if content or kind == schema.ONE_OF or value.present:
            out += (prefix, varint(len(content)), content)
        return
    elif kind == schema.PACKED_UINT64:
        content = b"".join([varint(_checked(kind, item)) for item in value])
    else:
        code = "Q" if kind == schema.PACKED_FIXED64 else "d"
        content = struct.pack(f"<{len(value)}{code}", *value)
    if content:
        out += (prefix, varint(len(content)), content)


def _number(field: Field, value: Any, out: list[bytes]) -> None:
    if field.kind == schema.NUMBER_DOUBLE and type(value) is not float:
        return  # the oneof's other member, as_int
    content = _double(value)
    if field.kind != schema.DOUBLE or content != _ZERO:
        out += (field.prefix, content)


def _checked(kind: int, value: int) -> int:
    """The unsigned number on the wire of a varint field; raises struct.error, as `struct` does."""
    if kind == schema.UINT32 or kind == schema.BOOL:
        if 0 <= value < 1 << 32:
            return value
        raise struct.error("0 to 2**32 - 1")
    if kind == schema.PACKED_UINT64:
        if 0 <= value <= _U64:
            return value
        raise struct.error("0 to 2**64 - 1")
    if not -(1 << 31) <= value < 1 << 31:
        raise struct.error("32 bits, signed")
    if kind == schema.SINT32:
        return (value << 1 ^ value >> 31) & 0xFFFFFFFF
    return value & _U64
