"""Attributes as text: what the attribute columns hold and what a query's KEY=VALUE is compared with.

A string is itself, an integer its decimals, a double as Python writes it (`NaN`, `Infinity`, `-Infinity` as
in OTLP/JSON), a boolean `true` or `false`, bytes their base64. An array is each of its elements; a map is its
members as `key.member`.
"""

import base64
import hashlib
import json
import math
import struct
from typing import Any

from wasm_sdk.otlp.fields import fields

SPAN_PREFIX = "attributes."
RESOURCE_PREFIX = "resource."
MAX_TEXT = 256  # characters; longer values are indexed by their beginning and a digest
MAX_PAIRS = 64  # of one attribute: elements of an array, members of a map
MAX_DEPTH = 8

# Tags of KeyValue, AnyValue, ArrayValue and KeyValueList: field number * 8 + wire type.
KEY, VALUE, ELEMENT = 0x0A, 0x12, 0x0A
STRING, BOOL, INT, DOUBLE, ARRAY, MAP, BYTES = 0x0A, 0x10, 0x18, 0x21, 0x2A, 0x32, 0x3A

Pair = tuple[str, str]


def pairs(key_value: bytes, prefix: str) -> list[Pair]:
    """(label, text) of an encoded KeyValue; the label is the prefix and the key. Raises MalformedOTLP."""
    key, value = _key_value(key_value)
    found: list[Pair] = []
    _flatten(prefix + key, value, found, 0)
    return found


def _key_value(data: bytes) -> tuple[str, bytes]:
    key, value = "", b""
    for tag, content in fields(data):
        if tag == KEY:
            key = content.decode("utf-8", "replace")
        elif tag == VALUE:
            value = content
    return key, value


def _flatten(label: str, value: bytes, found: list[Pair], depth: int) -> None:
    if len(found) >= MAX_PAIRS or depth > MAX_DEPTH:
        return
    for tag, content in fields(value)[-1:]:  # a oneof: the last one wins
        if tag == ARRAY:
            for element_tag, element in fields(content):
                if element_tag == ELEMENT:
                    _flatten(label, element, found, depth + 1)
        elif tag == MAP:
            for member_tag, member in fields(content):
                if member_tag == ELEMENT:
                    key, inner = _key_value(member)
                    _flatten(f"{label}.{key}", inner, found, depth + 1)
        else:
            text = scalar_text(tag, content)
            if text is not None:
                found.append((label, indexed(text)))


def scalar_text(tag: int, content: Any) -> str | None:
    """The text of an AnyValue's field; None when it is no scalar that this version knows."""
    if tag == STRING:
        return str(content, "utf-8", "replace")
    if tag == BOOL:
        return "true" if content else "false"
    if tag == INT:
        return str(content - (1 << 64) if content >> 63 else content)
    if tag == DOUBLE:
        return double_text(struct.unpack("<d", content.to_bytes(8, "little"))[0])
    if tag == BYTES:
        return base64.b64encode(content).decode("ascii")
    return None


def any_value_text(value: bytes) -> str:
    """An AnyValue for people: a scalar's text, an array or map as JSON of its flattened members."""
    for tag, content in fields(value)[-1:]:
        text = scalar_text(tag, content)
        if text is not None:
            return text
        found: list[Pair] = []
        _flatten("", value, found, 0)
        if tag == ARRAY:
            return json.dumps([text for _, text in found], ensure_ascii=False)
        return json.dumps({label[1:]: text for label, text in found}, ensure_ascii=False)
    return ""


def double_text(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    return repr(value)


def indexed(text: str) -> str:
    """The text that stands in the index: itself, or its beginning and a digest when it is long."""
    if len(text) <= MAX_TEXT:
        return text
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
    return f"{text[:128]}…{digest}"


def sought(text: str) -> list[str]:
    """The index texts that a query's value stands for: `500` finds the integer and the double alike."""
    forms = [indexed(text)]
    try:
        number = float(text)
    except ValueError:
        return forms
    if math.isfinite(number):
        if number.is_integer() and abs(number) < 1 << 63:
            forms.append(str(int(number)))
        forms.append(double_text(number))
    return list(dict.fromkeys(forms))
