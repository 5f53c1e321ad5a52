"""Transforms: what is changed about the attributes of an item.

An operation is a function from attributes (and the item around them) to attributes; it makes new ones and
leaves the old alone, since equal attributes of a request share one object.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from wasm_sdk.otlp.values import KeyValue, KeyValues, plain
from wasm_sdk.rules.detectors import DETECTORS, MASK
from wasm_sdk.rules.errors import EvaluationError
from wasm_sdk.rules.filters import ErrorMode, Errors
from wasm_sdk.rules.gotext import string_like
from wasm_sdk.rules.values import (
    Duration,
    Message,
    Messages,
    RuleValue,
    SpanID,
    Time,
    TraceID,
    describe,
    encode,
    is_list,
    items_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Protocol

    from wasm_sdk.rules.condition import Condition
    from wasm_sdk.rules.decoded import Item
    from wasm_sdk.rules.expression import Expression

    class Operation(Protocol):
        """One change; gives the attributes themselves when there is nothing to change."""

        def apply(self, attributes: KeyValues, item: Item) -> KeyValues: ...


@dataclass(frozen=True, slots=True)
class Set:
    """Set an attribute to a literal or to what an expression gives; nil deletes nothing and sets nothing.

    `only_absent` leaves an attribute that is there (resource enrichment).
    """

    key: str
    value: RuleValue | Expression
    only_absent: bool = False

    def apply(self, attributes: KeyValues, item: Item) -> KeyValues:
        if self.only_absent and _has(attributes, self.key):
            return attributes
        value = self.value.value(item) if hasattr(self.value, "tree") else self.value
        if value is None:
            return attributes
        found = KeyValue(self.key, _attribute_value(value))
        if not _has(attributes, self.key):
            return KeyValues([*attributes, found])
        kept = [each for each in attributes if each.key != self.key]
        place = next(i for i, each in enumerate(attributes) if each.key == self.key)
        return KeyValues([*kept[:place], found, *kept[place:]])


@dataclass(frozen=True, slots=True)
class Delete:
    """Delete attributes by name, and those whose name a pattern matches."""

    keys: frozenset[str] = frozenset()
    pattern: Callable[[str], bool] | None = None

    def apply(self, attributes: KeyValues, item: Item) -> KeyValues:
        return _where(attributes, lambda key: not (key in self.keys or (self.pattern and self.pattern(key))))


@dataclass(frozen=True, slots=True)
class Rename:
    """Give an attribute another name; one that had that name goes."""

    key: str
    to: str

    def apply(self, attributes: KeyValues, item: Item) -> KeyValues:
        if self.key == self.to or not _has(attributes, self.key):
            return attributes
        kept = (each for each in attributes if each.key != self.to)
        return KeyValues([each._replace(key=self.to) if each.key == self.key else each for each in kept])


@dataclass(frozen=True, slots=True)
class Hash:
    """Replace values by their SHA-256 in hexadecimal, or by HMAC-SHA-256 with a key, which nobody can guess
    back.
    """

    keys: frozenset[str]
    secret: bytes = b""

    def apply(self, attributes: KeyValues, item: Item) -> KeyValues:
        return _change(attributes, lambda key, value: self._digest(value) if key in self.keys else value)

    def _digest(self, value: RuleValue) -> RuleValue:
        if value is None:
            return None
        data = value if type(value) is bytes else encode(string_like(value) or "")
        if self.secret:
            return hmac.digest(self.secret, data, "sha256").hex()
        return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True, slots=True)
class Truncate:
    """Cut strings (in lists too) to at most `limit` bytes of UTF-8, between characters; `keys` None means
    all.
    """

    limit: int
    keys: frozenset[str] | None = None

    def apply(self, attributes: KeyValues, item: Item) -> KeyValues:
        chosen = self.keys
        return _change(
            attributes,
            lambda key, value: _texts(value, self._cut) if chosen is None or key in chosen else value,
        )

    def _cut(self, text: str) -> str:
        if len(text) * 4 <= self.limit or len(data := encode(text)) <= self.limit:
            return text
        end = self.limit
        while end and data[end] & 0xC0 == 0x80:
            end -= 1
        return data[:end].decode("utf-8", "surrogateescape")


@dataclass(frozen=True, slots=True)
class Redact:
    """Mask what should not leave.

    Attributes:
        keys: attributes whose whole value is masked, whatever it is.
        pattern: tells by the name which others are.
        detectors: names of DETECTORS that look into all strings, also inside lists and maps.
    """

    keys: frozenset[str] = frozenset()
    pattern: Callable[[str], bool] | None = None
    detectors: tuple[str, ...] = tuple(DETECTORS)

    def __post_init__(self) -> None:
        for name in self.detectors:
            if name not in DETECTORS:
                raise ValueError(f"there is no detector {name!r}: {', '.join(DETECTORS)}")

    def apply(self, attributes: KeyValues, item: Item) -> KeyValues:
        return _change(attributes, self._value)

    def _value(self, key: str, value: RuleValue) -> RuleValue:
        if key in self.keys or (self.pattern and self.pattern(key)):
            return MASK
        return _texts(value, self.text)

    def text(self, text: str) -> str:
        """A text with what the detectors find masked; also for names, messages and bodies."""
        for name in self.detectors:
            text = DETECTORS[name](text)
        return text


@dataclass(slots=True)
class Transform:
    """Operations on the attributes of one context, for items that a condition chooses.

    Attributes:
        target: resource, scope, span, spanevent, metric (its metadata), datapoint or log: whose attributes.
        where: of the context of the items given; None is always.
        changed: how many items were changed.
    """

    operations: Sequence[Operation]
    target: str = "span"
    where: Condition | None = None
    errors: Errors = field(default_factory=lambda: Errors(ErrorMode.IGNORE))
    changed: int = 0

    def apply(self, item: Item) -> bool:
        """Change one decoded item in place; gives whether anything was changed."""
        try:
            if self.where is not None and not self.where.test(item):
                return False
            owner: Any = getattr(item, self.target)
            name = "metadata" if self.target == "metric" else "attributes"
            before: KeyValues = getattr(owner, name)
            attributes = before
            for operation in self.operations:
                attributes = operation.apply(attributes, item)
        except EvaluationError as error:
            if self.where is None:
                raise
            self.errors.met(self.where, str(error))
            return False
        if attributes is before:
            return False
        setattr(owner, name, attributes)
        self.changed += 1
        return True


def _attribute_value(value: RuleValue) -> Any:
    """A value as an attribute can hold it."""
    if isinstance(value, Message | Messages):
        raise EvaluationError(f"{describe(value)} cannot be an attribute")
    if isinstance(value, Time | Duration):
        return value.unix_nano if isinstance(value, Time) else value.nanoseconds
    if isinstance(value, TraceID | SpanID):
        return value.hex()
    if isinstance(value, dict):
        return KeyValues([KeyValue(key, _attribute_value(each)) for key, each in value.items()])
    return [_attribute_value(each) for each in items_of(value)] if is_list(value) else value


def _has(attributes: KeyValues, key: str) -> bool:
    return any(each.key == key for each in attributes)


def _where(attributes: KeyValues, keeps: Callable[[str], bool]) -> KeyValues:
    kept = [each for each in attributes if keeps(each.key)]
    return attributes if len(kept) == len(attributes) else KeyValues(kept)


def _change(attributes: KeyValues, change: Callable[[str, RuleValue], RuleValue]) -> KeyValues:
    changed: list[KeyValue] | None = None
    for number, each in enumerate(attributes):
        before = plain(each.value)
        after = change(each.key, before)
        if after is not before:
            changed = list(attributes) if changed is None else changed
            changed[number] = KeyValue(each.key, after, each.unknown)
    return attributes if changed is None else KeyValues(changed)


def _texts(value: RuleValue, change: Callable[[str], str]) -> RuleValue:
    """The value with its strings changed, itself when none was."""
    if type(value) is str:
        after = change(value)
        return value if after == value else after
    if isinstance(value, KeyValues):
        return _change(value, lambda _, inner: _texts(inner, change))
    if is_list(value):
        before = items_of(value)
        items = [_texts(each, change) for each in before]
        return value if all(a is b for a, b in zip(items, before, strict=True)) else items
    return value
