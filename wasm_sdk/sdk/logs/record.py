"""Log records as processors and exporters see them, and their encoding.

Source: OpenTelemetry specification, logs data model; logs SDK, "ReadWriteLogRecord".
"""

import logging
import struct
from collections.abc import Iterable
from typing import Any

from wasm_sdk.otlp.spans import Fields
from wasm_sdk.otlp.value_to_protobuf import encode_value, text, varint
from wasm_sdk.sdk import envelope
from wasm_sdk.sdk.attributes import Attributes, UnsupportedValue, clean, clean_attributes
from wasm_sdk.sdk.resource import Resource
from wasm_sdk.sdk.scope import InstrumentationScope

_log = logging.getLogger(__name__)

_fixed64 = struct.Struct("<BQ").pack
_fixed32 = struct.Struct("<BI").pack
_attributes = Fields(6)


class ReadWriteLogRecord:
    """One log record on its way through the processors, which may change it while they are called with it.

    `attributes` is a plain dict: what a processor puts there is looked at when the record is encoded.

    Attributes:
        timestamp: When it happened, in Unix nanoseconds; 0 when unknown.
        observed_timestamp: When it was logged, in Unix nanoseconds.
        severity_number: 1 (TRACE) to 24 (FATAL4); 0 when unspecified.
        severity_text: The source's own name of the severity.
        body: Any AnyValue.
        attributes: Within the limits.
        dropped_attributes: Attributes that exceeded the limits.
        trace_id: 16 bytes, empty outside of a span.
        span_id: 8 bytes, empty outside of a span.
        trace_flags: W3C trace flags of that span.
        event_name: What kind of event this is; empty for a plain log record.
        resource: Of the provider.
        scope: Of the logger.
    """

    __slots__ = (
        "attributes",
        "body",
        "dropped_attributes",
        "event_name",
        "observed_timestamp",
        "resource",
        "scope",
        "severity_number",
        "severity_text",
        "span_id",
        "timestamp",
        "trace_flags",
        "trace_id",
    )

    def __init__(
        self,
        resource: Resource,
        scope: InstrumentationScope,
        timestamp: int,
        observed_timestamp: int,
        severity_number: int,
        severity_text: str,
        body: Any,
        attributes: Attributes,
        dropped_attributes: int,
        event_name: str,
    ) -> None:
        self.resource = resource
        self.scope = scope
        self.timestamp = timestamp
        self.observed_timestamp = observed_timestamp
        self.severity_number = severity_number
        self.severity_text = severity_text
        self.body = body
        self.attributes = attributes
        self.dropped_attributes = dropped_attributes
        self.event_name = event_name
        self.trace_id = b""
        self.span_id = b""
        self.trace_flags = 0

    def __repr__(self) -> str:
        return f"ReadWriteLogRecord({self.severity_text!r}, {self.body!r})"


def encode_records(records: Iterable[ReadWriteLogRecord]) -> bytes:
    """The ExportLogsServiceRequest of `records`; one that cannot be encoded is logged and left out."""
    groups: dict[tuple[int, InstrumentationScope], tuple[envelope.Origin, list[bytes]]] = {}
    for record in records:
        # By identity: hashing a resource's attributes for each record would cost more than encoding it.
        key = (id(record.resource), record.scope)
        group = groups.get(key)
        if group is None:
            group = groups[key] = ((record.resource, record.scope), [])
        items = group[1]
        try:
            items.append(_encode(record))
        except (ValueError, TypeError, AttributeError, struct.error):
            _encode_cleaned(record, items)
    return envelope.request(groups.values())


def _encode(record: ReadWriteLogRecord) -> bytes:
    """A LogRecord message of logs.proto, its fields in the order of their numbers."""
    out: list[bytes] = []
    if record.timestamp:
        out.append(_fixed64(0x09, record.timestamp))
    if record.severity_number:
        out += (b"\x10", varint(record.severity_number))
    _text(b"\x1a", record.severity_text, out)
    if record.body is not None:
        body = encode_value(record.body)
        out += (b"\x2a", varint(len(body)), body)
    _attributes.encode(record.attributes, out)
    if record.dropped_attributes:
        out += (b"\x38", varint(record.dropped_attributes))
    if record.trace_flags:
        out.append(_fixed32(0x45, record.trace_flags))
    if record.trace_id:
        out += (b"\x4a\x10", record.trace_id, b"\x52\x08", record.span_id)
    out.append(_fixed64(0x59, record.observed_timestamp))
    _text(b"\x62", record.event_name, out)
    return b"".join(out)


def _text(tag: bytes, value: str, out: list[bytes]) -> None:
    if value:
        content = text(value)
        out += (tag, varint(len(content)), content)


def _encode_cleaned(record: ReadWriteLogRecord, items: list[bytes]) -> None:
    """Once more, with body and attributes made encodable, for what a processor or the program put there."""
    try:
        record.body = clean(record.body)
    except UnsupportedValue:
        record.body = str(record.body)
    record.attributes = clean_attributes(record.attributes, max_length=1 << 62)[0]
    try:
        items.append(_encode(record))
    except (ValueError, TypeError, AttributeError, struct.error) as error:
        _log.error("%r is left out: %s", record, error)
