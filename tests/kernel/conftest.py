"""Real programs in the real kernel: only with the privileges for it, and nothing may stay attached."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.kernel.programs_loaded import ours_in_kernel

SERVERS = Path(__file__).parent / "servers"


def _why_not() -> str:
    if not sys.platform.startswith("linux"):
        return "not Linux"
    from host_agent.ebpf import privileges
    from host_agent.ebpf.errors import EbpfError
    from host_agent.ebpf.helper_client import HelperClient

    if lacking := privileges.missing():
        return f"{' and '.join(lacking)} missing (run as root)"
    try:
        client = HelperClient.start()
        answer = client.ask("load", objects=["dispatch"], sizes={}, settings={})
        client.close()
    except EbpfError as error:
        return str(error)
    return "; ".join(answer["refused"].values())


_reason: list[str] = []


@contextmanager
def nothing_stays_attached() -> Iterator[None]:
    """Skips where the kernel allows nothing; afterwards nothing of ours may be left in it."""
    if not _reason:
        _reason.append(_why_not())
    if _reason[0]:
        pytest.skip(f"no BPF here: {_reason[0]}")
    before = ours_in_kernel()
    yield
    end = time.monotonic() + 10  # the kernel frees programs after a grace period
    while left := ours_in_kernel() - before:
        assert time.monotonic() < end, f"stayed in the kernel: {left}"
        time.sleep(0.02)


@pytest.fixture(autouse=True)
def _kernel_allows_it() -> Iterator[None]:
    with nothing_stays_attached():
        yield


@pytest.fixture
def start_server() -> Iterator[Callable[..., tuple[subprocess.Popen[str], int]]]:
    """Starts a program that prints its port; ends it with the test."""
    running = []

    def start(*command: str) -> tuple[subprocess.Popen[str], int]:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        running.append(process)
        assert process.stdout is not None
        return process, int(process.stdout.readline())

    yield start
    for process in running:
        process.kill()
        process.wait()
        for stream in (process.stdin, process.stdout):
            if stream:
                stream.close()
