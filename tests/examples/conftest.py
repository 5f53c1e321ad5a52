"""An agent in a process of its own, as the examples' readers run it."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import pytest

CHECKOUT = Path(__file__).parents[2]


@dataclass(frozen=True)
class RunningAgent:
    otlp: str
    api: str

    def ask(self, path: str) -> Any:
        with urlopen(self.api + path, timeout=10) as response:
            return json.load(response)


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningAgent]:
    with run_agent(tmp_path_factory.mktemp("agent")) as running:
        yield running


@contextmanager
def run_agent(folder: Path, *options: str) -> Iterator[RunningAgent]:
    """An agent with its data in `folder`, on ports that the system picks; it must end well."""
    ports = [f"--{name}-port=0" for name in ("http", "grpc", "api")]
    process = subprocess.Popen(
        [sys.executable, "-m", "host_agent", "agent", *ports, "--data-dir", str(folder), *options],
        cwd=CHECKOUT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert process.stdout is not None
    listening: dict[str, str] = {}
    for line in process.stdout:
        if found := re.match(r"listening (\S+)\s+(\S+)", line):
            listening[found[1]] = found[2]
        if line.startswith("keeping"):
            break
    try:
        yield RunningAgent(listening["OTLP/HTTP"], listening["API"])
        process.send_signal(signal.SIGINT)
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate()


def run_example(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", f"examples.{name}", *arguments],
        cwd=CHECKOUT, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
