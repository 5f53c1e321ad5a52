"""The records in the rings, as NumPy sees them (bpf/event.h; a test compares the two)."""

from __future__ import annotations

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


def events_of(records: np.ndarray[Any, Any]) -> list[Event]:
    """An array of `EVENT` as tuples."""
    return [Event._make(values) for values in records.tolist()]


def messages_of(records: np.ndarray[Any, Any]) -> list[Message]:
    """An array of `MESSAGE` as tuples."""
    return [
        Message(Event._make(event), Endpoints._make(ends), length, split, text)
        for event, ends, length, split, text in records.tolist()
    ]


@dataclass(frozen=True, slots=True)
class Batch:
    """What one drain gave: arrays of `EVENT` and `MESSAGE`."""

    events: np.ndarray[Any, Any]
    messages: np.ndarray[Any, Any]

    def __len__(self) -> int:
        return len(self.events) + len(self.messages)
