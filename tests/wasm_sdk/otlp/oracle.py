"""Google's protobuf as the oracle: official message classes, and messages made from their descriptors."""

import base64
import json
from typing import Any

from google.protobuf import json_format
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from hypothesis import strategies as st
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

OFFICIAL: dict[str, type[Message]] = {"traces": TracesData, "metrics": MetricsData, "logs": LogsData}
SIGNALS = tuple(OFFICIAL)
# References into the string table of the profiles signal: "must not be used" in these three.
NOT_HERE = {"key_strindex", "string_value_strindex"}
IDS = {"traceId", "spanId", "parentSpanId", "trace_id", "span_id", "parent_span_id"}
UNKNOWN_FIELD = b"\xf8\x07\x05\xf2\x07\x03abc"  # numbers 127 (a varint) and 126 (bytes)


def parse(signal: str, data: bytes) -> Message:
    return OFFICIAL[signal].FromString(data)


def canonical(message: Message) -> bytes:
    return message.SerializeToString(deterministic=True)


def parse_json(signal: str, text: bytes | str) -> Message:
    """What google.protobuf reads, once the ids are in base64, where OTLP differs from proto3."""
    body = _recode(json.loads(text), lambda value: value if "=" in value else _base64(value))
    return json_format.ParseDict(body, OFFICIAL[signal](), ignore_unknown_fields=True)


def _base64(hexadecimal: str) -> str:
    return base64.b64encode(bytes.fromhex(hexadecimal)).decode()


def to_json(message: Message, original_names: bool = False) -> str:
    body = json_format.MessageToDict(
        message, preserving_proto_field_name=original_names, use_integers_for_enums=True
    )
    return json.dumps(_recode(body, lambda value: base64.b64decode(value).hex()))


def _recode(value: Any, convert: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: convert(item) if key in IDS and isinstance(item, str) else _recode(item, convert)
            for key, item in value.items()
        }
    return [_recode(item, convert) for item in value] if isinstance(value, list) else value


_TYPES = FieldDescriptor
_SCALARS = {
    _TYPES.TYPE_STRING: st.text(max_size=6),
    _TYPES.TYPE_BYTES: st.sampled_from(
        [b"", b"\x00", bytes(8), bytes(range(1, 9)), bytes(range(16)), b"\xff" * 16]
    ),
    _TYPES.TYPE_BOOL: st.booleans(),
    _TYPES.TYPE_UINT32: st.sampled_from([0, 1, 127, 128, 2**32 - 1]),
    _TYPES.TYPE_FIXED32: st.sampled_from([0, 1, 0x301, 2**32 - 1]),
    _TYPES.TYPE_SINT32: st.sampled_from([0, 1, -1, 63, -64, -65, 2**31 - 1, -(2**31)]),
    _TYPES.TYPE_INT64: st.sampled_from([0, 1, -1, 127, 128, 16384, 2**63 - 1, -(2**63)])
    | st.integers(-1000, 1000),
    _TYPES.TYPE_SFIXED64: st.sampled_from([0, 1, -1, 2**63 - 1, -(2**63)]),
    _TYPES.TYPE_UINT64: st.sampled_from([0, 1, 300, 2**64 - 1]),
    _TYPES.TYPE_FIXED64: st.sampled_from([0, 1, 1_700_000_000_000_000_000, 2**64 - 1]),
    _TYPES.TYPE_DOUBLE: st.floats(allow_nan=False)
    | st.sampled_from([0.0, -0.0, 1.5, float("inf"), float("nan")]),
    _TYPES.TYPE_ENUM: st.sampled_from([0, 1, 2, 3, 9, 99, -1, 2**31 - 1, -(2**31)]),
}


@st.composite
def _message(
    draw: st.DrawFn, descriptor: Descriptor, cls: type[Message], unknown: bool, depth: int
) -> Message:
    message = cls()
    skipped = set(NOT_HERE)
    for oneof in descriptor.oneofs:
        members = [field.name for field in oneof.fields if field.name not in NOT_HERE]
        chosen = draw(st.sampled_from([*members, None]))
        skipped.update(name for name in members if name != chosen)
    for field in descriptor.fields:
        if field.name in skipped or (field.containing_oneof is None and not draw(st.integers(0, 3))):
            continue
        if field.message_type is not None:
            if depth > 9 and field.message_type.name in ("ArrayValue", "KeyValueList"):
                continue
            _fill(draw, message, field, unknown, depth)
        elif field.is_repeated:
            getattr(message, field.name).extend(draw(st.lists(_SCALARS[field.type], max_size=3)))
        else:
            setattr(message, field.name, draw(_SCALARS[field.type]))
    if unknown and not draw(st.integers(0, 3)):
        message.MergeFromString(UNKNOWN_FIELD)
    return message


def _fill(draw: st.DrawFn, message: Message, field: FieldDescriptor, unknown: bool, depth: int) -> None:
    cls = field.message_type._concrete_class
    strategy = _message(field.message_type, cls, unknown, depth + 1)
    if field.is_repeated:
        getattr(message, field.name).extend(draw(st.lists(strategy, min_size=depth < 3, max_size=2)))
    else:
        getattr(message, field.name).CopyFrom(draw(strategy))
        getattr(message, field.name).SetInParent()


def requests(signal: str, unknown: bool = False) -> st.SearchStrategy[Message]:
    """Official requests of one signal; with `unknown`, fields of a later version at any level."""
    cls = OFFICIAL[signal]
    return _message(cls.DESCRIPTOR, cls, unknown, 0)
