"""The sampling threshold in a span's tracestate.

Sources: W3C Trace Context level 2, "tracestate header"; OpenTelemetry specification, "TraceState: Probability
Sampling" (`ot=th:...`, and T is the larger of what stood there and what is decided now).
"""

from wasm_sdk.sampling.threshold import threshold as threshold_of
from wasm_sdk.sampling.threshold import with_threshold

_KEY = "ot"
_MAX_MEMBERS = 32


def restate(content: bytes, threshold: int) -> bytes:
    """The tracestate `content` with a threshold: the larger of the one in it and `threshold`; negative: none.

    The changed entry stands first, as the specification wants of who changes it.
    """
    members = [member.strip() for member in content.decode("utf-8", "replace").split(",")]
    own = next((member[3:] for member in members if member.startswith(f"{_KEY}=")), None)
    others = [member for member in members if member and not member.startswith(f"{_KEY}=")]
    entry = with_threshold(own, None if threshold < 0 else max(threshold, threshold_of(own) or 0))
    if entry is not None:
        others = [f"{_KEY}={entry}", *others[: _MAX_MEMBERS - 1]]
    return ",".join(others).encode()
