"""Which paths each context has, and what they hold.

Source: the contexts of OTTL (opentelemetry-collector-contrib, pkg/ottl/contexts, v0.163). What only
transformations or the collector's own process have (`cache`, `otelcol.*`) is left out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from wasm_sdk.rules.kinds import Kind


class Indexing(Enum):
    """What `[...]` after a path means."""

    NONE = "cannot be indexed"
    MAP = "a string, then strings or ints into nested values"
    VALUE = "strings or ints into a value that may be nested"
    TRACE_STATE = "one string"


@dataclass(frozen=True, slots=True)
class Field:
    """What a path holds, and how it may be indexed."""

    kind: Kind
    indexing: Indexing = Indexing.NONE

    def indexed_kind(self) -> Kind:
        return Kind.STRING | Kind.NIL if self.indexing is Indexing.TRACE_STATE else Kind.ANY_VALUE


_STRING, _INT, _TIME = Field(Kind.STRING), Field(Kind.INT), Field(Kind.TIME)
_ATTRIBUTES = Field(Kind.MAP, Indexing.MAP)
_MAYBE_INT, _MESSAGES = Field(Kind.INT | Kind.NIL), Field(Kind.MESSAGES)
_IDS = {
    "trace_id": Field(Kind.TRACE_ID),
    "trace_id.string": _STRING,
    "span_id": Field(Kind.SPAN_ID),
    "span_id.string": _STRING,
}

FIELDS: dict[str, dict[str, Field]] = {
    "resource": {"attributes": _ATTRIBUTES, "dropped_attributes_count": _INT, "schema_url": _STRING},
    "scope": {
        "name": _STRING,
        "version": _STRING,
        "attributes": _ATTRIBUTES,
        "dropped_attributes_count": _INT,
        "schema_url": _STRING,
    },
    "span": {
        **_IDS,
        "trace_state": Field(Kind.STRING, Indexing.TRACE_STATE),
        "parent_span_id": Field(Kind.SPAN_ID),
        "parent_span_id.string": _STRING,
        "name": _STRING,
        "kind": _INT,
        "kind.string": _STRING,
        "kind.deprecated_string": _STRING,
        "start_time_unix_nano": _INT,
        "end_time_unix_nano": _INT,
        "start_time": _TIME,
        "end_time": _TIME,
        "attributes": _ATTRIBUTES,
        "dropped_attributes_count": _INT,
        "events": _MESSAGES,
        "dropped_events_count": _INT,
        "links": _MESSAGES,
        "dropped_links_count": _INT,
        "status": Field(Kind.MESSAGE),
        "status.code": _INT,
        "status.message": _STRING,
        "flags": _INT,
    },
    "spanevent": {
        "time_unix_nano": _INT,
        "time": _TIME,
        "name": _STRING,
        "attributes": _ATTRIBUTES,
        "dropped_attributes_count": _INT,
        "event_index": _INT,
    },
    "metric": {
        "name": _STRING,
        "description": _STRING,
        "unit": _STRING,
        "type": _INT,
        "aggregation_temporality": _MAYBE_INT,
        "is_monotonic": Field(Kind.BOOL | Kind.NIL),
        "data_points": _MESSAGES,
        "metadata": _ATTRIBUTES,
    },
    "datapoint": {
        "attributes": _ATTRIBUTES,
        "start_time_unix_nano": _INT,
        "time_unix_nano": _INT,
        "start_time": _TIME,
        "time": _TIME,
        "value_double": Field(Kind.DOUBLE | Kind.NIL),
        "value_int": _MAYBE_INT,
        "exemplars": Field(Kind.MESSAGES | Kind.NIL),
        "flags": _INT,
        "count": _MAYBE_INT,
        "sum": Field(Kind.DOUBLE | Kind.NIL),
        "bucket_counts": Field(Kind.COUNTS | Kind.NIL),
        "explicit_bounds": Field(Kind.DOUBLES | Kind.NIL),
        "scale": _MAYBE_INT,
        "zero_count": _MAYBE_INT,
        "positive": Field(Kind.MESSAGE | Kind.NIL),
        "positive.offset": _MAYBE_INT,
        "positive.bucket_counts": Field(Kind.COUNTS | Kind.NIL),
        "negative": Field(Kind.MESSAGE | Kind.NIL),
        "negative.offset": _MAYBE_INT,
        "negative.bucket_counts": Field(Kind.COUNTS | Kind.NIL),
        "quantile_values": Field(Kind.MESSAGES | Kind.NIL),
    },
    "log": {
        **_IDS,
        "time_unix_nano": _INT,
        "observed_time_unix_nano": _INT,
        "time": _TIME,
        "observed_time": _TIME,
        "severity_number": _INT,
        "severity_text": _STRING,
        "body": Field(Kind.ANY_VALUE, Indexing.VALUE),
        "body.string": _STRING,
        "attributes": _ATTRIBUTES,
        "dropped_attributes_count": _INT,
        "flags": _INT,
        "event_name": _STRING,
    },
}

# What an item of each context can see, itself first.
VISIBLE: dict[str, tuple[str, ...]] = {
    "span": ("span", "scope", "resource"),
    "spanevent": ("spanevent", "span", "scope", "resource"),
    "metric": ("metric", "scope", "resource"),
    "datapoint": ("datapoint", "metric", "scope", "resource"),
    "log": ("log", "scope", "resource"),
    "scope": ("scope", "resource"),
    "resource": ("resource",),
}
CONTEXTS = tuple(VISIBLE)

# The collector's older name of the scope.
ALIASES = {"instrumentation_scope": "scope"}


def known_paths(context: str) -> list[str]:
    """Every path that a rule of this context may name, short names first."""
    own, *others = VISIBLE[context]
    return list(FIELDS[own]) + [f"{c}.{f}" for c in (own, *others) for f in FIELDS[c]]


def _numbered(prefix: str, names: str) -> dict[str, int]:
    return {prefix + name: number for number, name in enumerate(names.split())}


_SEVERITIES = [
    f"{name}{n if n > 1 else ''}"
    for name in ["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]
    for n in (1, 2, 3, 4)
]
_METRIC_SYMBOLS = {
    **_numbered("AGGREGATION_TEMPORALITY_", "UNSPECIFIED DELTA CUMULATIVE"),
    **_numbered("METRIC_DATA_TYPE_", "NONE GAUGE SUM HISTOGRAM EXPONENTIAL_HISTOGRAM SUMMARY"),
}
_SPAN_SYMBOLS = {
    **_numbered("SPAN_KIND_", "UNSPECIFIED INTERNAL SERVER CLIENT PRODUCER CONSUMER"),
    **_numbered("STATUS_CODE_", "UNSET OK ERROR"),
}

SYMBOLS: dict[str, dict[str, int]] = {
    "span": _SPAN_SYMBOLS,
    "spanevent": _SPAN_SYMBOLS,
    "metric": _METRIC_SYMBOLS,
    "datapoint": {"FLAG_NONE": 0, "FLAG_NO_RECORDED_VALUE": 1, **_METRIC_SYMBOLS},
    "log": _numbered("SEVERITY_NUMBER_", " ".join(["UNSPECIFIED", *_SEVERITIES])),
    "scope": {},
    "resource": {},
}

# No two contexts mean different numbers by one symbol.
NUMBERS: dict[str, int] = {name: number for symbols in SYMBOLS.values() for name, number in symbols.items()}
