"""AnyValue and KeyValue out of protobuf."""

import struct
from typing import cast

from wasm_sdk.otlp.errors import malformed_at
from wasm_sdk.otlp.value_to_protobuf import encode_value
from wasm_sdk.otlp.values import AnyValue, EncodedValue, KeyValue, KeyValues
from wasm_sdk.otlp.wire import MAX_DEPTH, int64, skip, text, varint, varint32

_double = struct.Struct("<d").unpack_from
_tuple = tuple.__new__
ABSENT = EncodedValue(None, None)

OVERRUN = "length runs past the end of its message"

# Attributes repeat: equal bytes give the same (immutable) KeyValue. Cleared when full, so it stays small and
# fresh; `seen` is looked into before `key_value` is called, and filled by it.
_SEEN_LIMIT = 4096
_SEEN_BYTES = 127
seen: dict[bytes, KeyValue] = {}
_KEYS_LIMIT = 1024
_keys: dict[bytes, str] = {}


def key_value(data: bytes, pos: int, end: int, depth: int) -> KeyValue:
    if depth < MAX_DEPTH:
        result = plain_key_value(data, pos, end)
        if result is not None:
            return result
    key = ""
    value: AnyValue = ABSENT
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
                key = text(data, pos, stop)
            else:
                new = any_value(data, pos, stop, depth + 1)
                value = new if value is ABSENT else merged(value, data[pos:stop], depth + 1)
            pos = stop
        else:
            if tag > 127:
                tag, pos = varint32(data, start)
            pos = unknown_field(_KEY_VALUE_FIELDS, "KeyValue", data, tag, start, pos, end, depth)
            unknown += data[start:pos]
    return KeyValue(key, value, unknown)


def plain_key_value(data: bytes, pos: int, end: int) -> KeyValue | None:
    """A key and one scalar value, in this order and short, as nearly all are; None for all the others."""
    if not 6 <= end - pos <= _SEEN_BYTES or data[pos] != 0x0A:
        return None
    middle = pos + 2 + data[pos + 1]
    size = end - middle - 2
    if size < 2 or data[middle] != 0x12 or data[middle + 1] != size:
        return None
    kind = data[middle + 2]
    value: AnyValue
    if kind == 0x0A and data[middle + 3] == size - 2:
        try:
            value = str(data[middle + 4 : end], "utf-8")
        except UnicodeDecodeError:
            return None
    elif kind == 0x21 and size == 9:
        value = _double(data, middle + 3)[0]
    elif kind == 0x18 or kind == 0x10:
        number, stop = varint(data, middle + 3)
        if stop != end:
            return None
        value = int64(number) if kind == 0x18 else number != 0
    else:
        return None
    raw_key = data[pos + 2 : middle]
    key = _keys.get(raw_key)
    if key is None:
        key = text(data, pos + 2, middle)
        if len(_keys) >= _KEYS_LIMIT:
            _keys.clear()
        _keys[raw_key] = key
    result = _tuple(KeyValue, (key, value, b""))
    if kind != 0x21:
        if len(seen) >= _SEEN_LIMIT:
            seen.clear()
        seen[data[pos:end]] = result
    return result


def any_value(data: bytes, pos: int, end: int, depth: int) -> AnyValue:
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
                pos = unknown_field(_ANY_FIELDS, "AnyValue", data, tag, start, pos, end, depth)
                lossy = True
                continue
            size, pos = varint32(data, pos)
            stop = pos + size
            if stop > end:
                raise malformed_at(OVERRUN, pos)
            if tag == 0x0A:
                value = text(data, pos, stop)
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
            pos = unknown_field(_ANY_FIELDS, "AnyValue", data, tag, start, pos, end, depth)
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
            into.append(any_value(data, pos, stop, depth + 1))
            pos = stop
        else:
            pos = unknown_field(_VALUES_FIELDS, "ArrayValue", data, tag, start, pos, end, depth)
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
            into.append(key_value(data, pos, stop, depth + 1))
            pos = stop
        else:
            pos = unknown_field(_VALUES_FIELDS, "KeyValueList", data, tag, start, pos, end, depth)
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


def merged(before: AnyValue, encoded: bytes, depth: int) -> AnyValue:
    """A singular message that came twice: protobuf reads it as the concatenation of both."""
    both = encode_value(before) + encoded
    return any_value(both, 0, len(both), depth)


def unknown_field(
    known: dict[int, str], name: str, data: bytes, tag: int, start: int, pos: int, end: int, depth: int
) -> int:
    """Skips a field that the message does not have; `start` is where its tag stands, `pos` is behind it."""
    number = tag >> 3
    if number in known:
        raise malformed_at(f"{name}.{known[number]} (field {number}) with wire type {tag & 7}", start)
    return skip(data, pos, tag, end, depth)
