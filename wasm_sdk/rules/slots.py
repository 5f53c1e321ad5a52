"""Where the fields of a message stand that rules ask for, and how attributes are found.

Plain Python that Cython compiles (types in `slots.pxd`).
"""

import struct
from array import array
from typing import Any

from wasm_sdk.otlp.errors import malformed_at
from wasm_sdk.otlp.wire import delimited, skip, varint, varint32

_COMPILED = not __file__.endswith((".py", ".pyc"))

# What a slot holds. INT and BOOL hold their number in `at`; FIXED is eight bytes of a time.
ABSENT, EMPTY, STRING, BOOL, INT, DOUBLE, FIXED, LIST, MAP, BYTES = range(10)

_ABSENT, _EMPTY, _STRING, _BOOL, _INT, _DOUBLE, _FIXED, _LIST, _MAP, _BYTES = range(10)

_DOUBLE_FORMAT = struct.Struct("<d")


def numbers(count: int) -> Any:
    # The compiled code wants machine numbers; for the interpreter a list is faster.
    return array("q", bytes(8 * count)) if _COMPILED else [0] * count


class Slots:
    """What was found, by slot: first those of the resource, then of the scope, then of the span.

    Args:
        resource_end, scope_end, count: the slot behind the last of each section.
    """

    def __init__(self, resource_end: int, scope_end: int, count: int) -> None:
        self.resource_end = resource_end
        self.scope_end = scope_end
        self.slots = count
        self.kinds = numbers(count + 1)
        self.at = numbers(count + 1)
        self.sizes = numbers(count + 1)
        self.resource = self.scope = self.span = b""
        self.reason = ""
        # The bytes of the span; compiled code reads them through a buffer, got once for each request.
        self._bytes: Any = b""

    def _forget(self, first: int, last: int) -> int:
        if _COMPILED:
            for slot in range(first, last):
                self.kinds[slot] = _ABSENT
        else:
            _clear(self.kinds, first, last)
        return 0

    def _text(self, slot: int, pos: int, stop: int) -> int:
        self.kinds[slot] = _STRING
        self.at[slot] = pos
        self.sizes[slot] = stop - pos
        return 0

    def _attribute(self, data: bytes, pos: int, end: int, keys: dict[bytes, int]) -> int:
        key_at = key_stop = value_at = value_stop = 0
        while pos < end:
            tag, pos = varint32(data, pos)
            if tag == 0x0A:
                key_at, key_stop = delimited(data, pos, end)
                pos = key_stop
            elif tag == 0x12:
                value_at, value_stop = delimited(data, pos, end)
                pos = value_stop
            else:
                pos = skip(data, pos, tag, end, 4)
        found = keys.get(data[key_at:key_stop])
        if found is not None:
            slot = found
            if self.kinds[slot] == _ABSENT:  # of equal keys the first counts
                self._value(data, value_at, value_stop, slot)
        return 0

    def _value(self, data: bytes, pos: int, end: int, slot: int) -> int:
        """Scan an AnyValue; of several kinds the last counts."""
        kinds, at, sizes = self.kinds, self.at, self.sizes
        kinds[slot] = _EMPTY
        begin = pos
        while pos < end:
            tag, pos = varint32(data, pos)
            if tag == 0x0A or tag == 0x3A:
                pos, stop = delimited(data, pos, end)
                kinds[slot] = _STRING if tag == 0x0A else _BYTES
                at[slot] = pos
                sizes[slot] = stop - pos
                pos = stop
            elif tag == 0x2A or tag == 0x32:
                pos = skip(data, pos, tag, end, 5)
                kinds[slot] = _LIST if tag == 0x2A else _MAP
                at[slot] = begin
                sizes[slot] = end - begin
            elif tag == 0x18 or tag == 0x10:
                number, pos = varint(data, pos)
                kinds[slot] = _INT if tag == 0x18 else _BOOL
                at[slot] = _int64(number) if tag == 0x18 else number != 0
            elif tag == 0x21:
                kinds[slot] = _DOUBLE
                at[slot] = pos
                pos += 8
            else:
                pos = skip(data, pos, tag, end, 5)
        if pos > end:
            raise malformed_at("a value runs past the end of its message", end)
        return 0

    def kind(self, slot: int) -> int:
        """What the slot holds: ABSENT, EMPTY, STRING, ..."""
        return int(self.kinds[slot])

    def buffer(self, slot: int) -> bytes:
        """The bytes that a slot's position counts in."""
        return (
            self.span if slot >= self.scope_end else self.resource if slot < self.resource_end else self.scope
        )

    # Python's methods; compiled code calls `bytes_of` and the like, which no subclass can override.

    def content(self, slot: int) -> bytes:
        """The bytes of a string or of bytes; for a list or a map, the whole AnyValue message."""
        return self.bytes_of(slot)

    def number(self, slot: int) -> int:
        """An int, a bool or a time as a signed number."""
        return self.number_of(slot)

    def real(self, slot: int) -> float:
        """A double."""
        return self.real_of(slot)

    def bytes_of(self, slot: int) -> bytes:
        pos = self.at[slot]
        stop = pos + self.sizes[slot]
        if slot >= self.scope_end:
            return self.span[pos:stop]
        return self.resource[pos:stop] if slot < self.resource_end else self.scope[pos:stop]

    def number_of(self, slot: int) -> int:
        pos: int = self.at[slot]
        if self.kinds[slot] != _FIXED:
            return pos
        if not _COMPILED:
            return int.from_bytes(self.span[pos : pos + 8], "little", signed=True)
        number = 0
        for index in range(7, -1, -1):
            number = number << 8 | self._bytes[pos + index]
        return _int64(number)

    def real_of(self, slot: int) -> float:
        return _DOUBLE_FORMAT.unpack_from(self.buffer(slot), self.at[slot])[0]  # type: ignore[no-any-return]


def _int64(number: int) -> int:
    if _COMPILED:
        return number  # the return type does it
    return number - (1 << 64) if number >> 63 else number


def _clear(kinds: list[int], first: int, last: int) -> None:
    kinds[first:last] = [ABSENT] * (last - first)
