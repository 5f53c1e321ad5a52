"""What a splicer is put together from: routes, sampling policies, and the requests that grow.

Plain Python that Cython compiles (types in `parts.pxd`).
"""

from array import array
from collections.abc import Sequence
from typing import Any
from zlib import crc32

from wasm_sdk.otlp.wire import put_varint
from wasm_sdk.rules.spantests import Test
from wasm_sdk.rules.spanview import SpanView

_COMPILED = not __file__.endswith((".py", ".pyc"))

NO_KEY, BY_TRACE, BY_ATTRIBUTE = range(3)
_BY_TRACE = 1

_ABSENT, _STRING = 0, 2


def numbers(code: str, values: Sequence[int]) -> Any:
    """An array of machine numbers, or a list."""
    # The compiled code wants machine numbers; for the interpreter a list is faster.
    return array(code, values) if _COMPILED else list(values)


class Route:
    """Where the spans go for which a test holds.

    Args:
        test: the condition.
        table: destinations as bit sets, as many as a power of two; the key of a span chooses among them.
        key: NO_KEY (the first entry counts), BY_TRACE or BY_ATTRIBUTE.
        slot: of the trace id or the attribute in the view.

    Attributes:
        matched: spans for which the test held.
    """

    def __init__(self, test: Test, table: Sequence[int], key: int = NO_KEY, slot: int = 0) -> None:
        if not table or len(table) & (len(table) - 1):
            raise ValueError(f"a table of {len(table)} entries: as many as a power of two are needed")
        self.test = test
        self.key = key
        self.slot = slot
        self.matched = 0
        self.generation = -1
        self.chosen = 0
        self.retarget(table)

    def retarget(self, table: Sequence[int]) -> None:
        """Give other destinations to the same spans, when a node comes or goes."""
        self.table: Any = numbers("Q", table)
        self.last = len(table) - 1
        self.generation = -1

    def choose(self, view: SpanView) -> int:
        if self.key == 0:
            return self.table[0]  # type: ignore[no-any-return]
        if self.key == _BY_TRACE:
            return self.table[_low_bits(view, self.slot) & self.last]  # type: ignore[no-any-return]
        if self.generation != view.resource_generation:
            self.generation = view.resource_generation
            content = view.content(self.slot) if view.kinds[self.slot] == _STRING else b""
            self.chosen = crc32(content) & self.last
        return self.table[self.chosen]  # type: ignore[no-any-return]


class Policy:
    """Which probability the spans get for which a test holds: `kept` says whether a span's randomness reaches
    `threshold`."""

    def __init__(self, test: Test, kept: Test, threshold: int) -> None:
        self.test = test
        self.kept = kept
        self.threshold = threshold


class Output:
    """The request of one destination while it grows."""

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.parts: list[bytes] = []
        self.scopes: list[bytes] = []
        self.spans: list[bytes] = []
        self.scopes_size = self.spans_size = self.items = 0

    def end_scope(self, rest: bytes) -> int:
        if self.spans:
            start = head(0x12, len(rest) + self.spans_size)
            self.scopes.append(start)
            self.scopes.append(rest)
            self.scopes += self.spans
            self.scopes_size += len(start) + len(rest) + self.spans_size
            self.spans = []
            self.spans_size = 0
        return 0

    def end_resource(self, rest: bytes) -> int:
        if self.scopes:
            self.parts.append(head(0x0A, len(rest) + self.scopes_size))
            self.parts.append(rest)
            self.parts += self.scopes
            self.scopes = []
            self.scopes_size = 0
        return 0


def head(tag: int, size: int) -> bytes:
    """A tag and a length."""
    out = bytearray((tag,))
    put_varint(out, size)
    return bytes(out)


def _low_bits(view: SpanView, slot: int) -> int:
    """The last 32 bits of a trace id, which are random."""
    if view.kinds[slot] == _ABSENT or view.sizes[slot] < 4:
        return 0
    pos = view.at[slot] + view.sizes[slot] - 4
    if not _COMPILED:
        return int.from_bytes(view.span[pos : pos + 4], "big")
    number = 0
    for index in range(4):
        number = number << 8 | view._bytes[pos + index]
    return number
