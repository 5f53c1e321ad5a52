"""OpenTelemetry's consistent probability: one decision for a whole trace, wherever it is judged.

Sources: OpenTelemetry specification, "TraceState: Probability Sampling" (56 bits of randomness, `rv`,
rejection threshold) and W3C Trace Context level 2 (random trace ids).
"""

from __future__ import annotations

import re

ALWAYS = 1 << 56
"""One more than the largest randomness: the threshold that rejects everything."""

_RANDOM_VALUE = re.compile(r";rv:([0-9a-f]{14})(?![^;])")


def rejection_threshold(rate: float) -> int:
    """The threshold T in 0..2^56 for an inclusion probability: an item is kept when its randomness is at
    least T.

    Raises:
        ValueError: `rate` is not between 0 and 1.
    """
    if not 0.0 <= rate <= 1.0:
        raise ValueError(f"a probability is between 0 and 1, not {rate}")
    return ALWAYS - round(rate * ALWAYS)


def randomness(trace_id: bytes, trace_state: str = "") -> int:
    """The 56 random bits of a trace: `rv` of the tracestate's `ot` entry where present, else the id's last
    7 bytes.
    """
    if "rv:" in trace_state:
        for member in trace_state.split(","):
            key, _, value = member.strip().partition("=")
            found = _RANDOM_VALUE.search(";" + value) if key == "ot" else None
            if found:
                return int(found[1], 16)
    return int.from_bytes(trace_id[-7:], "big")
