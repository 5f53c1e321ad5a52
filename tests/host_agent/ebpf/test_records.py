"""Records one by one and as arrays say the same; so do encoded spans and spans as a model."""

from __future__ import annotations

import mmap
import os
import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from host_agent.ebpf.describe import FunctionName
from host_agent.ebpf.layout import EventFlag, Kind, Relation
from host_agent.ebpf.records import EVENT, MESSAGE, events_of, messages_of, read_event, read_message
from host_agent.ebpf.ring import Ring
from host_agent.ebpf.spans import SpanBuilder
from wasm_sdk.otlp import decode_traces

RING = 1 << 16
BUSY, DISCARDED = 1 << 31, 1 << 30
FUNCTIONS = {7: FunctionName("main", "/bin/x", "uprobe.multi")}


@given(st.binary(min_size=MESSAGE.itemsize, max_size=MESSAGE.itemsize))
def test_a_record_reads_like_an_array_of_it(raw: bytes) -> None:
    assert [read_event(raw, 0)] == np.frombuffer(raw, EVENT, 1).tolist()
    assert [read_message(raw, 0)] == np.frombuffer(raw, MESSAGE, 1).tolist()


def _ring(lengths: list[int]) -> Ring:
    """A ring over memory of ours, with a record for each length word; record i starts at i."""
    page, step = mmap.PAGESIZE, 8 + EVENT.itemsize
    fd = os.memfd_create("ring")
    os.truncate(fd, 2 * page + 2 * RING)
    os.pwrite(fd, struct.pack("=Q", step * len(lengths)), page)
    for index, length in enumerate(lengths):
        os.pwrite(fd, struct.pack("=IIQ", length, 0, index), 2 * page + index * step)
    ring = Ring(fd, RING, EVENT, read_event)
    os.close(fd)  # the mappings keep it
    return ring


@pytest.mark.parametrize("filler", [0, 100])
def test_taking_gives_what_draining_gives(filler: int) -> None:
    size = EVENT.itemsize
    lengths = [size, size | DISCARDED, size, *[size] * filler, size | BUSY, size]
    taking, draining = _ring(lengths), _ring(lengths)
    taken = taking.take()
    assert taken == draining.drain().tolist()
    assert [record[0] for record in taken[:2]] == [0, 2]
    assert len(taken) == 2 + filler
    assert taking.pending_bytes == draining.pending_bytes == 2 * (size + 8)
    assert taking.take() == [], "what is being written is waited for"
    taking.close()
    draining.close()


def _records() -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    events = np.zeros(4, EVENT)
    events["span"] = [bytes([i]) * 8 for i in range(1, 5)]
    events["tgid"], events["tid"], events["start"], events["duration"] = 1, 1, 10**9, 500
    events["kind"] = [Kind.SYSCALL, Kind.FUNCTION, Kind.PAGE_FAULT, Kind.SYSCALL]
    events["probe"] = [0, 7, 0, 1]
    events["result"] = [-2, 5, 0, -11]
    events["relation"] = [Relation.NONE, Relation.PARENT, Relation.LINK, Relation.NONE]
    events["trace"], events["parent"] = b"t" * 16, b"p" * 8
    messages = np.zeros(3, MESSAGE)
    for message, kind in zip(messages, (Kind.HTTP_SERVER, Kind.HTTP_CLIENT, Kind.SQL), strict=True):
        message["event"] = events[1]
        message["event"]["kind"] = kind
        message["event"]["span"] = bytes([kind]) * 8
        message["event"]["result"] = 503
        text = b"GET /p\x1b\xff"
        message["text"], message["text_length"] = text, len(text)
        message["ends"]["remote"] = bytes(10) + b"\xff\xff\x7f\0\0\1"
    messages[0]["event"]["flags"] = EventFlag.LINKED | EventFlag.TLS
    messages[0]["event"]["args"] = (0, 0, 0, 1, 2, 3)
    return events, messages


def test_encoded_spans_are_those_of_the_model() -> None:
    events, messages = _records()
    records = events_of(events.tolist()), messages_of(messages.tolist())
    builder = SpanBuilder(FUNCTIONS)
    groups = builder.build(*records)
    data, count = builder.encode(*records)
    decoded = decode_traces(data).resource_spans
    for spans in (groups, decoded):
        for span in spans[0].scope_spans[0].spans:  # the clocks are compared anew for each batch
            span.end_time_unix_nano -= span.start_time_unix_nano
            span.start_time_unix_nano = 0
    assert decoded == groups
    assert count == len(events) + len(messages)
    linked = [s for s in groups[0].scope_spans[0].spans if s.links]
    assert len(linked) == 2
    assert all(link.attributes["spanweave.attribution"] == "ambiguous" for s in linked for link in s.links)


def test_an_ended_process_is_encoded_with_its_spans() -> None:
    builder = SpanBuilder({})
    builder.processes.forked(1 << 22, 1, "short", 5)
    builder.processes.exited(1 << 22, 9, 256)
    data, count = builder.encode([], [])
    (group,) = decode_traces(data).resource_spans
    (span,) = group.scope_spans[0].spans
    assert count == 1
    assert span.attributes["process.exit.code"] == 1
