"""Trace ids and traceparents, read and written (https://www.w3.org/TR/trace-context/)."""

import re

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}(?:-.*)?")
_TRACE_ID = re.compile(r"[0-9a-f]{32}")


def parse_trace_id(text: str) -> bytes:
    """The trace id in 32 hexadecimal digits, in a traceparent, or anywhere in a line that has just one.

    Raises:
        ValueError: what a trace id looks like.
    """
    text = text.strip().lower()
    match = _TRACEPARENT.fullmatch(text)
    found = {match[1]} if match else set(re.findall(rf"(?<![0-9a-f])({_TRACE_ID.pattern})(?![0-9a-f])", text))
    if len(found) != 1:
        raise ValueError("a trace id has 32 hexadecimal digits; a traceparent will do as well")
    trace_id = bytes.fromhex(found.pop())
    if not any(trace_id):
        raise ValueError("a trace id of zeros only is none")
    return trace_id


def traceparent(trace_id: bytes, span_id: bytes, flags: int) -> str:
    """The header that continues a trace below a span.

    Args:
        flags: the span's flags field, whose lowest byte are the trace flags.
    """
    return f"00-{trace_id.hex()}-{span_id.hex()}-{flags & 0xFF:02x}"
