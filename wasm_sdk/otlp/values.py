"""AnyValue and KeyValue of opentelemetry/proto/common/v1 as native Python values.

An AnyValue is `str`, `bool`, `int`, `float`, `bytes`, `list` (ArrayValue), `KeyValues` (KeyValueList) or
`None` (no kind set). What a native value cannot say (fields of a later version, a field set to an empty
message where that differs from leaving it out) is kept by `EncodedValue`, so that decoding and encoding
again loses nothing.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple, TypeAlias, TypeVar, cast, overload

AnyValue: TypeAlias = "str | bool | int | float | bytes | list[AnyValue] | KeyValues | EncodedValue | None"
T = TypeVar("T")


class EncodedValue(NamedTuple):
    """An AnyValue whose encoding says more than its Python value does.

    `value` is what this version understands; `encoded` is the AnyValue message as it came and is written back
    unchanged (`None`: the field was absent where an empty message is the usual form of null).
    """

    value: AnyValue
    encoded: bytes | None


class KeyValue(NamedTuple):
    """One attribute. Immutable, because equal attributes of a request share one object."""

    key: str = ""
    value: AnyValue = None
    unknown: bytes = b""


def plain(value: AnyValue) -> AnyValue:
    """The value that this version understands, without an `EncodedValue` around it."""
    return value.value if isinstance(value, EncodedValue) else value


class KeyValues(list[KeyValue]):
    """Attributes in the order of the wire, duplicates kept; looked up by key, where the first one wins.

    Indexing by `int` or `slice` is the list's; indexing by `str` gives the value of that key.
    """

    __slots__ = ()

    @classmethod
    def of(cls, attributes: Mapping[str, Any]) -> "KeyValues":
        """Attributes out of a mapping, in its order; nested mappings become `KeyValues` too."""
        return cls([KeyValue(key, _native(value)) for key, value in attributes.items()])

    def get(self, key: str, default: T | None = None) -> AnyValue | T:
        """The value of the first attribute named `key`, else `default`."""
        for item in self:
            if item[0] == key:
                return plain(item[1])
        return default

    def as_dict(self) -> dict[str, Any]:
        """A mapping of the values, nested `KeyValues` as mappings too; of duplicates the first is kept."""
        result: dict[str, Any] = {}
        for key, value, _ in self:
            if key not in result:
                result[key] = _mapping(value)
        return result

    @overload  # type: ignore[override]
    def __getitem__(self, index: str) -> AnyValue: ...
    @overload
    def __getitem__(self, index: int) -> KeyValue: ...
    @overload
    def __getitem__(self, index: slice) -> "KeyValues": ...
    def __getitem__(self, index: str | int | slice) -> "AnyValue | KeyValue | KeyValues":
        if isinstance(index, str):
            for item in self:
                if item[0] == index:
                    return plain(item[1])
            raise KeyError(index)
        if isinstance(index, slice):
            return KeyValues(super().__getitem__(index))
        return super().__getitem__(index)

    def __contains__(self, item: object) -> bool:
        if isinstance(item, str):
            return any(each[0] == item for each in self)
        return super().__contains__(item)


def _native(value: object) -> AnyValue:
    if isinstance(value, Mapping):
        return KeyValues.of(value)
    if isinstance(value, list | tuple) and not isinstance(value, KeyValues | EncodedValue):
        return [_native(each) for each in value]
    return value  # type: ignore[return-value]  # the encoder names what it cannot write


def _mapping(value: AnyValue) -> Any:
    value = plain(value)
    if isinstance(value, KeyValues):
        return value.as_dict()
    if isinstance(value, list):
        return [_mapping(each) for each in cast("list[AnyValue]", value)]
    return value
