"""`spanweave tui` as it is typed."""

import os
import pty
import subprocess
import sys
import time

import pytest
from click.testing import CliRunner

from host_agent.cli.tui import tui


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["ftp://somewhere"], "not an http or https URL"),
        (["http://host:port"], "is not a URL"),
        (["--theme", "vapor"], "there is no theme vapor; there are spanweave-dark"),
        ([], "needs a terminal"),
    ],
)
def test_what_will_not_do_is_one_line_and_exit_2(arguments: list[str], reason: str) -> None:
    result = CliRunner().invoke(tui, arguments)
    assert result.exit_code == 2
    assert reason in result.stderr
    assert result.stderr.count("\n") == 1


def test_the_help_has_examples() -> None:
    result = CliRunner().invoke(tui, ["--help"])
    assert result.exit_code == 0
    assert "spanweave tui --theme" in result.output


def test_in_a_terminal_it_draws_and_q_ends_it() -> None:
    controller, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"}
    program = subprocess.Popen(
        [sys.executable, "-m", "host_agent", "tui", "http://127.0.0.1:1"],
        stdin=terminal, stdout=terminal, stderr=terminal, env=environment, close_fds=True,
    )  # fmt: skip
    os.close(terminal)
    try:
        drawn = b""
        until = time.monotonic() + 30
        while b"no agent at" not in drawn:
            assert time.monotonic() < until
            drawn += os.read(controller, 65536)
        os.write(controller, b"q")
        while True:
            try:
                if not os.read(controller, 65536):
                    break
            except OSError:  # the other end is closed
                break
        assert program.wait(30) == 0
    finally:
        program.kill()
        program.wait()
        os.close(controller)
