"""The rows of a snapshot as SQL: one sub-select over the segments that have a column, one over the rows in
memory.

Conditions are written once, over the columns of the layout; attributes become comparisons with the column
that each segment has for them, a look into `attributes_more`, or nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from host_agent.store.attributes import RESOURCE_PREFIX, SPAN_PREFIX, sought
from host_agent.store.columns import MORE
from host_agent.store.partition import Snapshot
from host_agent.store.segment import Segment

SEGMENTS = "(SELECT *, file_index AS place FROM read_parquet(?))"
MEMORY = "(SELECT *, -1 AS place FROM fresh)"


@dataclass(frozen=True, slots=True)
class Attribute:
    """A span's (log record's, point's) or its resource's attribute; `value` None: it is there at all."""

    key: str
    value: str | None = None

    @property
    def labels(self) -> list[str]:
        return [SPAN_PREFIX + self.key, RESOURCE_PREFIX + self.key]

    @property
    def texts(self) -> list[str] | None:
        return None if self.value is None else sought(self.value)


@dataclass(frozen=True, slots=True)
class Condition:
    """SQL over the layout's columns, and its parameters."""

    sql: str
    parameters: tuple[Any, ...] = ()


@dataclass(slots=True)
class Source:
    """A sub-select and the parameters in it."""

    sql: str
    parameters: list[Any]


def rows_of(
    cursor: duckdb.DuckDBPyConnection,
    snapshot: Snapshot,
    columns: Sequence[str],
    where: Iterable[Condition] = (),
    attributes: Sequence[Attribute] = (),
    mark: str | None = None,
    matching: Iterable[Condition] = (),
) -> Source:
    """The rows that fulfil `where`, from every segment of the snapshot and from memory.

    Args:
        columns: SQL expressions over the layout's columns and `place` (a number of the segment, -1 in
        memory).
        attributes: What a row must have; with `mark` what it must have to be marked.
        mark: Name of a boolean column that says whether the row fulfils `matching` and `attributes`; None:
            rows that do not are left out.
        matching: Further conditions, treated as the attributes are.
    """
    where, matching = list(where), list(matching)
    parts: list[Source] = []
    for variant, paths in _variants(snapshot.segments, attributes, keep_all=mark is not None).items():
        conditions = [*matching, *(_on_columns(a, v) for a, v in zip(attributes, variant, strict=True))]
        parts.append(_select(columns, SEGMENTS, [paths], where, conditions, mark))
    if snapshot.fresh or not parts:
        cursor.register("fresh", _fresh(snapshot, attributes))
        conditions = [*matching, Condition("has_attributes")]
        parts.append(_select(columns, MEMORY, [], where, conditions, mark))
    sql = "(" + " UNION ALL ".join(part.sql for part in parts) + ")"
    return Source(sql, [parameter for part in parts for parameter in part.parameters])


def _fresh(snapshot: Snapshot, attributes: Sequence[Attribute]) -> pa.Table:
    """The rows in memory, and in a further column whether they have the attributes."""
    having: list[pa.Array] = []
    for chunk in snapshot.fresh:
        mask = np.ones(len(chunk), dtype=np.bool_)
        for attribute in attributes:
            mask &= chunk.having(attribute.labels, attribute.texts)
        having.append(pa.array(mask))
    tables = [chunk.table for chunk in snapshot.fresh] or [snapshot.layout.schema.empty_table()]
    return pa.concat_tables(tables).append_column("has_attributes", pa.chunked_array(having, pa.bool_()))


def _select(
    columns: Sequence[str],
    table: str,
    first: list[Any],
    where: list[Condition],
    matching: list[Condition],
    mark: str | None,
) -> Source:
    parameters: list[Any] = []
    selected = list(columns)
    if mark is not None:
        selected.append(f"coalesce({_all(matching)}, false) AS {mark}")
        parameters += [parameter for condition in matching for parameter in condition.parameters]
    parameters += first
    kept = where if mark is not None else [*where, *matching]
    parameters += [parameter for condition in kept for parameter in condition.parameters]
    return Source(f"SELECT {', '.join(selected)} FROM {table} WHERE {_all(kept)}", parameters)


def _all(conditions: list[Condition]) -> str:
    return " AND ".join(f"({condition.sql})" for condition in conditions) or "true"


_Variant = tuple[tuple[tuple[str, ...], tuple[str, ...]], ...]


def _variants(
    segments: Iterable[Segment], attributes: Sequence[Attribute], keep_all: bool
) -> dict[_Variant, list[str]]:
    """Segments by where they keep each attribute: (labels with a column, labels to look for in the list)."""
    found: dict[_Variant, list[str]] = {}
    for segment in segments:
        variant = tuple(
            (
                tuple(label for label in attribute.labels if label in segment.columns),
                tuple(label for label in attribute.labels if segment.in_more(label)),
            )
            for attribute in attributes
        )
        if keep_all or all(columns or more for columns, more in variant):
            found.setdefault(variant, []).append(str(segment.path))
    return found


def _on_columns(attribute: Attribute, place: tuple[tuple[str, ...], tuple[str, ...]]) -> Condition:
    texts = attribute.texts
    choices: list[str] = []
    parameters: list[Any] = []
    for label in place[0]:
        column = '"' + label.replace('"', '""') + '"'
        if texts is None:
            choices.append(f"{column} IS NOT NULL")
        else:
            choices.append(f"{column} IN ({', '.join('?' * len(texts))})")
            parameters += texts
    for label in place[1]:
        if texts is None:
            choices.append(f"len([token FOR token IN {MORE} IF starts_with(token, ?)]) > 0")
            parameters.append(f"{label}=")
        else:
            choices.append(f"list_has_any({MORE}, ?::VARCHAR[])")
            parameters.append([f"{label}={text}" for text in texts])
    return Condition(" OR ".join(choices) or "false", tuple(parameters))
