"""Who instruments: the instrumentation scope of a tracer, meter or logger."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from wasm_sdk.sdk.attributes import clean_attributes


@dataclass(frozen=True, slots=True, eq=False)
class InstrumentationScope:
    """A provider makes one for each distinct name, version, schema URL and attributes; compare them with
    `is`.
    """

    name: str
    version: str = ""
    schema_url: str = ""
    attributes: Mapping[str, Any] = field(default_factory=dict)


class Scopes:
    """The scopes of one provider."""

    def __init__(self) -> None:
        self._scopes: dict[tuple[object, ...], InstrumentationScope] = {}

    def get(
        self, name: str, version: str | None, schema_url: str | None, attributes: Mapping[str, Any] | None
    ) -> InstrumentationScope:
        """The scope with these properties, made when it is asked for first."""
        kept, _ = clean_attributes(attributes)
        key = (name, version or "", schema_url or "", repr(sorted(kept.items())))
        scope = self._scopes.get(key)
        if scope is None:
            scope = InstrumentationScope(name, version or "", schema_url or "", kept)
            self._scopes[key] = scope
        return scope
