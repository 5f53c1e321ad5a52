"""Settings of the process that make handling large blocks cheaper."""

import ctypes
import gc
import sys

import pyarrow

_M_TRIM_THRESHOLD = -1  # malloc.h
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8


def tune_memory() -> None:
    """Keep freed blocks of request size in the process, and collect cycles less often.

    Without, glibc gives each body back to the system and asks for it again. On other systems and C libraries
    only the collector is set.
    """
    gc.set_threshold(100_000, 50, 1000)
    # Arrow's own allocator keeps what one merge of segments needed.
    pyarrow.set_memory_pool(pyarrow.system_memory_pool())
    if sys.platform == "linux":
        mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # musl has none
        if mallopt is not None:
            mallopt(_M_ARENA_MAX, 2)  # or every thread that once wrote a segment keeps one of its own
            mallopt(_M_MMAP_THRESHOLD, 4 << 20)
            mallopt(_M_TRIM_THRESHOLD, 64 << 20)
