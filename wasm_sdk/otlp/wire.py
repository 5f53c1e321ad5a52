"""The wire format by itself: varints, skipping, and cutting requests into span slices without decoding them.

A span that stays bytes costs a scan, not a decode; what leaves is spliced out of the slices that came in.
This is plain Python, which Pyodide runs as it is and which Cython compiles (types in `wire.pxd`).
"""

from collections.abc import Iterable, Iterator

from wasm_sdk.otlp.errors import MalformedOTLP, malformed_at

# As protobuf's own parsers: so many messages (and groups) inside one another, and no more.
MAX_DEPTH = 100
_COMPILED = not __file__.endswith((".py", ".pyc"))
_U64 = 0xFFFFFFFFFFFFFFFF


def varint(data: bytes, pos: int) -> tuple[int, int]:
    """A base-128 number and the position behind it; beyond 64 bits it is cut off. IndexError at the end of
    data.
    """
    value = data[pos]
    if value < 128:
        return value, pos + 1
    value &= 127
    shift = 7
    for index in range(pos + 1, pos + 10):
        byte = data[index]
        value |= (byte & 127) << shift
        if byte < 128:
            return value & _U64, index + 1
        shift += 7
    raise malformed_at("a varint of more than 10 bytes", pos)


def varint32(data: bytes, pos: int) -> tuple[int, int]:
    """A tag or a length (at most 5 bytes, 32 bits) and the position behind it. IndexError at the end of
    data.
    """
    value = data[pos]
    if value < 128:
        return value, pos + 1
    value &= 127
    shift = 7
    for index in range(pos + 1, pos + 5):
        byte = data[index]
        value |= (byte & 127) << shift
        if byte < 128:
            if value > 0xFFFFFFFF:
                break
            return value, index + 1
        shift += 7
    raise malformed_at("a tag or length of more than 32 bits", pos)


def skip(data: bytes, pos: int, tag: int, end: int, depth: int) -> int:
    """The position behind the value of a field whose tag stands before `pos`; raises MalformedOTLP past
    `end`.
    """
    wire_type = tag & 7
    if tag < 8:
        raise malformed_at("field number 0", pos - 1)
    if wire_type == 0:
        _, pos = varint(data, pos)
    elif wire_type == 1:
        pos += 8
    elif wire_type == 2:
        pos, stop = delimited(data, pos, end)
        pos = stop
    elif wire_type == 5:
        pos += 4
    elif wire_type == 3:
        pos = _skip_group(data, pos, tag, end, depth + 1)
    else:
        raise malformed_at(f"wire type {wire_type}", pos - 1)
    if pos > end:
        raise malformed_at("a field runs past the end of its message", end)
    return pos


def _skip_group(data: bytes, pos: int, opening: int, end: int, depth: int) -> int:
    if depth > MAX_DEPTH:
        raise malformed_at(f"groups nested deeper than {MAX_DEPTH}", pos)
    while pos < end:
        tag, pos = varint32(data, pos)
        if tag == opening + 1:
            return pos
        pos = skip(data, pos, tag, end, depth)
    raise malformed_at("a group without an end", end)


def put_varint(out: bytearray, value: int) -> None:
    """Appends a base-128 number."""
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)


def int32(number: int) -> int:
    """A varint read as int32, as enumerations are."""
    number &= 0xFFFFFFFF
    return number - 0x100000000 if number > 0x7FFFFFFF else number


def int64(number: int) -> int:
    """A varint read as int64."""
    return number - (1 << 64) if number >> 63 else number


def fixed64(data: bytes, pos: int, end: int) -> int:
    """Eight bytes as an unsigned number; raises MalformedOTLP when they do not end by `end`."""
    if pos + 8 > end:
        raise malformed_at("the data ends in the middle of a field", end)
    if _COMPILED:
        number = 0
        for index in range(8):
            number = number << 8 | data[pos + 7 - index]
        return number
    return int.from_bytes(data[pos : pos + 8], "little")


def fixed32(data: bytes, pos: int, end: int) -> int:
    """Four bytes as an unsigned number; raises MalformedOTLP when they do not end by `end`."""
    if pos + 4 > end:
        raise malformed_at("the data ends in the middle of a field", end)
    number = 0
    for index in range(4):
        number = number << 8 | data[pos + 3 - index]
    return number


def text(data: bytes, pos: int, stop: int) -> str:
    """UTF-8 content; raises MalformedOTLP at the byte that is none."""
    try:
        return str(data[pos:stop], "utf-8")
    except UnicodeDecodeError as error:
        raise malformed_at("a string that is not UTF-8", pos + error.start) from None


def delimited(data: bytes, pos: int, end: int) -> tuple[int, int]:
    """Where the content of a length-delimited field stands: its first byte and the byte behind it."""
    size, pos = varint32(data, pos)
    if size > end - pos:
        raise malformed_at("a length runs past the end of its message", pos)
    return pos, pos + size


class SpanSlice:
    """One span of a request as its bytes, with the fields that routing and storing ask for.

    Attributes:
        resource: the fields of its ResourceSpans other than scope_spans, as encoded.
        scope: the fields of its ScopeSpans other than spans, as encoded.
        span: the span message.
        trace_id, span_id, parent_span_id: as they came, of whatever length.
        name: the span's name.
        kind, status, flags: numbers of SpanKind, StatusCode, SpanFlags.
        start, end: nanoseconds since the Unix epoch.
    """

    __slots__ = (
        "end",
        "flags",
        "kind",
        "name",
        "parent_span_id",
        "resource",
        "scope",
        "span",
        "span_id",
        "start",
        "status",
        "trace_id",
    )

    def __init__(self, resource: bytes, scope: bytes, span: bytes) -> None:
        """Scans `span`; raises MalformedOTLP (the byte counts from the start of the span)."""
        self.resource = resource
        self.scope = scope
        self.span = span
        self.trace_id = self.span_id = self.parent_span_id = b""
        self.name = ""
        self.kind = self.status = self.flags = self.start = self.end = 0
        try:
            self._scan(span, 0, len(span))
        except IndexError:
            raise malformed_at("the span ends in the middle of a field", len(span)) from None

    def _scan(self, data: bytes, pos: int, end: int) -> int:
        while pos < end:
            start = pos
            tag, pos = varint32(data, pos)
            if tag & 7 == 2:
                pos, stop = delimited(data, pos, end)
                if tag == 0x0A:
                    self.trace_id = data[pos:stop]
                elif tag == 0x12:
                    self.span_id = data[pos:stop]
                elif tag == 0x22:
                    self.parent_span_id = data[pos:stop]
                elif tag == 0x2A:
                    self.name = text(data, pos, stop)
                elif tag == 0x7A:
                    self._scan_status(data, pos, stop)
                elif tag < 8 or tag >> 3 in (6, 7, 8, 16):
                    raise malformed_at("a field of a span with the wrong wire type", start)
                pos = stop
            elif tag == 0x30:
                number, pos = varint(data, pos)
                self.kind = int32(number)
            elif tag == 0x39:
                self.start = fixed64(data, pos, end)
                pos += 8
            elif tag == 0x41:
                self.end = fixed64(data, pos, end)
                pos += 8
            elif tag == 0x85:
                self.flags = fixed32(data, pos, end)
                pos += 4
            else:
                if tag >> 3 < 17 and tag not in (0x50, 0x60, 0x70):
                    raise malformed_at("a field of a span with the wrong wire type", start)
                pos = skip(data, pos, tag, end, 3)
        if pos > end:
            raise malformed_at("a field runs past the end of its message", end)
        return 0

    def _scan_status(self, data: bytes, pos: int, end: int) -> int:
        while pos < end:
            start = pos
            tag, pos = varint32(data, pos)
            if tag == 0x18:
                number, pos = varint(data, pos)
                self.status = int32(number)
            else:
                if tag >> 3 == 3:
                    raise malformed_at("Status.code (field 3) with the wrong wire type", start)
                pos = skip(data, pos, tag, end, 4)
        if pos > end:
            raise malformed_at("a field runs past the end of its message", end)
        return 0

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, SpanSlice):
            return NotImplemented
        return (self.resource, self.scope, self.span) == (other.resource, other.scope, other.span)

    def __hash__(self) -> int:
        return hash((self.resource, self.scope, self.span))

    def __repr__(self) -> str:
        return f"<SpanSlice {self.name!r} {self.trace_id.hex()}/{self.span_id.hex()} {len(self.span)} bytes>"


def iter_spans(data: bytes) -> Iterator[SpanSlice]:
    """The spans of an ExportTraceServiceRequest, in order.

    The whole request is cut before the first one is given. What a slice does not name (attributes, events,
    links) is not looked into: `screen` is the check at the door.

    Raises:
        MalformedOTLP: with the byte of the request, or of the span, where it stops being OTLP.
    """
    slices: list[SpanSlice] = []
    end = len(data)
    try:
        for pos, stop in _parts(data, 0, end, 0x0A)[1]:
            resource, scopes = _parts(data, pos, stop, 0x12)
            for scope_pos, scope_stop in scopes:
                scope, spans = _parts(data, scope_pos, scope_stop, 0x12)
                for span_pos, span_stop in spans:
                    slices.append(SpanSlice(resource, scope, data[span_pos:span_stop]))
    except IndexError:
        raise malformed_at("the data ends in the middle of a field", end) from None
    return iter(slices)


def _parts(data: bytes, pos: int, end: int, wanted: int) -> tuple[bytes, list[tuple[int, int]]]:
    """Cuts a message into its repeated field `wanted` (positions of the contents) and all the rest (its
    bytes).
    """
    rest: list[bytes] = []
    items: list[tuple[int, int]] = []
    while pos < end:
        start = pos
        tag, pos = varint32(data, pos)
        if tag == wanted:
            pos, stop = delimited(data, pos, end)
            items.append((pos, stop))
            pos = stop
        else:
            if tag >> 3 == wanted >> 3:
                raise malformed_at(f"field {tag >> 3} with wire type {tag & 7}", start)
            pos = skip(data, pos, tag, end, 3)
            rest.append(data[start:pos])
    return b"".join(rest), items


def join_spans(slices: Iterable[SpanSlice]) -> bytes:
    """An ExportTraceServiceRequest of the slices in their order; neighbours of one resource and scope share
    it.
    """
    out: list[bytes] = []
    scopes: list[bytes] = []
    spans: list[bytes] = []
    resource = scope = b""
    started = False
    for item in slices:
        if started and (item.scope != scope or item.resource != resource):
            scopes.append(_field(0x12, scope, spans))
            spans = []
            if item.resource != resource:
                out.append(_field(0x0A, resource, scopes))
                scopes = []
        resource, scope = item.resource, item.scope
        started = True
        head = bytearray(b"\x12")
        put_varint(head, len(item.span))
        spans.append(bytes(head))
        spans.append(item.span)
    if started:
        scopes.append(_field(0x12, scope, spans))
        out.append(_field(0x0A, resource, scopes))
    return b"".join(out)


def _field(tag: int, first: bytes, parts: list[bytes]) -> bytes:
    content = b"".join(parts)
    head = bytearray((tag,))
    put_varint(head, len(first) + len(content))
    return bytes(head) + first + content


__all__ = [
    "MAX_DEPTH",
    "MalformedOTLP",
    "SpanSlice",
    "iter_spans",
    "join_spans",
    "skip",
    "varint",
    "varint32",
]
