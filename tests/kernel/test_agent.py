"""The agent's configuration alone brings a program's requests into the store; a command does it by hand."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from host_agent.agent import Agent
from host_agent.config import AgentConfig
from tests.kernel.conftest import SERVERS
from wasm_sdk.otlp import decode_traces

pytestmark = pytest.mark.kernel
TRACE, PARENT = "7b" * 16, "9d" * 8


def _config(tmp_path: Path, kernel: dict[str, object]) -> AgentConfig:
    ports = {"http": {"port": 0}, "grpc": {"port": 0}, "api": {"port": 0}}
    return AgentConfig.model_validate({**ports, "data_dir": str(tmp_path / "data"), "kernel": kernel})


def _get(url: str, **headers: str) -> bytes:
    with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
        return bytes(answer.read())


async def test_a_configured_agent_stores_what_the_kernel_sees(tmp_path: Path, start_server: Callable) -> None:
    import asyncio

    program = tmp_path / "spw-shop"
    program.symlink_to(sys.executable)
    (tmp_path / "f1").write_text("content")
    config = _config(tmp_path, {"targets": {"commands": ["spw-shop"]}, "files": True})
    async with Agent(config) as agent:
        _, port = start_server(str(program), str(SERVERS / "threaded.py"), str(tmp_path))
        header = {"traceparent": f"00-{TRACE}-{PARENT}-01"}
        await asyncio.to_thread(_get, f"http://127.0.0.1:{port}/f1", **header)
        url = f"{agent.api_url}/api/v1/traces/{TRACE}"
        for _ in range(100):
            try:
                body = await asyncio.to_thread(_get, url, accept="application/x-protobuf")
                break
            except urllib.error.HTTPError:
                await asyncio.sleep(0.1)
        else:
            raise AssertionError("the trace was not stored")
    spans = [s for r in decode_traces(body).resource_spans for g in r.scope_spans for s in g.spans]
    server = next(s for s in spans if s.name == "GET")
    assert server.parent_span_id.hex() == PARENT
    opened = [s for s in spans if s.attributes.get("file.path") == str(tmp_path / "f1")]
    assert opened
    assert {s.parent_span_id for s in opened} == {server.span_id}


def _spanweave(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "host_agent", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_trace_runs_a_program_and_prints_its_tree() -> None:
    done = _spanweave("trace", "--files", "--", "cat", "/etc/hostname")
    assert done.returncode == 0, done.stderr
    assert "process cat" in done.stdout
    assert "openat /etc/hostname" in done.stdout


def test_trace_counts_instead_of_telling() -> None:
    done = _spanweave("trace", "--syscalls", "openat,read", "--histogram", "--", "cat", "/etc/hostname")
    assert done.returncode == 0, done.stderr
    assert "openat" in done.stdout
    assert "mean" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ((), "name whom to trace"),
        (("--pid", "999999999"), "there is no process 999999999"),
        (("--pid", "1", "--syscalls", "nonsense"), "no system call of this machine is called nonsense"),
        (("--pid", "1", "--min-duration", "soon"), "is no duration"),
        (("--", "no-such-program"), "there is no program no-such-program"),
    ],
)
def test_mistakes_are_told_without_a_traceback(arguments: tuple[str, ...], says: str) -> None:
    done = _spanweave("trace", *arguments)
    assert done.returncode != 0
    assert says in done.stderr
    assert "Traceback" not in done.stderr


def test_doctor_says_what_works() -> None:
    done = _spanweave("doctor")
    assert done.returncode == 0
    assert "system calls" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr


def test_a_bcc_program_runs_or_says_what_it_needs(tmp_path: Path) -> None:
    program = tmp_path / "count.c"
    program.write_text(
        "BPF_HASH(counts, u32, u64);\n"
        "RAW_TRACEPOINT_PROBE(sys_enter) { u32 k = 1; u64 zero = 0, *v;"
        " v = counts.lookup_or_try_init(&k, &zero);"
        " if (v) (*v)++; return 0; }\n"
    )
    done = _spanweave("trace", "--bcc", str(program), "--seconds", "0.5")
    assert "Traceback" not in done.stderr
    if done.returncode:
        assert "bcc is not installed" in done.stderr or "BCC_KERNEL_SOURCE" in done.stderr
    else:
        assert "counts:" in done.stdout
