"""Is a request well-formed, through and through? Answered without making an object of anything in it.

The walker goes by a table (see `screen`): for each kind of message, what each of its fields has to be.
Plain Python that Cython compiles (types in `check.pxd`).
"""

from wasm_sdk.otlp.errors import malformed_at
from wasm_sdk.otlp.wire import MAX_DEPTH, delimited, skip, text, varint, varint32

# What a field has to be; a row of the table has FIELDS of them. The ids are those of a span.
FIELDS = 32
UNKNOWN, VARINT, I64, I32, BYTES, STRING, MESSAGE, PACKED_VARINT, PACKED_I64 = range(9)
TRACE_ID, SPAN_ID, PARENT_ID = range(9, 12)

_MAX_DEPTH = MAX_DEPTH


class Walker:
    """Walks requests of one signal.

    Args:
        kinds: for message m and field number n, what stands at kinds[m * FIELDS + n].
        children: for fields that are messages, which message, at the same place.
        counted: counted[m] is 1 where message m is an item of the signal.
        root: the message to begin with.

    Attributes:
        items: items found by the last `walk`.
        invalid: spans among them whose ids are not what the specification asks for.
    """

    __slots__ = ("_children", "_counted", "_kinds", "_root", "_view", "invalid", "items")

    def __init__(self, kinds: bytes, children: bytes, counted: bytes, root: int) -> None:
        self._kinds = kinds
        self._children = children
        self._counted = counted
        self._root = root
        self._view = b""
        self.items = 0
        self.invalid = 0

    def walk(self, data: bytes) -> None:
        """Looks at every byte of `data`; raises MalformedOTLP where the decoder would."""
        self.items = 0
        self.invalid = 0
        try:
            self._view = data
            self._message(data, 0, len(data), self._root, 0)
        except IndexError:
            raise malformed_at("the data ends in the middle of a field", len(data)) from None

    def _message(self, data: bytes, pos: int, end: int, message: int, depth: int) -> int:
        if depth > _MAX_DEPTH:
            raise malformed_at("messages nested too deep", pos)
        kinds = self._kinds
        view = self._view
        row = message * 32
        trace_id = span_id = 0
        parent_id = 1
        while pos < end:
            start = pos
            tag = view[pos]
            if tag < 128:
                pos += 1
            else:
                tag, pos = varint32(data, pos)
            number = tag >> 3
            kind = kinds[row + number] if number < 32 else 0
            wire_type = tag & 7
            if kind == 0:
                pos = skip(data, pos, tag, end, depth)
            elif wire_type == 2 and kind > 3:
                stop = view[pos]
                if stop < 128:
                    pos += 1
                    stop += pos
                    if stop > end:
                        raise malformed_at("a length runs past the end of its message", pos)
                else:
                    pos, stop = delimited(data, pos, end)
                if kind == 6:
                    self._message(data, pos, stop, self._children[row + number], depth + 1)
                elif kind == 5:
                    for index in range(pos, stop):
                        if view[index] > 127:
                            text(data, pos, stop)
                            break
                elif kind > 8:
                    if kind == 9:
                        trace_id = stop - pos == 16 and not zeros(data, pos, stop)
                    elif kind == 10:
                        span_id = stop - pos == 8 and not zeros(data, pos, stop)
                    else:
                        parent_id = stop - pos == 8 or stop == pos
                elif kind == 7:
                    self._varints(data, pos, stop)
                elif kind == 8 and (stop - pos) & 7:
                    raise malformed_at(
                        "a packed field of 64-bit numbers whose length is no multiple of 8", pos
                    )
                pos = stop
            elif wire_type == 1 and (kind == 2 or kind == 8):
                pos += 8
            elif wire_type == 0 and (kind == 1 or kind == 7):
                if view[pos] < 128:
                    pos += 1
                else:
                    _, pos = varint(data, pos)
            elif wire_type == 5 and kind == 3:
                pos += 4
            else:
                raise malformed_at(f"field {number} with wire type {wire_type}", start)
            if pos > end:
                raise malformed_at("a field runs past the end of its message", end)
        if self._counted[message]:
            self.items += 1
            if kinds[row + 1] == 9 and not (trace_id and span_id and parent_id):
                self.invalid += 1
        return 0

    def _varints(self, data: bytes, pos: int, end: int) -> int:
        while pos < end:
            _, pos = varint(data, pos)
        if pos != end:
            raise malformed_at("a field runs past the end of its message", end)
        return 0


def zeros(data: bytes, pos: int, end: int) -> bool:
    """Whether data[pos:end] is all zero."""
    for index in range(pos, end):  # noqa: SIM110 - a generator would not compile to a loop
        if data[index]:
            return False
    return True
