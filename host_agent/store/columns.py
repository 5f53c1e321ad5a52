"""The columns of a segment: the index columns and the bytes of each signal.

Besides these a segment has one string column for each frequent attribute (`attributes.http.route`,
`resource.service.version`) and `attributes_more`, the `label=text` of those that got no column of their own.
Times are unsigned nanoseconds since the Unix epoch, ids are bytes. `item` is the span, log record or metric
as it was sent; `resource` and `scope` are the encoded fields around it.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import pyarrow as pa

from wasm_sdk.otlp.signal import Signal

MORE = "attributes_more"

_COMMON = [
    ("service", pa.string()),
    ("scope_name", pa.string()),
    ("received_unix_nano", pa.uint64()),
    ("item", pa.binary()),
    ("resource", pa.binary()),
    ("scope", pa.binary()),
]
_BATCH = [("batch_id", pa.binary()), ("batch_index", pa.uint32())]


@dataclass(frozen=True, slots=True)
class Layout:
    """How one signal's rows are stored.

    Attributes:
        schema: The columns that every segment has.
        key: The columns that identify a row; rows with an equal key are one.
        order: The columns that a segment is sorted by.
        first, last: The columns whose least and greatest values say what time a segment covers.
    """

    schema: pa.Schema
    key: tuple[str, ...]
    order: tuple[str, ...]
    first: str
    last: str


LAYOUTS = {
    Signal.TRACES: Layout(
        pa.schema(
            [
                ("trace_id", pa.binary()),
                ("span_id", pa.binary()),
                ("parent_span_id", pa.binary()),
                ("name", pa.string()),
                ("kind", pa.int32()),
                ("status", pa.int32()),
                ("start_unix_nano", pa.uint64()),
                ("end_unix_nano", pa.uint64()),
                ("duration_ns", pa.int64()),
                *_COMMON,
            ]
        ),
        key=("trace_id", "span_id"),
        order=("trace_id", "start_unix_nano", "span_id"),
        first="start_unix_nano",
        last="end_unix_nano",
    ),
    Signal.LOGS: Layout(
        pa.schema(
            [
                ("time_unix_nano", pa.uint64()),
                ("severity_number", pa.int32()),
                ("severity_text", pa.string()),
                ("body", pa.string()),
                ("event_name", pa.string()),
                ("trace_id", pa.binary()),
                ("span_id", pa.binary()),
                *_BATCH,
                *_COMMON,
            ]
        ),
        key=("batch_id", "batch_index"),
        order=("time_unix_nano", "batch_id", "batch_index"),
        first="time_unix_nano",
        last="time_unix_nano",
    ),
    Signal.METRICS: Layout(
        pa.schema(
            [
                ("name", pa.string()),
                ("unit", pa.string()),
                ("type", pa.string()),
                ("start_unix_nano", pa.uint64()),
                ("end_unix_nano", pa.uint64()),
                ("points", pa.uint32()),
                *_BATCH,
                *_COMMON,
            ]
        ),
        key=("batch_id", "batch_index"),
        order=("name", "end_unix_nano", "batch_id", "batch_index"),
        first="start_unix_nano",
        last="end_unix_nano",
    ),
}


def columns_for(labels: Iterable[str], limit: int) -> list[str]:
    """The first `limit` of the labels that can be columns beside each other: DuckDB takes names that differ
    in case alone for one, so only the first of those is."""
    chosen: dict[str, str] = {}
    for label in labels:
        if len(chosen) == limit:
            break
        chosen.setdefault(label.lower(), label)
    return list(chosen.values())
