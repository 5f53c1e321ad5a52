"""The check at the door: is this request OTLP, and which of its items are invalid by the specification?

Items are what partial success counts: spans, metric data points, log records.
"""

from typing import NamedTuple

from wasm_sdk.otlp import check, model, schema
from wasm_sdk.otlp.signal import Signal
from wasm_sdk.otlp.wire import SpanSlice, iter_spans, join_spans


class Screened(NamedTuple):
    """What may pass.

    data: the request without its invalid items (the same object when there are none).
    items: how many items `data` holds.
    rejected: how many were cut out.
    message: why, with the first of them as the example; "" when none was.
    """

    data: bytes
    items: int
    rejected: int
    message: str


def screen(signal: Signal, data: bytes) -> Screened:
    """Checks the structure of a whole protobuf request and cuts out its invalid items.

    Invalid are spans whose trace id is not 16 bytes or all zero, whose span id is not 8 bytes or all zero, or
    whose parent span id is neither empty nor 8 bytes (opentelemetry/proto/trace/v1). Everything else that the
    protocol calls invalid (the trace id of a log record, say) only means that the field is to be ignored.

    Raises:
        MalformedOTLP: for what the decoder would refuse.
    """
    walker = check.Walker(_KINDS, _CHILDREN, _COUNTED, _ROOTS[Signal(signal)])
    walker.walk(bytes(data))
    if not walker.invalid:
        return Screened(data, walker.items, 0, "")
    kept: list[SpanSlice] = []
    first = ""
    for index, span in enumerate(iter_spans(data)):
        fault = span_fault(span)
        if not fault:
            kept.append(span)
        elif not first:
            first = f"span {index} of the request ({span.name!r}): {fault}"
    rejected = walker.items - len(kept)
    return Screened(join_spans(kept), len(kept), rejected, f"{rejected} invalid; {first}")


def span_fault(span: SpanSlice) -> str:
    """What makes a span invalid by the specification; "" when nothing does."""
    if len(span.trace_id) != 16:
        return f"its trace id has {len(span.trace_id)} bytes, not 16"
    if not any(span.trace_id):
        return "its trace id is all zero"
    if len(span.span_id) != 8:
        return f"its span id has {len(span.span_id)} bytes, not 8"
    if not any(span.span_id):
        return "its span id is all zero"
    if len(span.parent_span_id) not in (0, 8):
        return f"its parent span id has {len(span.parent_span_id)} bytes, not 8"
    return ""


_OF_KIND = {
    schema.ATTRIBUTES: check.MESSAGE,
    schema.MESSAGES: check.MESSAGE,
    schema.MESSAGE: check.MESSAGE,
    schema.ONE_OF: check.MESSAGE,
    schema.ANY: check.MESSAGE,
    schema.STRING: check.STRING,
    schema.STRINGS: check.STRING,
    schema.ID: check.BYTES,
    schema.FIXED32: check.I32,
    schema.PACKED_UINT64: check.PACKED_VARINT,
    schema.PACKED_FIXED64: check.PACKED_I64,
    schema.PACKED_DOUBLE: check.PACKED_I64,
}
_OF_WIRE_TYPE = {schema.VARINT: check.VARINT, schema.I64: check.I64}
_ITEMS = {
    model.Span,
    model.LogRecord,
    model.NumberDataPoint,
    model.HistogramDataPoint,
    model.ExponentialHistogramDataPoint,
    model.SummaryDataPoint,
}
# The messages behind AnyValue, which the schema has no tables for: numbers 0 to 3 of the table.
_ANY_VALUE, _KEY_VALUE, _ARRAY_VALUE, _KEY_VALUE_LIST = range(4)
_VALUE_ROWS: list[dict[int, tuple[int, int]]] = [
    {
        1: (check.STRING, 0),
        2: (check.VARINT, 0),
        3: (check.VARINT, 0),
        4: (check.I64, 0),
        5: (check.MESSAGE, _ARRAY_VALUE),
        6: (check.MESSAGE, _KEY_VALUE_LIST),
        7: (check.BYTES, 0),
    },
    {1: (check.STRING, 0), 2: (check.MESSAGE, _ANY_VALUE)},
    {1: (check.MESSAGE, _ANY_VALUE)},
    {1: (check.MESSAGE, _KEY_VALUE)},
]


def _tables() -> tuple[bytes, bytes, bytes, dict[Signal, int]]:
    """`kinds`, `children` and `counted` of `check.Walker`, and the root message of each signal."""
    rows = list(_VALUE_ROWS)
    counted = bytearray(len(rows))
    numbers: dict[int, int] = {}

    def add(message: schema.Schema) -> int:
        if id(message) in numbers:
            return numbers[id(message)]
        number = numbers[id(message)] = len(rows)
        row: dict[int, tuple[int, int]] = {}
        rows.append(row)
        counted.append(message.cls in _ITEMS)
        for field in message.fields:
            child = 0
            if field.message is not None:
                child = add(field.message)
            elif field.kind == schema.ATTRIBUTES:
                child = _KEY_VALUE
            kind = _OF_KIND.get(field.kind) or _OF_WIRE_TYPE[field.tag & 7]
            row[field.number] = (kind, child)
        return number

    roots = {signal: add(message) for signal, message in schema.SCHEMAS.items()}
    span = rows[numbers[id(schema.SPAN)]]
    span[1], span[2], span[4] = (check.TRACE_ID, 0), (check.SPAN_ID, 0), (check.PARENT_ID, 0)
    cells = [row.get(number, (check.UNKNOWN, 0)) for row in rows for number in range(check.FIELDS)]
    return bytes(kind for kind, _ in cells), bytes(child for _, child in cells), bytes(counted), roots


_KINDS, _CHILDREN, _COUNTED, _ROOTS = _tables()
