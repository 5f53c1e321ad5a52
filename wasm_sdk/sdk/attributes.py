"""Attribute values as the SDK keeps them: plain, immutable, within limits.

Source: OpenTelemetry specification, "AnyValue", "Attribute", "Attribute Limits", "Mapping Arbitrary Data to
OTLP AnyValue". `None` is kept where the caller gives it: it is an AnyValue, though most backends show nothing
for it.
"""

import logging
from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Attributes: TypeAlias = dict[str, Any]

_log = logging.getLogger(__name__)

PLAIN = frozenset({str, bool, int, float})
"""Types whose values are kept as they are when no length limit is set."""

_INT64 = 1 << 63
_DEPTH = 32


class UnsupportedValue(TypeError):  # noqa: N818 - it names the value
    """A value that no AnyValue can stand for."""


def clean(value: Any, max_length: int | None = None) -> Any:
    """`value` as an immutable AnyValue: strings and bytes cut to `max_length`, sequences as tuples, mappings
    copied.

    Subclasses (`StrEnum`, NumPy's `float64`) become their base type, and integers beyond 64 bits strings, as
    the specification's mapping asks.

    Raises:
        UnsupportedValue: The value is of none of AnyValue's types.
    """
    return _clean(value, max_length, _DEPTH)


def _clean(value: Any, max_length: int | None, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str.__str__(value)[:max_length]
    if isinstance(value, int):
        return int(value) if -_INT64 <= value < _INT64 else str(int(value))[:max_length]
    if isinstance(value, float):
        return float(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)[:max_length]
    if depth == 0:
        raise UnsupportedValue(f"values nest deeper than {_DEPTH}")
    if isinstance(value, Mapping):
        return {str(key): _clean(item, max_length, depth - 1) for key, item in value.items() if is_key(key)}
    if isinstance(value, Sequence | set | frozenset):
        return tuple(_clean(item, max_length, depth - 1) for item in value)
    raise UnsupportedValue(
        f"{type(value).__name__} is not a string, number, boolean, bytes, sequence or mapping"
    )


def clean_attributes(
    attributes: Mapping[str, Any] | None, max_count: int | None = None, max_length: int | None = None
) -> tuple[Attributes, int]:
    """A copy of `attributes` within the limits, and how many were dropped for their number.

    What is invalid (an empty key, an unsupported value) is left out and logged; it does not count as dropped.
    """
    kept: Attributes = {}
    dropped = 0
    for key, value in (attributes or {}).items():
        if max_count is not None and len(kept) >= max_count and key not in kept:
            dropped += 1
        elif is_key(key):
            try:
                kept[key] = value if max_length is None and type(value) in PLAIN else clean(value, max_length)
            except UnsupportedValue as error:
                log_unsupported(key, error)
    return kept, dropped


def log_unsupported(key: object, error: UnsupportedValue) -> None:
    """Tell that an attribute was left out."""
    _log.warning("Attribute %r is left out: %s", key, error)


def is_key(key: object) -> bool:
    """Whether `key` may name an attribute; tells in the log when not."""
    if isinstance(key, str) and key:
        return True
    _log.warning("Attribute key %r is left out: a key is a non-empty string", key)
    return False
