"""Which bit of a verdict is which destination: fixed for as long as the data directory lives."""

import json
from collections.abc import Iterable
from pathlib import Path

from host_agent.pipeline.judge import STORE_BIT
from host_agent.pipeline.settings import STORE

MAX_BITS = 64


def destination_bits(path: Path, names: Iterable[str]) -> dict[str, int]:
    """The bits of `names`, and of the store; new ones are kept in the file at `path`.

    A destination that is gone keeps its bit, so that a recorded verdict never means another one; when all 64
    are taken, the bits of those that are gone are given again.

    Raises:
        OSError: the file cannot be written.
        ValueError: it is not what this function writes, or there are too many destinations.
    """
    names = list(names)
    known: dict[str, int] = json.loads(path.read_text()) if path.exists() else {STORE: STORE_BIT}
    for name in names:
        if name in known:
            continue
        free = next((bit for bit in range(MAX_BITS) if bit not in known.values()), None)
        if free is None:
            gone = next((each for each in known if each not in names and each != STORE), None)
            if gone is None:
                raise ValueError(f"{len(names)} destinations: there can be {MAX_BITS - 1}")
            free = known.pop(gone)
        known[name] = free
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(known))
    fresh.replace(path)
    return {name: known[name] for name in (STORE, *names)}
