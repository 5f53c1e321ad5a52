"""OTLP/JSON to model: proto3's JSON mapping with OTLP's own rules (specification, "JSON Protobuf Encoding").

Ids are hexadecimal in any case, 64-bit integers are strings or numbers, field names are lowerCamelCase or the
protocol's own, unknown fields are passed over, `null` is an absent field. Enumerations must be integers by
the specification; their names are read all the same, as the Collector does, and never written.
"""

import binascii
import json
from collections.abc import Callable, Iterator
from typing import Any, cast

from wasm_sdk.otlp import model, schema
from wasm_sdk.otlp.errors import MalformedOTLP, malformed_at
from wasm_sdk.otlp.schema import Field, Schema
from wasm_sdk.otlp.signal import Signal
from wasm_sdk.otlp.values import AnyValue, EncodedValue, KeyValue, KeyValues
from wasm_sdk.otlp.wire import MAX_DEPTH

_ABSENT = EncodedValue(None, None)
# Writers that take proto3's JSON mapping as it is send ids in base64; 16 and 8 bytes always end in "=" then.
_BASE64_ID_LENGTHS = {24, 12}
_SPECIAL = {"NaN": float("nan"), "Infinity": float("inf"), "-Infinity": float("-inf")}


class _Fault(Exception):  # noqa: N818 - never leaves this module
    """What is wrong; the path is put together on the way out."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        self.path: list[str] = []

    def within(self, step: str) -> "_Fault":
        self.path.append(step)
        return self


def decode_json(signal: Signal, text: bytes | str) -> Any:
    """The model of an OTLP/JSON export request.

    Raises:
        MalformedOTLP: `where` is a path such as "resourceSpans[0].scopeSpans[1].spans[3].traceId", a line and
            column where the text is not JSON, or a byte where it is not UTF-8.
    """
    return _decode(schema.SCHEMAS[Signal(signal)], text)


def decode_traces_json(text: bytes | str) -> model.TracesData:
    """`decode_json(Signal.TRACES, text)`, typed."""
    return cast(model.TracesData, _decode(schema.TRACES, text))


def decode_metrics_json(text: bytes | str) -> model.MetricsData:
    """`decode_json(Signal.METRICS, text)`, typed."""
    return cast(model.MetricsData, _decode(schema.METRICS, text))


def decode_logs_json(text: bytes | str) -> model.LogsData:
    """`decode_json(Signal.LOGS, text)`, typed."""
    return cast(model.LogsData, _decode(schema.LOGS, text))


def decode_json_lines(signal: Signal, text: bytes | str) -> Iterator[Any]:
    """One request a line, as the Collector's file exporter writes; raises as `decode_json`, with the line."""
    for number, line in enumerate(_unicode(text).split("\n"), 1):
        if line.strip():
            try:
                yield decode_json(signal, line)
            except MalformedOTLP as error:
                raise MalformedOTLP(error.reason, f"line {number}, {error.where}") from None


def _decode(message: Schema, text: bytes | str) -> Any:
    result = message.cls()
    try:
        _message(message, _parsed(_unicode(text)), result, 0)
    except _Fault as fault:
        raise MalformedOTLP(fault.reason, _joined(fault.path) or "the top level") from None
    return result


def _unicode(text: bytes | str) -> str:
    if isinstance(text, str):
        return text
    try:
        return str(text, "utf-8")
    except UnicodeDecodeError as error:
        raise malformed_at("the body is not UTF-8", error.start) from None


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise MalformedOTLP(f"not JSON: {error.msg}", f"line {error.lineno} column {error.colno}") from None
    except RecursionError:
        raise MalformedOTLP("not OTLP: nested too deep", "the top level") from None
    except ValueError as error:
        raise MalformedOTLP(f"not JSON: {error}", "the top level") from None


def _no_constant(name: str) -> None:
    raise ValueError(f'{name} has to be a string, "{name}"')


def _joined(path: list[str]) -> str:
    return "".join(step if step[0] == "[" else f".{step}" for step in reversed(path)).removeprefix(".")


def _message(message: Schema, value: Any, into: Any, depth: int) -> None:
    if type(value) is not dict:
        raise _Fault(f"an object is expected, not {_named(value)}")
    if depth > MAX_DEPTH:
        raise _Fault(f"messages nested deeper than {MAX_DEPTH}")
    find = message.by_json_name.get
    chosen: Field | None = None
    for name, item in value.items():
        field = find(name)
        if field is None or item is None:
            continue
        try:
            if field.kind in _ONE_OF:
                if chosen not in (None, field):
                    raise _Fault(f"only one of {chosen.json_name} and {field.json_name} can be set")
                chosen = field
            _field(field, item, into, depth)
        except _Fault as fault:
            raise fault.within(name) from None


_ONE_OF = {schema.ONE_OF, schema.NUMBER_DOUBLE, schema.NUMBER_INT}


def _field(field: Field, item: Any, into: Any, depth: int) -> None:
    kind = field.kind
    if kind in _SCALARS:
        setattr(into, field.attribute, _SCALARS[kind](item))
    elif kind == schema.ENUM:
        assert field.enum is not None
        setattr(into, field.attribute, _enum(field.enum, item))
    elif kind in _REPEATED:
        into_list = getattr(into, field.attribute)
        convert = _REPEATED[kind]
        for index, each in enumerate(_list(item)):
            try:
                into_list.append(convert(each))
            except _Fault as fault:
                raise fault.within(f"[{index}]") from None
    elif kind == schema.ATTRIBUTES:
        _key_values(item, getattr(into, field.attribute), depth + 1)
    elif kind == schema.ANY:
        value = _any_value(item, depth + 1)
        setattr(into, field.attribute, EncodedValue(None, b"") if value is None else value)
    elif kind == schema.MESSAGES:
        assert field.message is not None
        messages = getattr(into, field.attribute)
        for index, each in enumerate(_list(item)):
            message = field.message.cls()
            try:
                _message(field.message, each, message, depth + 1)
            except _Fault as fault:
                raise fault.within(f"[{index}]") from None
            messages.append(message)
    else:
        assert field.message is not None
        message = field.message.cls()
        _message(field.message, item, message, depth + 1)
        setattr(into, field.attribute, message)


def _key_values(item: Any, into: KeyValues, depth: int) -> None:
    for index, each in enumerate(_list(item)):
        try:
            into.append(_key_value(each, depth))
        except _Fault as fault:
            raise fault.within(f"[{index}]") from None


def _key_value(item: Any, depth: int) -> KeyValue:
    if type(item) is not dict:
        raise _Fault(f"an object with key and value is expected, not {_named(item)}")
    key = item.get("key")
    value = item.get("value")
    try:
        name = "" if key is None else _string(key)
    except _Fault as fault:
        raise fault.within("key") from None
    try:
        return KeyValue(name, _ABSENT if value is None else _any_value(value, depth + 1))
    except _Fault as fault:
        raise fault.within("value") from None


def _any_value(item: Any, depth: int) -> AnyValue:
    if type(item) is not dict:
        raise _Fault(f'an object such as {{"stringValue": "x"}} is expected, not {_named(item)}')
    if depth > MAX_DEPTH:
        raise _Fault(f"messages nested deeper than {MAX_DEPTH}")
    result: AnyValue = None
    found = ""
    for name, content in item.items():
        kind = _ANY_NAMES.get(name)
        if kind is None or content is None:
            continue
        if found:
            raise _Fault(f"only one of {found} and {name} can be set")
        found = name
        try:
            if kind in _ANY_SCALARS:
                result = _ANY_SCALARS[kind](content)
            else:
                result = _values(kind, content, depth + 1)
        except _Fault as fault:
            raise fault.within(name) from None
    return result


def _values(kind: str, content: Any, depth: int) -> AnyValue:
    """ArrayValue or KeyValueList."""
    if type(content) is not dict:
        raise _Fault(f'an object such as {{"values": []}} is expected, not {_named(content)}')
    items = content.get("values")
    try:
        if kind == "kvlistValue":
            pairs = KeyValues()
            _key_values([] if items is None else items, pairs, depth + 1)
            return pairs
        result: list[AnyValue] = []
        for index, each in enumerate(_list([] if items is None else items)):
            try:
                result.append(_any_value(each, depth + 1))
            except _Fault as fault:
                raise fault.within(f"[{index}]") from None
    except _Fault as fault:
        raise fault.within("values") from None
    return result


def _list(value: Any) -> list[Any]:
    if type(value) is not list:
        raise _Fault(f"a list is expected, not {_named(value)}")
    return value


def _string(value: Any) -> str:
    if type(value) is not str:
        raise _Fault(f"a string is expected, not {_named(value)}")
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError:
            raise _Fault("a string with half of a surrogate pair") from None
    return value


def _id(value: Any) -> bytes:
    if type(value) is str:
        try:
            return binascii.unhexlify(value)
        except ValueError:
            if len(value) in _BASE64_ID_LENGTHS and value[-1] == "=":
                return _base64(value)
    raise _Fault(f"an id in hexadecimal is expected, not {_named(value)}")


def _base64(value: Any) -> bytes:
    if type(value) is str:
        standard = value.rstrip("=").replace("-", "+").replace("_", "/")
        try:
            return binascii.a2b_base64(standard + "=" * (-len(standard) % 4), strict_mode=True)
        except ValueError:
            pass
    raise _Fault(f"base64 is expected, not {_named(value)}")


def _bool(value: Any) -> bool:
    if type(value) is not bool:
        raise _Fault(f"true or false is expected, not {_named(value)}")
    return value


def _double(value: Any) -> float:
    kind = type(value)
    if kind is str and value in _SPECIAL:
        return _SPECIAL[value]
    if kind is float or kind is int or (kind is str and value.isascii() and "_" not in value):
        try:
            number = float(value)
        except (ValueError, OverflowError):
            raise _Fault(f"a number is expected, not {_named(value)}") from None
        if number - number == 0 and (kind is not str or value == value.strip()):
            return number
    raise _Fault(f'a number, "NaN" or "Infinity" is expected, not {_named(value)}')


def _integer(value: Any, low: int, high: int) -> int:
    kind = type(value)
    digits = kind is str and len(value) <= 20 and value.isascii() and value.removeprefix("-").isdigit()
    if not (kind is int or digits or (kind is float and value.is_integer())):
        raise _Fault(f"an integer is expected, not {_named(value)}")
    number = int(value)
    if not low <= number <= high:
        raise _Fault(f"{number} is not between {low} and {high}")
    return number


def _enum(enum: schema.Enum, value: Any) -> int:
    if type(value) is str and value in enum.by_name:
        return enum.by_name[value]
    try:
        return _int32(value)
    except _Fault:
        raise _Fault(f"a number of {enum.cls.__name__} is expected, not {_named(value)}") from None


def _int32(value: Any) -> int:
    return _integer(value, -(1 << 31), (1 << 31) - 1)


def _uint32(value: Any) -> int:
    return _integer(value, 0, (1 << 32) - 1)


def _int64(value: Any) -> int:
    return _integer(value, -(1 << 63), (1 << 63) - 1)


def _uint64(value: Any) -> int:
    return _integer(value, 0, (1 << 64) - 1)


def _named(value: Any) -> str:
    """What stands there instead, short."""
    shown = json.dumps(value) if not isinstance(value, dict | list) else type(value).__name__
    return shown if len(shown) <= 40 else shown[:37] + "..."


_SCALARS = {
    schema.STRING: _string,
    schema.ID: _id,
    schema.FIXED64: _uint64,
    schema.UINT32: _uint32,
    schema.FIXED32: _uint32,
    schema.BOOL: _bool,
    schema.SINT32: _int32,
    schema.DOUBLE: _double,
    schema.OPTIONAL_DOUBLE: _double,
    schema.NUMBER_DOUBLE: _double,
    schema.NUMBER_INT: _int64,
}
_REPEATED = {
    schema.STRINGS: _string,
    schema.PACKED_FIXED64: _uint64,
    schema.PACKED_UINT64: _uint64,
    schema.PACKED_DOUBLE: _double,
}
_ANY_SCALARS: dict[str, Callable[[Any], AnyValue]] = {
    "stringValue": _string,
    "boolValue": _bool,
    "intValue": _int64,
    "doubleValue": _double,
    "bytesValue": _base64,
}
_ANY_NAMES = {name: name for name in (*_ANY_SCALARS, "arrayValue", "kvlistValue")} | {
    "string_value": "stringValue",
    "bool_value": "boolValue",
    "int_value": "intValue",
    "double_value": "doubleValue",
    "bytes_value": "bytesValue",
    "array_value": "arrayValue",
    "kvlist_value": "kvlistValue",
}
