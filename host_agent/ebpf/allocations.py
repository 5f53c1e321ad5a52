"""malloc and free, sampled: which functions of a library are probed, by which program."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from host_agent.ebpf.errors import ProbeRefused
from host_agent.ebpf.functions import find_functions

_PROGRAMS = {"malloc": "allocation_entered+allocation_returned", "free": "release_entered+"}


def attach_allocations(ask: Callable[..., dict[str, Any]], file: str, one_in: int, pid: int) -> list[int]:
    """Attaches to one library; returns the links.

    Args:
        ask: sends a request to the helper.
        one_in: one allocation in this many is followed.

    Raises:
        ProbeRefused: the library has no malloc or free, or the kernel refused.
    """
    if one_in < 1:
        raise ProbeRefused("one_in counts calls: 1 or more")
    setting = {"allocation_sampling": one_in.to_bytes(4, "little").hex()}
    ask("settings", settings=setting)
    links = []
    for name, program in _PROGRAMS.items():
        path, functions = find_functions(f"{file}:{name}", pid)
        answer = ask(
            "functions",
            path=str(path),
            offsets=[f.offset for f in functions],
            cookies=[0] * len(functions),
            pid=pid,
            program=program,
        )
        links.append(int(answer["link"]))
    return links
