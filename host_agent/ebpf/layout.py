"""The numbers and small structures of bpf/event.h; a test compares the two. The records are in records.py."""

from __future__ import annotations

import enum
import struct


class Kind(enum.IntEnum):
    """What an event is."""

    SYSCALL = 1
    FILE = 2
    CONNECT = 3
    ACCEPT = 4
    SEND = 5
    RECEIVE = 6
    CONNECTION = 7
    HTTP_SERVER = 8
    HTTP_CLIENT = 9
    SQL = 10
    REDIS = 11
    DNS = 12
    PAGE_FAULT = 13
    ALLOCATION = 14
    OUT_OF_MEMORY = 15
    FUNCTION = 16
    KERNEL_FUNCTION = 17
    USDT = 18
    FORK = 19
    EXEC = 20
    EXIT = 21
    PACKET_DROP = 22


class Relation(enum.IntEnum):
    """How an event stands to the trace in its header."""

    NONE = 0
    PARENT = 1
    LINK = 2
    MUTE = 3


class Action(enum.IntEnum):
    """What the programs do with a system call."""

    NONE = 0
    READ = 1
    READV = 2
    RECVMSG = 3
    WRITE = 4
    WRITEV = 5
    SENDMSG = 6
    SENDMMSG = 7
    SENDFILE = 8
    CONNECT = 9
    ACCEPT = 10
    CLOSE = 11
    OPEN = 12
    FILE = 13
    PATH = 14
    LOOP = 15
    POLL = 16
    SELECT = 17


class ProbeFlag(enum.IntFlag):
    """What happens when a probe fires."""

    EMIT = 1
    HISTOGRAM = 2
    USER_STACK = 4
    KERNEL_STACK = 8
    SOCKADDR = 16
    FAILED_ONLY = 32


class TargetFlag(enum.IntFlag):
    """What is known of a process that is traced."""

    FOLLOW = 1
    MULTIPLEXED = 2
    INSTRUMENTED = 4


class EventFlag(enum.IntFlag):
    """How to read an event's text, and over what it came."""

    TEXT_TRUNCATED = 1
    TLS = 2
    PATHS_REVERSED = 4
    SOCKADDR = 8
    LINKED = 16


class Counter(enum.IntEnum):
    """Index into the per-CPU counters."""

    DROPPED_EVENTS = 0
    DROPPED_MESSAGES = 1
    LOST_THREADS = 2


SYSCALL_PROBES = 512
FUNCTION_PROBES = 1024
PROBES = 8192
TEXT_SIZE = 320

HISTOGRAM_BUCKETS = 160
HISTOGRAM_STRUCT = struct.Struct("=4Q160I")
PROBE_STRUCT = struct.Struct("=IBBBBQ")
TARGET_STRUCT = struct.Struct("=II")


def kind_probe(kind: Kind) -> int:
    """The probe id under which a kind that has no finer probes is configured."""
    return SYSCALL_PROBES + kind
