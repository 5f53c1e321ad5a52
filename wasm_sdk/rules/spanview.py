"""One span that is still bytes, and the fields of it that rules ask for.

A view remembers where the wanted fields stand, in slots; nothing is decoded or copied before a rule looks
at it. Its three sections (resource, scope, span) are opened one by one, so that what spans share is scanned
once. Plain Python that Cython compiles (types in `spanview.pxd`).
"""

from typing import Any

from wasm_sdk.otlp.errors import malformed_at
from wasm_sdk.otlp.wire import delimited, skip, varint, varint32
from wasm_sdk.rules.slots import Slots, numbers

_COMPILED = not __file__.endswith((".py", ".pyc"))

_ABSENT, _EMPTY, _STRING, _BOOL, _INT, _DOUBLE, _FIXED, _LIST, _MAP, _BYTES = range(10)

RESOURCE, SCOPE, SPAN = range(3)

# Field numbers that mean something, beyond those that are spelled out below.
STATUS_CODE, STATUS_MESSAGE = 17, 18
_FIELDS = 32


class SpanView(Slots):
    """Fields of the span that was opened last.

    Args:
        fields: for each section, wanted field numbers and their slots; STATUS_CODE and STATUS_MESSAGE are
            fields of spans, too.
        keys: for each section, wanted attribute keys and their slots.

    Slots are numbered from 0, those of the resource first, then those of the scope, then those of the span.

    Attributes:
        reason: why the last test could not judge.
        generation: counts opened spans; `resource_generation` and `scope_generation` likewise.
    """

    def __init__(self, fields: list[dict[int, int]], keys: list[dict[bytes, int]]) -> None:
        counts = [len(fields[section]) + len(keys[section]) for section in (RESOURCE, SCOPE, SPAN)]
        Slots.__init__(self, counts[0], counts[0] + counts[1], sum(counts))
        self._keys = keys
        self._tables = [_table(section) for section in keys]
        self._fields = [_by_number(section) for section in fields]
        self.span_keys = keys[SPAN]
        names = list(keys[SPAN])
        self._first_key = len(fields[SPAN])
        self._letters: Any = b"".join(names)
        self._starts = numbers(len(names) + 1)
        for index, name in enumerate(names):
            self._starts[index + 1] = self._starts[index] + len(name)
        self.span_table: Any = self._tables[SPAN]
        self.span_fields = self._fields[SPAN]
        self.resource_start = self.resource_stop = 0
        self.scope_start = self.scope_stop = self.start = self.stop = 0
        self.resource_generation = self.scope_generation = self.generation = 0

    def open(self, resource: bytes, scope: bytes, span: bytes) -> None:
        """Look at a span cut out of its request (the parts of a `SpanSlice`).

        A resource or scope that is the same object as last time is not scanned again.

        Raises:
            MalformedOTLP: a part is not what OTLP allows.
        """
        if resource is not self.resource or self.resource_stop != len(resource):
            self.open_resource(resource, 0, len(resource))
        if scope is not self.scope or self.scope_stop != len(scope):
            self.open_scope(scope, 0, len(scope))
        self.open_span(span, 0, len(span))

    def open_resource(self, data: bytes, pos: int, end: int) -> int:
        """Look at a ResourceSpans message, of which scope_spans is skipped (or has been cut out)."""
        self.resource = data
        self.resource_start, self.resource_stop = pos, end
        self.resource_generation += 1
        if self.resource_end:
            self._forget(0, self.resource_end)
            self._outer(data, pos, end, RESOURCE)
        return 0

    def open_scope(self, data: bytes, pos: int, end: int) -> int:
        """Look at a ScopeSpans message, of which spans is skipped (or has been cut out)."""
        self.scope = data
        self.scope_start, self.scope_stop = pos, end
        self.scope_generation += 1
        if self.scope_end > self.resource_end:
            self._forget(self.resource_end, self.scope_end)
            self._outer(data, pos, end, SCOPE)
        return 0

    def open_span(self, data: bytes, pos: int, end: int) -> int:
        """Look at a Span message."""
        if data is not self.span:
            self.span = data
            self._bytes = data
        self.start, self.stop = pos, end
        self.generation += 1
        self._forget(self.scope_end, self.slots)
        if end > len(data):
            raise malformed_at("the data ends in the middle of a span", len(data))
        try:
            self._scan(data, pos, end)
        except IndexError:
            raise malformed_at("the span ends in the middle of a field", end) from None
        return 0

    def _scan(self, data: bytes, pos: int, end: int) -> int:
        # A length that lies leads behind the end, where the last check finds it.
        octets, kinds, at = self._bytes, self.kinds, self.at
        table, fields = self.span_table, self.span_fields
        # Nearly every span begins with both ids, of the right length.
        if end - pos > 28 and octets[pos] == 0x0A and octets[pos + 1] == 16 and octets[pos + 18] == 0x12:
            pos += self._ids(pos)
        while pos < end:
            tag = octets[pos]
            if tag == 0x4A:  # attributes, by far the most
                size = octets[pos + 1]
                pos += 2
                if size > 127:
                    size, pos = varint32(data, pos - 1)
                if size > 1 and octets[pos] == 0x0A:
                    # Most keys are told apart by their length and last letter.
                    key_size = octets[pos + 1]
                    if key_size > 127:
                        self._attribute(data, pos, _within(pos + size, end), self.span_keys)
                    else:
                        candidate = table[(key_size * 7 + octets[pos + key_size + 1]) & 255]
                        if candidate and not self._plain(
                            pos + 2, pos + 2 + key_size, pos + size, candidate - 1
                        ):
                            self._attribute(data, pos, _within(pos + size, end), self.span_keys)
                else:
                    self._attribute(data, pos, _within(pos + size, end), self.span_keys)
                pos += size
                continue
            wire = tag & 7
            if tag > 127:
                if tag == 0x85 and octets[pos + 1] == 1:  # flags
                    slot = fields[16]
                    if slot >= 0:
                        kinds[slot] = _INT
                        number = octets[pos + 5]
                        at[slot] = (
                            number << 24 | octets[pos + 4] << 16 | octets[pos + 3] << 8 | octets[pos + 2]
                        )
                    pos += 6
                else:
                    tag, pos = varint32(data, pos)
                    pos = skip(data, pos, tag, end, 3)
            elif wire == 2:
                slot = fields[tag >> 3]
                size = octets[pos + 1]
                pos += 2
                if size > 127:
                    size, pos = varint32(data, pos - 1)
                if slot >= 0:
                    kinds[slot] = _BYTES if tag < 0x28 and tag != 0x1A else _STRING
                    at[slot] = pos
                    self.sizes[slot] = size
                elif tag == 0x7A:
                    self._status(data, pos, _within(pos + size, end))
                pos += size
            elif wire == 1:
                slot = fields[tag >> 3]
                if slot >= 0:
                    kinds[slot] = _FIXED
                    at[slot] = pos + 1
                pos += 9
            elif wire == 0:
                slot = fields[tag >> 3]
                number = octets[pos + 1]
                pos += 2
                if number > 127:
                    number, pos = varint(data, pos - 1)
                if slot >= 0:
                    kinds[slot] = _INT
                    at[slot] = _int32(number) if tag == 0x30 else number & 0xFFFFFFFF
            else:
                pos = skip(data, pos + 1, tag, end, 3)
        if pos > end:
            raise malformed_at("a field runs past the end of the span", end)
        return 0

    def _ids(self, pos: int) -> int:
        """Take the trace id and the span id that stand here; gives their size, 0 when the second is none."""
        if self._bytes[pos + 19] != 8:
            return 0
        trace, span = self.span_fields[1], self.span_fields[2]
        if trace >= 0:
            self.kinds[trace] = _BYTES
            self.at[trace] = pos + 2
            self.sizes[trace] = 16
        if span >= 0:
            self.kinds[span] = _BYTES
            self.at[span] = pos + 20
            self.sizes[span] = 8
        return 28

    def _plain(self, pos: int, key_stop: int, end: int, candidate: int) -> bool:
        """Take an attribute whose key is followed by a short string or small int; else False."""
        octets = self._bytes
        if candidate == 254:  # several keys look like this one
            return False
        if key_stop > end:
            raise malformed_at("a key runs past the end of its attribute", pos)
        slot = self.scope_end + self._first_key + candidate
        first, last = self._starts[candidate], self._starts[candidate + 1]
        if last - first != key_stop - pos:
            return True
        if _COMPILED:
            for index in range(last - first):
                if octets[pos + index] != self._letters[first + index]:
                    return True
        elif not _same(octets, pos, self._letters, first, last - first):
            return True
        pos = key_stop
        if (
            end - pos < 4
            or octets[pos] != 0x12
            or octets[pos + 1] != end - pos - 2
            or self.kinds[slot] != _ABSENT
        ):
            return False
        tag, size = octets[pos + 2], octets[pos + 3]
        if tag == 0x0A and size == end - pos - 4:
            self.kinds[slot] = _STRING
            self.at[slot] = pos + 4
            self.sizes[slot] = size
            return True
        if tag == 0x18 and size < 128 and end - pos == 4:
            self.kinds[slot] = _INT
            self.at[slot] = size
            return True
        if tag == 0x18 and end - pos == 5 and octets[pos + 4] < 128:
            self.kinds[slot] = _INT
            self.at[slot] = size & 127 | octets[pos + 4] << 7
            return True
        return False

    def _status(self, data: bytes, pos: int, end: int) -> int:
        code, message = self.span_fields[STATUS_CODE], self.span_fields[STATUS_MESSAGE]
        while pos < end:
            tag, pos = varint32(data, pos)
            if tag == 0x18:
                number, pos = varint(data, pos)
                if code >= 0:
                    self.kinds[code] = _INT
                    self.at[code] = _int32(number)
            elif tag == 0x12:
                pos, stop = delimited(data, pos, end)
                if message >= 0:
                    self.kinds[message] = _STRING
                    self.at[message] = pos
                    self.sizes[message] = stop - pos
                pos = stop
            else:
                pos = skip(data, pos, tag, end, 4)
        return 0

    def _outer(self, data: bytes, pos: int, end: int, section: int) -> int:
        """Scan ResourceSpans or ScopeSpans: the Resource or Scope in field 1, the schema URL in field 3."""
        schema = self._fields[section][0]
        if end > len(data):
            raise malformed_at("the data ends in the middle of a message", len(data))
        try:
            while pos < end:
                tag, pos = varint32(data, pos)
                if tag == 0x0A or tag == 0x1A:
                    pos, stop = delimited(data, pos, end)
                    if tag == 0x0A:
                        self._inner(data, pos, stop, section)
                    elif schema >= 0:
                        self._text(schema, pos, stop)
                    pos = stop
                else:
                    pos = skip(data, pos, tag, end, 1)
        except IndexError:
            raise malformed_at("the data ends in the middle of a field", end) from None
        return 0

    def _inner(self, data: bytes, pos: int, end: int, section: int) -> int:
        """Scan Resource (attributes 1, dropped 2) or InstrumentationScope (name, version, attributes,
        dropped).
        """
        fields, keys = self._fields[section], self._keys[section]
        attributes = 0x0A if section == RESOURCE else 0x1A
        while pos < end:
            tag, pos = varint32(data, pos)
            slot = fields[tag >> 3] if tag >> 3 < _FIELDS else -1
            if tag & 7 == 2:
                pos, stop = delimited(data, pos, end)
                if tag == attributes:
                    self._attribute(data, pos, stop, keys)
                elif slot >= 0:
                    self._text(slot, pos, stop)
                pos = stop
            elif tag & 7 == 0 and slot >= 0:
                number, pos = varint(data, pos)
                self.kinds[slot] = _INT
                self.at[slot] = number & 0xFFFFFFFF
            else:
                pos = skip(data, pos, tag, end, 3)
        return 0


def _int32(number: int) -> int:
    number &= 0xFFFFFFFF
    return number - 0x100000000 if number > 0x7FFFFFFF else number


def _same(data: bytes, pos: int, letters: bytes, first: int, size: int) -> bool:
    return data[pos : pos + size] == letters[first : first + size]


def _within(stop: int, end: int) -> int:
    if stop > end:
        raise malformed_at("a length runs past the end of its message", end)
    return stop


def _by_number(slots: dict[int, int]) -> Any:
    found = numbers(_FIELDS)
    for number in range(_FIELDS):
        found[number] = slots.get(number, -1)
    return found


def _table(keys: dict[bytes, int]) -> bytes:
    """By (length, last letter): which key it may be, counted from 1; 255: several, or one beyond those."""
    table = bytearray(256)
    for number, key in enumerate(keys, 1):
        place = (len(key) * 7 + (key[len(key) - 1] if key else 0)) & 255
        table[place] = 255 if table[place] or number > 254 else number
    return bytes(table)
