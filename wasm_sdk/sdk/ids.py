"""Trace and span identifiers. Source: OpenTelemetry specification, trace SDK, "ID Generators"."""

import os
import struct
import weakref
from typing import Protocol

_POOL = 256
_INVALID_SPAN_ID = bytes(8)
_split = struct.Struct("8s" * _POOL).unpack


class IdGenerator(Protocol):
    """What a custom generator offers; the interface is opentelemetry-sdk's, so its generators work too."""

    def generate_trace_id(self) -> int:
        """A non-zero integer of 128 bits."""
        ...

    def generate_span_id(self) -> int:
        """A non-zero integer of 64 bits."""
        ...

    def is_trace_id_random(self) -> bool:
        """Whether the last 56 bits of trace ids are random, as W3C Trace Context level 2 defines it."""
        ...


class RandomIdGenerator:
    """Identifiers from the operating system's entropy, taken in blocks.

    The first block is taken when the first identifier is asked for, since some platforms have no entropy
    while modules are imported. A forked child starts with an empty pool; a restored memory snapshot must call
    `forget`.
    """

    def __init__(self) -> None:
        self.pool: list[bytes] = []
        """Span ids that were drawn and not used yet; may be empty. Always the same list."""
        _generators.add(self)

    def span_id(self) -> bytes:
        """8 bytes, not all zero."""
        try:
            return self.pool.pop()
        except IndexError:
            self._refill()
            return self.span_id()

    def trace_id(self) -> bytes:
        """16 bytes, not all zero."""
        ids = self.pool
        try:
            return ids.pop() + ids.pop()
        except IndexError:
            self._refill()
            return self.trace_id()

    def generate_trace_id(self) -> int:
        return int.from_bytes(self.trace_id(), "big")

    def generate_span_id(self) -> int:
        return int.from_bytes(self.span_id(), "big")

    def is_trace_id_random(self) -> bool:
        return True

    def forget(self) -> None:
        """Drop the identifiers that were drawn but not used."""
        self.pool.clear()

    def _refill(self) -> None:
        ids = _split(os.urandom(8 * _POOL))
        self.pool.extend(ids if _INVALID_SPAN_ID not in ids else filter(any, ids))


_generators: weakref.WeakSet[RandomIdGenerator] = weakref.WeakSet()


def _forget_all() -> None:
    for generator in _generators:
        generator.forget()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_all)
