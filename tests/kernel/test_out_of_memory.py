"""An out-of-memory kill is told with its victim's name."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from host_agent.ebpf.tracer import EbpfTracer
from tests.kernel.collecting import collect_until

pytestmark = pytest.mark.kernel
HUNGRY = """
import sys
print(1, flush=True)
sys.stdin.readline()
eaten = bytearray(1)
while True:
    eaten += b"x" * (1 << 20)
"""
MOST = 32 << 20
PLACES = ((Path("/sys/fs/cgroup"), "memory.max"), (Path("/sys/fs/cgroup/memory"), "memory.limit_in_bytes"))


@pytest.fixture
def small() -> Iterator[Path]:
    """A control group that may use little memory."""
    for root, limit in PLACES:
        if not (root / "cgroup.procs").exists():
            continue
        group = root / f"spanweave-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            if (group / limit).exists():
                (group / limit).write_text(str(MOST))
                yield group
                return
        finally:
            group.rmdir()
    pytest.skip("no control group for memory can be made here")


def test_an_out_of_memory_kill_names_its_victim(
    tmp_path: Path, small: Path, start_server: Callable[..., tuple[Any, int]]
) -> None:
    program = tmp_path / "spw-hungry"
    program.symlink_to(sys.executable)
    process, _ = start_server(str(program), "-c", HUNGRY)
    (small / "cgroup.procs").write_text(str(process.pid))
    tracer = EbpfTracer()
    tracer.attach_memory()
    tracer.add_target(pid=process.pid)
    with tracer:
        process.stdin.write("eat\n")
        process.stdin.flush()
        spans = collect_until(tracer, lambda found: any(s.name == "out of memory kill" for s in found))
        assert process.wait(10) == -9
    (kill,) = [s for s in spans if s.name == "out of memory kill"]
    assert kill.attributes["linux.memory.oom.victim.pid"] == process.pid
    assert kill.attributes["linux.memory.oom.victim.command"] == "spw-hungry"
