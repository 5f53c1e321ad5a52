"""Turns the bodies of accepted requests into rows, dropping what the store already has in memory."""

from collections.abc import Iterator
from hashlib import blake2b
from typing import Any

import numpy as np
import pyarrow as pa

from host_agent.store.attributes import RESOURCE_PREFIX, SPAN_PREFIX, Pair, pairs
from host_agent.store.chunk import Chunk
from host_agent.store.columns import LAYOUTS
from host_agent.store.envelope import open_envelope
from host_agent.store.readers import READERS, TIME_COLUMN, timed_by
from wasm_sdk.otlp.fields import fields
from wasm_sdk.otlp.signal import Signal

SLICE = 64
"""Rows between two chances for others to run."""
SERVICE = RESOURCE_PREFIX + "service.name"
RECORD_UID = b"\x0a\x0elog.record.uid"  # the key as every encoder puts it: first
UNKNOWN_SERVICE = "unknown_service"  # OpenTelemetry semantic conventions, `service.name`


class Recent:
    """Keys of rows seen lately: those of the flush that gathers and of the one before it."""

    def __init__(self) -> None:
        self._new: set[bytes] = set()
        self._old: set[bytes] = set()

    def add(self, key: bytes) -> bool:
        """Whether the key is new."""
        if key in self._new or key in self._old:
            return False
        self._new.add(key)
        return True

    def turn(self) -> None:
        """Forget the generation before this one."""
        self._old, self._new = self._new, set()


class Rows:
    """Gathers rows of one tenant and signal. Used from one thread.

    Equal attributes of the rows gathered share one number, so that most of them cost one look-up of their
    bytes.
    """

    def __init__(self, signal: Signal) -> None:
        self.signal = signal
        self.recent = Recent()
        self.total = 0
        self.duplicates = 0
        self._read = READERS[signal]
        self._clear()

    def _clear(self) -> None:
        self.size = 0
        self._rows: list[tuple[Any, ...]] = []
        self._pairs: list[Pair] = []
        self._resources: dict[bytes, list[int]] = {}
        self._numbers: dict[bytes, list[int]] = {}
        self._attributes: list[int] = []
        self._counts: list[int] = []

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, body: bytes, received: int, batch_id: bytes) -> Iterator[None]:
        """Convert one request, yielding after every `SLICE` rows so that the caller may pause.

        Args:
            body: An export request in protobuf.
            received: When it was accepted, Unix nanoseconds.
            batch_id: Of its record: identifies a batch whose items say no time, because a sender may repeat
                those and mean another event each time.

        Raises:
            MalformedOTLP: the body is none; rows before the fault are kept.
        """
        if self.signal is Signal.TRACES:
            yield from self._add_spans(body, received)
        else:
            yield from self._add_batch(body, received, batch_id)

    def _add_spans(self, body: bytes, received: int) -> Iterator[None]:
        done = 0
        for resource, scope, items in open_envelope(body):
            service, of_resource = describe_resource(resource)
            scope_name = name_of_scope(scope)
            for item in items:
                row, attributes = self._read(item)
                if self.recent.add(row[0] + row[1]):
                    common = (service, scope_name, received, item, resource, scope)
                    self._append((*row, *common), attributes, of_resource)
                    self.size += len(item)
                else:
                    self.duplicates += 1
                done += 1
                if done % SLICE == 0:
                    yield

    def _add_batch(self, body: bytes, received: int, batch_id: bytes) -> Iterator[None]:
        content_id = blake2b(body, digest_size=16).digest()
        rows: list[tuple[tuple[Any, ...], list[bytes], list[Pair], tuple[Any, ...]]] = []
        timed = True
        time_column = TIME_COLUMN[self.signal]
        for resource, scope, items in open_envelope(body):
            service, of_resource = describe_resource(resource)
            scope_name = name_of_scope(scope)
            for item in items:
                row, attributes = self._read(item)
                if row[time_column] == 0:
                    timed = False
                    row = timed_by(self.signal, row, received)
                rows.append(
                    (row, attributes, of_resource, (service, scope_name, received, item, resource, scope))
                )
                if len(rows) % SLICE == 0:
                    yield
        if timed:
            batch_id = content_id
        if not self.recent.add(batch_id):
            self.duplicates += len(rows)
            return
        for index, (row, attributes, of_resource, common) in enumerate(rows):
            identity = (batch_id, index)
            if uid := record_uid(attributes):
                identity = (uid, 0)
                if not self.recent.add(uid):
                    self.duplicates += 1
                    continue
            self._append((*row, *identity, *common), attributes, of_resource)
            self.size += len(common[3])

    def _append(self, row: tuple[Any, ...], attributes: list[bytes], of_resource: list[Pair]) -> None:
        numbered = self._attributes
        before = len(numbered)
        numbers = self._resources.get(row[-2])
        if numbers is None:
            numbers = self._resources[row[-2]] = self._learn(of_resource)
        numbered += numbers
        for attribute in attributes:
            numbers = self._numbers.get(attribute)
            if numbers is None:
                numbers = self._numbers[attribute] = self._learn(pairs(attribute, SPAN_PREFIX))
            numbered += numbers
        self._counts.append(len(numbered) - before)
        self._rows.append(row)
        self.total += 1

    def _learn(self, found: list[Pair]) -> list[int]:
        """Numbers for what an encoded resource or attribute means."""
        first = len(self._pairs)
        self._pairs += found
        return list(range(first, first + len(found)))

    def seal(self) -> Chunk | None:
        """What was gathered since the last call, as Arrow columns; None when that is nothing."""
        if not self._rows:
            return None
        schema = LAYOUTS[self.signal].schema
        columns = [
            pa.array(column, field.type)
            for column, field in zip(zip(*self._rows, strict=True), schema, strict=True)
        ]
        chunk = Chunk(
            pa.Table.from_arrays(columns, schema=schema),
            np.repeat(np.arange(len(self._rows), dtype=np.int32), self._counts),
            np.array(self._attributes, dtype=np.int32),
            pa.array([label for label, _ in self._pairs], pa.string()),
            pa.array([text for _, text in self._pairs], pa.string()),
            self.size,
        )
        self._clear()
        return chunk


def describe_resource(resource: bytes) -> tuple[str, list[Pair]]:
    """The service's name and the attributes of a resource's frame."""
    found: list[Pair] = []
    for tag, value in fields(resource):
        if tag == 0x0A:
            for attribute_tag, attribute in fields(value):
                if attribute_tag == 0x0A:
                    found.extend(pairs(attribute, RESOURCE_PREFIX))
    service = next((text for label, text in found if label == SERVICE and text), UNKNOWN_SERVICE)
    return service, found


def record_uid(attributes: list[bytes]) -> bytes:
    """A log record's own identity (semantic conventions, `log.record.uid`), hashed; empty without one.

    A sender that died before it heard of its first attempt sends such a record again, in another batch.
    """
    uid = next((attribute for attribute in attributes if attribute.startswith(RECORD_UID)), b"")
    return uid and blake2b(uid, digest_size=16).digest()


def name_of_scope(scope: bytes) -> str:
    for tag, value in fields(scope):
        if tag == 0x0A:
            for scope_tag, name in fields(value):
                if scope_tag == 0x0A:
                    return str(name, "utf-8", "replace")
    return ""
