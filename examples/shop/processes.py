"""The demo's processes: the agent and the shop, each on its usual port, or on a free one."""

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType

RUN = Path("build/run")
START_TIMEOUT = 30.0  # seconds


class DemoError(Exception):
    """Something that the demo needs is not there; the message says what, and where to look."""


def free_port(usual: int) -> int:
    """`usual` where nobody listens on it, else a port that the system gives."""
    for port in (usual, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise DemoError("no free port on 127.0.0.1")


class Process:
    """A child whose output goes to a log file, ended with us."""

    def __init__(self, name: str, command: list[str], ready: str, log: Path) -> None:
        self.name = name
        self.ready = ready
        self.log = log
        with self.log.open("wb") as out:
            self.child = subprocess.Popen(
                [sys.executable, *command], stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT
            )

    def wait_until_ready(self) -> None:
        """Returns when `ready` answers.

        Raises:
            DemoError: the process ended, or did not answer within `START_TIMEOUT` seconds.
        """
        give_up = time.monotonic() + START_TIMEOUT
        while time.monotonic() < give_up:
            if self.child.poll() is not None:
                raise DemoError(f"{self.name} ended with {self.child.returncode}:\n{self.tail()}")
            try:
                with urllib.request.urlopen(self.ready, timeout=2):
                    return
            except urllib.error.HTTPError:
                return
            except OSError:
                time.sleep(0.1)
        raise DemoError(
            f"{self.name} does not answer at {self.ready}; its output is in {self.log}:\n{self.tail()}"
        )

    def tail(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])

    def stop(self) -> int:
        """Asks the process to end, waits for it, and returns its exit code."""
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(15)
            except subprocess.TimeoutExpired:
                self.child.kill()
        return self.child.wait()


class Demo:
    """The agent and the shop, running; a context manager. Data and logs go to `folder`."""

    def __init__(self, folder: Path = RUN) -> None:
        self.folder = folder
        self.http_port, self.grpc_port, self.api_port = free_port(4318), free_port(4317), free_port(4319)
        self.shop_port = free_port(8080)
        self.agent_url = f"http://127.0.0.1:{self.http_port}"
        self.api_url = f"http://127.0.0.1:{self.api_port}"
        self.shop_url = f"http://127.0.0.1:{self.shop_port}"
        self.processes: list[Process] = []

    def __enter__(self) -> "Demo":
        try:
            self._start()
        except BaseException:
            self._stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _start(self) -> None:
        self.start_agent()
        database = self.folder / "shop.sqlite"
        database.unlink(missing_ok=True)
        shop = ["--port", str(self.shop_port), "--agent", self.agent_url, "--database", str(database)]
        self._run("shop", f"{self.shop_url}/healthz", "examples.shop.service", *shop)

    def start_agent(self, more: str = "") -> None:
        """Starts the agent; `more` is added to its configuration (YAML)."""
        self.folder.mkdir(parents=True, exist_ok=True)
        config = self.folder / "agent.yaml"
        config.write_text(
            f"http: {{port: {self.http_port}}}\ngrpc: {{port: {self.grpc_port}}}\n"
            f"api: {{port: {self.api_port}}}\ndata_dir: {(self.folder / 'data').absolute().as_posix()!r}\n"
            + more
        )
        self._run("agent", f"{self.api_url}/healthz", "host_agent", "agent", "--config", str(config))

    def _run(self, name: str, ready: str, module: str, *arguments: str) -> None:
        process = Process(name, ["-m", module, *arguments], ready, self.folder / f"{name}.log")
        self.processes.append(process)
        process.wait_until_ready()

    def _stop(self) -> None:
        for process in reversed(self.processes):
            process.stop()
