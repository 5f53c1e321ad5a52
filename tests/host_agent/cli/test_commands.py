import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from host_agent.cli import spanweave
from host_agent.cli.agent import overrides

COMMAND = [sys.executable, "-m", "host_agent"]


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(spanweave, arguments, prog_name="spanweave")
    return result.exit_code, result.output


def test_help_lists_the_commands_and_shows_examples() -> None:
    code, output = run("--help")
    assert code == 0
    for command in ("agent", "check", "completion", "traces", "tui"):
        assert re.search(rf"^  {command} +\S", output, re.MULTILINE)
    assert "Examples:" in output


@pytest.mark.parametrize("command", spanweave.list_commands(None))  # type: ignore[arg-type]
def test_each_command_has_help_with_examples(command: str) -> None:
    code, output = run(command, "--help")
    assert code == 0
    assert "Examples:" in output


def test_an_unknown_command_is_told() -> None:
    code, output = run("agnet")
    assert code == 2
    assert "No such command 'agnet'" in output


def test_a_command_whose_packages_are_missing_says_which_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "host_agent.cli.tui", None)
    code, output = run("tui")
    assert code == 1
    assert "pip install 'spanweave[tui]'" in output


def test_without_click_the_script_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("raise ModuleNotFoundError('no click', name='click')")
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    done = subprocess.run(COMMAND, capture_output=True, text=True, env=environment, timeout=60)
    assert done.returncode == 1
    assert done.stderr.strip() == (
        "spanweave: the command line is not installed; run: pip install 'spanweave[agent]'"
    )


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts_name_the_command(shell: str) -> None:
    code, output = run("completion", shell)
    assert code == 0
    assert "_SPANWEAVE_COMPLETE" in output


def test_check_tells_mistakes_with_their_lines(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text("http: {port: 1}")
    bad.write_text("http:\n  prot: 1\n")
    assert run("check", str(good)) == (0, f"{good}: good\n")
    code, output = run("check", str(bad))
    assert code == 2
    assert output == f"spanweave: {bad}:2: http.prot: unknown key; did you mean port?\n"


def test_check_prints_the_schema_for_editors() -> None:
    code, output = run("check", "--schema")
    assert code == 0
    assert {"http", "pipeline", "destinations"} <= set(json.loads(output)["properties"])
    assert run("check")[0] == 2


def test_options_change_what_they_name() -> None:
    changes = overrides(
        {"host": "::1", "http_port": 0, "data_dir": None, "fsync": "always", "allow_origin": ("https://a.b",)}
    )
    assert changes == {
        ("http", "port"): 0,
        ("intake", "fsync"): "always",
        ("http", "host"): "::1",
        ("grpc", "host"): "::1",
        ("api", "host"): "::1",
        ("http", "cors", "allowed_origins"): ["https://a.b"],
    }


def agent(folder: Path, *options: str) -> subprocess.Popen[str]:
    ports = ["--http-port", "0", "--grpc-port", "0", "--api-port", "0"]
    return subprocess.Popen(
        [*COMMAND, "agent", *ports, "--data-dir", str(folder), *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_says_where_it_listens_and_ctrl_c_ends_it_well(tmp_path: Path, number: int) -> None:
    process = agent(tmp_path)
    assert process.stdout is not None
    listening = [process.stdout.readline() for _ in range(4)]
    assert re.match(r"listening OTLP/HTTP http://127\.0\.0\.1:\d+", listening[0])
    assert re.match(r"listening OTLP/gRPC 127\.0\.0\.1:\d+", listening[1])
    assert re.match(r"listening API       http://127\.0\.0\.1:\d+", listening[2])
    process.send_signal(number)
    output, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")
    assert output.startswith("stopping:")


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
def test_a_client_in_the_middle_of_a_request_does_not_hold_the_end_up(tmp_path: Path) -> None:
    process = agent(tmp_path)
    assert process.stdout is not None
    address = process.stdout.readline().split()[2].removeprefix("http://")
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), timeout=30) as client:
        head = b"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
        client.sendall(head + b"expect: 100-continue\r\ncontent-length: 99\r\n\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 100 ")
        for _ in range(3):
            process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        answer = b"".join(iter(lambda: client.recv(65536), b""))
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (0, "")
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"send again" in answer


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--http-port", "TAKEN"], "http: cannot listen on 127.0.0.1:TAKEN: the port is in use"),
        (["--http-port", "70000"], "configuration: http.port: 70000 is no port"),
        (["--host", "0.0.0.0"], "reachable from other machines"),
        (["--config", "nowhere.yaml"], "nowhere.yaml: cannot be read"),
        (["--data-dir", "/proc/nothing"], "/proc/nothing"),
    ],
)
def test_what_cannot_be_is_told_in_one_line_each_and_exits_2(
    tmp_path: Path, options: list[str], message: str
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        process = agent(tmp_path, *[option.replace("TAKEN", port) for option in options])
        output, errors = process.communicate(timeout=60)
    assert process.returncode == 2
    assert output == ""
    assert message.replace("TAKEN", port) in errors
    assert all(line.startswith("spanweave: ") for line in errors.splitlines())
