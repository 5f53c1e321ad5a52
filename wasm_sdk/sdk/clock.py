"""Unix time in nanoseconds that runs evenly.

The wall clock steps (NTP; 1 ms in browsers) and the monotonic one does not know the date. A trace reads the
wall clock once, at its local root, and counts from there: durations are true and children lie within their
parents. Each root reads it anew, because machines sleep while the monotonic clock stands.
"""

import time

monotonic = time.perf_counter_ns
"""Nanoseconds of a clock that never goes back; `performance.now()` where Python runs as WebAssembly."""

now = time.time_ns
"""Unix time in nanoseconds, of the wall clock."""


def anchor() -> int:
    """What must be added to `monotonic()` to give Unix time, as of now."""
    return time.time_ns() - time.perf_counter_ns()
