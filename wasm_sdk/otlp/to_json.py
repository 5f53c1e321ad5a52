"""Model to OTLP/JSON (specification, "JSON Protobuf Encoding").

Names in lowerCamelCase, ids in lower-case hexadecimal, 64-bit integers as strings, enumerations as
integers, default values left out. Unknown fields of the protobuf form have no JSON form and are left out.
"""

import json
import math
from binascii import b2a_base64
from collections.abc import Mapping
from typing import Any

from wasm_sdk.otlp import model, schema
from wasm_sdk.otlp.schema import Field, Schema
from wasm_sdk.otlp.signal import Signal
from wasm_sdk.otlp.values import AnyValue, EncodedValue, KeyValue, KeyValues, plain
from wasm_sdk.otlp.wire import MAX_DEPTH


def encode_json(signal: Signal, data: Any) -> str:
    """An export request as JSON text, without spaces.

    Raises:
        ValueError: attributes nested deeper than any receiver reads.
        TypeError: an attribute of a type that AnyValue does not have.
    """
    return _text(schema.SCHEMAS[Signal(signal)], data)


def encode_traces_json(data: model.TracesData) -> str:
    """`encode_json(Signal.TRACES, data)`, typed."""
    return _text(schema.TRACES, data)


def encode_metrics_json(data: model.MetricsData) -> str:
    """`encode_json(Signal.METRICS, data)`, typed."""
    return _text(schema.METRICS, data)


def encode_logs_json(data: model.LogsData) -> str:
    """`encode_json(Signal.LOGS, data)`, typed."""
    return _text(schema.LOGS, data)


def value_to_json(value: AnyValue) -> dict[str, Any]:
    """An AnyValue as the object that stands for it (`{"intValue": "5"}`); raises as `encode_json`."""
    return _any_value(value, 4)


def _text(message: Schema, data: Any) -> str:
    return json.dumps(_message(message, data), ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def _message(message: Schema, source: Any) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for field in message.fields:
        value = getattr(source, field.attribute)
        if value is None:
            continue
        kind = field.kind
        if kind in _NUMBERS:
            if value != 0:
                result[field.json_name] = str(value) if kind == schema.FIXED64 else int(value)
        elif kind == schema.STRING:
            if value:
                result[field.json_name] = value
        elif kind == schema.ID:
            if value:
                result[field.json_name] = value.hex()
        elif kind == schema.ATTRIBUTES:
            if value:
                result[field.json_name] = [_key_value(item, 3) for item in value]
        elif kind == schema.MESSAGES:
            assert field.message is not None
            if value:
                result[field.json_name] = [_message(field.message, item) for item in value]
        elif kind == schema.ANY:
            result[field.json_name] = _any_value(value, 4)
        else:
            _other(field, value, result)
    return result


_NUMBERS = {schema.FIXED64, schema.ENUM, schema.UINT32, schema.FIXED32, schema.SINT32}


def _other(field: Field, value: Any, result: dict[str, Any]) -> None:
    kind = field.kind
    name = field.json_name
    if kind in (schema.MESSAGE, schema.ONE_OF):
        assert field.message is not None
        if type(value) is field.message.cls:
            content = _message(field.message, value)
            if content or kind == schema.ONE_OF or value.present:
                result[name] = content
    elif kind == schema.BOOL:
        if value:
            result[name] = True
    elif kind == schema.DOUBLE:
        if value != 0 or math.copysign(1, value) < 0:
            result[name] = _double(value)
    elif kind == schema.OPTIONAL_DOUBLE:
        result[name] = _double(value)
    elif kind == schema.NUMBER_DOUBLE:
        if type(value) is float:
            result[name] = _double(value)
    elif kind == schema.NUMBER_INT:
        if type(value) is not float:
            result[name] = str(value)
    elif value:
        if kind == schema.PACKED_DOUBLE:
            result[name] = [_double(item) for item in value]
        else:
            result[name] = list(value) if kind == schema.STRINGS else [str(item) for item in value]


def _key_value(item: KeyValue, depth: int) -> dict[str, Any]:
    key, value, _ = item
    result: dict[str, Any] = {"key": key}
    if not (type(value) is EncodedValue and value.encoded is None):
        result["value"] = _any_value(value, depth + 1)
    return result


def _any_value(value: AnyValue, depth: int) -> dict[str, Any]:
    value = plain(value)
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": _double(value)}
    if value is None:
        return {}
    if isinstance(value, bytes | bytearray | memoryview):
        return {"bytesValue": b2a_base64(value, newline=False).decode()}
    if depth > MAX_DEPTH:
        raise ValueError("an attribute nested deeper than a receiver reads, or a list that holds itself")
    return _nested(value, depth)


def _nested(value: Any, depth: int) -> dict[str, Any]:
    if isinstance(value, Mapping):
        value = KeyValues([KeyValue(key, item) for key, item in value.items()])
    if isinstance(value, KeyValues):
        return {"kvlistValue": {"values": [_key_value(item, depth + 2) for item in value]}}
    if isinstance(value, list | tuple):
        return {"arrayValue": {"values": [_any_value(item, depth + 2) for item in value]}}
    kind = type(value).__name__
    raise TypeError(f"an attribute of type {kind}: OTLP has str, bool, int, float, bytes, lists, maps")


def _double(value: float) -> float | str:
    number = float(value)
    if math.isfinite(number):
        return number
    return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
