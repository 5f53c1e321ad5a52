"""The records in the rings, as NumPy sees them (bpf/event.h; a test compares the two)."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

EVENT = np.dtype(
    [
        ("start", "<u8"),
        ("duration", "<u8"),
        ("trace", "V16"),
        ("parent", "V8"),
        ("span", "V8"),
        ("tgid", "<u4"),
        ("tid", "<u4"),
        ("cgroup", "<u8"),
        ("kind", "<u2"),
        ("relation", "u1"),
        ("flags", "u1"),
        ("probe", "<u4"),
        ("result", "<i8"),
        ("user_stack", "<i4"),
        ("kernel_stack", "<i4"),
        ("args", [(f"argument_{i}", "<u8") for i in range(6)]),
    ]
)
ENDPOINTS = np.dtype(
    [
        ("local", "V16"),
        ("remote", "V16"),
        ("local_port", "<u2"),
        ("remote_port", "<u2"),
        ("family", "u1"),
        ("protocol", "u1"),
        ("role", "u1"),
        ("pad", "u1"),
    ]
)
MESSAGE = np.dtype(
    [
        ("event", EVENT),
        ("ends", ENDPOINTS),
        ("text_length", "<u4"),
        ("text_split", "<u4"),
        ("text", "V320"),
    ]
)


class Event(NamedTuple):
    """One record as Python values: ten times cheaper to read than fields of an array."""

    start: int
    duration: int
    trace: bytes
    parent: bytes
    span: bytes
    tgid: int
    tid: int
    cgroup: int
    kind: int
    relation: int
    flags: int
    probe: int
    result: int
    user_stack: int
    kernel_stack: int
    args: tuple[int, ...]


class Endpoints(NamedTuple):
    """Of a connection; addresses as 16 bytes, ports in host order."""

    local: bytes
    remote: bytes
    local_port: int
    remote_port: int
    family: int
    protocol: int
    role: int
    pad: int


class Message(NamedTuple):
    """A record with text."""

    event: Event
    ends: Endpoints
    text_length: int
    text_split: int
    text: bytes

    @property
    def raw(self) -> bytes:
        """The text without its padding."""
        return self.text[: self.text_length]


_event = struct.Struct("<QQ16s8s8sIIQHBBIqii6Q").unpack_from
_rest = struct.Struct("<16s16sHHBBBBII320s").unpack_from


def read_event(buffer: Any, offset: int) -> tuple[Any, ...]:
    """One `EVENT` as ``ndarray.tolist`` gives it: for a few records, a fifth of what an array costs."""
    values = _event(buffer, offset)
    return (*values[:15], values[15:])


def read_message(buffer: Any, offset: int) -> tuple[Any, ...]:
    """One `MESSAGE`, as `read_event`."""
    rest = _rest(buffer, offset + EVENT.itemsize)
    return (read_event(buffer, offset), rest[:8], *rest[8:])


def events_of(records: Iterable[tuple[Any, ...]]) -> list[Event]:
    """What `Ring.take` gave of the ring of events."""
    return [Event._make(values) for values in records]


def messages_of(records: Iterable[tuple[Any, ...]]) -> list[Message]:
    """What `Ring.take` gave of the ring of messages."""
    return [
        Message(Event._make(event), Endpoints._make(ends), length, split, text)
        for event, ends, length, split, text in records
    ]


@dataclass(frozen=True, slots=True)
class Batch:
    """What one drain gave: arrays of `EVENT` and `MESSAGE`."""

    events: np.ndarray[Any, Any]
    messages: np.ndarray[Any, Any]

    def __len__(self) -> int:
        return len(self.events) + len(self.messages)
