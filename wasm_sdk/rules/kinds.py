"""The kinds of value that rules know, as sets for checking a rule before it meets any telemetry."""

from __future__ import annotations

from enum import IntFlag


class Kind(IntFlag):
    """A set of kinds; what an attribute holds is only known per item, so its kind is `ANY_VALUE`."""

    NIL = 1
    BOOL = 2
    INT = 4
    DOUBLE = 8
    STRING = 16
    BYTES = 32
    LIST = 64
    MAP = 128
    TIME = 256
    DURATION = 512
    TRACE_ID = 1024
    SPAN_ID = 2048
    DOUBLES = 4096
    """`explicit_bounds`: a list that equals nothing."""
    COUNTS = 8192
    """`bucket_counts`: has a length, is no list."""
    MESSAGES = 16384
    """Events, links, points, exemplars, quantiles: a list that equals nothing."""
    MESSAGE = 32768
    """A message as a whole, such as the status."""

    ANY_VALUE = 255
    NUMBER = INT | DOUBLE


_NAMES = {
    Kind.NIL: "nil",
    Kind.BOOL: "a bool",
    Kind.INT: "an int",
    Kind.DOUBLE: "a double",
    Kind.STRING: "a string",
    Kind.BYTES: "bytes",
    Kind.LIST: "a list",
    Kind.MAP: "a map",
    Kind.TIME: "a time",
    Kind.DURATION: "a duration",
    Kind.TRACE_ID: "a trace id",
    Kind.SPAN_ID: "a span id",
    Kind.DOUBLES: "a list of doubles",
    Kind.COUNTS: "bucket counts",
    Kind.MESSAGES: "a list of messages",
    Kind.MESSAGE: "a message",
}


def describe(kinds: Kind) -> str:
    """The kinds in words: "a string", "an int or nil"."""
    if kinds & Kind.ANY_VALUE == Kind.ANY_VALUE:
        return "any attribute value"
    names = [name for kind, name in _NAMES.items() if kinds & kind]
    if len(names) > 1 and names[0] == "nil":
        names.append(names.pop(0))
    return " or ".join(names)
