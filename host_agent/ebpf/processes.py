"""What is known of the processes that events come from: names, containers, and a span for each."""

from __future__ import annotations

import os
import re
import secrets
import socket
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from wasm_sdk.otlp.spans import encode_resource

MOST_GONE = 1024
_CONTAINER = re.compile(r"([0-9a-f]{64})|([0-9a-f]{8}-[0-9a-f-]{27,})")


@dataclass(slots=True)
class Process:
    """A process that is or was a target; its span roots what no request claims."""

    pid: int
    command: str
    started_ns: int
    trace_id: bytes
    parent_span_id: bytes = b""
    span_id: bytes = field(default_factory=lambda: secrets.token_bytes(8))
    executable: str = ""
    ended_ns: int = 0
    exit_code: int | None = None
    _encoded: tuple[tuple[str, str], bytes] = (("", ""), b"")

    @property
    def name(self) -> str:
        return Path(self.executable).name if self.executable else self.command

    def resource(self) -> dict[str, Any]:
        """The attributes of its resource."""
        found = {
            "service.name": self.name,
            "host.name": host_name(),
            "os.type": "linux",
            "process.pid": self.pid,
            "process.command": self.command,
        }
        return found | ({"process.executable.path": self.executable} if self.executable else {})

    def encoded_resource(self) -> bytes:
        """The same as a Resource message; kept until it becomes another program."""
        program = (self.command, self.executable)
        if self._encoded[0] != program:
            self._encoded = (program, encode_resource(self.resource()))
        return self._encoded[1]


@cache
def container_id(cgroup: int) -> str:
    """The container (by its runtime's id) of a cgroup, empty when it is none."""
    match = _CONTAINER.search(cgroup_path(cgroup))
    return match.group(0) if match else ""


@cache
def cgroup_path(cgroup: int) -> str:
    """The path of a cgroup below its root, by the id that the kernel tells (the directory's inode)."""
    if cgroup <= 1:
        return "/"
    root = cgroup_root()
    if root is None:
        return ""
    for directory, _, _ in os.walk(root):
        try:
            if Path(directory).stat().st_ino == cgroup:
                return "/" + str(Path(directory).relative_to(root))
        except OSError:
            continue
    return ""


@cache
def cgroup_root() -> Path | None:
    """Where the unified hierarchy is mounted."""
    try:
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
    except OSError:
        return None
    return next((Path(m.split()[1]) for m in mounts if m.split()[2] == "cgroup2"), None)


@cache
def host_name() -> str:
    return socket.gethostname()


class Processes:
    """All processes seen, by pid; a pid that is used again becomes a new process."""

    def __init__(self) -> None:
        self._known: dict[int, Process] = {}
        self._gone: dict[int, Process] = {}
        self.ended: list[Process] = []

    def get(self, pid: int, now_ns: int) -> Process:
        """The process, looked up in /proc when it is new."""
        known = self._known.get(pid) or self._gone.get(pid)
        if known is None:
            known = Process(pid, _command(pid), now_ns, secrets.token_bytes(16), executable=_executable(pid))
            self._known[pid] = known
        return known

    def forked(
        self,
        pid: int,
        parent: int,
        command: str,
        at_ns: int,
        trace_id: bytes = b"",
        parent_span_id: bytes = b"",
    ) -> Process:
        """A child of a target: of the request that its parent was serving, else of its parent."""
        above = self.get(parent, at_ns)
        child = Process(
            pid, command, at_ns, trace_id or above.trace_id, parent_span_id if trace_id else above.span_id
        )
        child.executable = above.executable
        self._known[pid] = child
        self._gone.pop(pid, None)
        return child

    def executed(self, pid: int, command: str, at_ns: int) -> Process:
        process = self.get(pid, at_ns)
        process.command = command
        process.executable = _executable(pid)
        return process

    def exited(self, pid: int, at_ns: int, code: int) -> None:
        process = self._known.pop(pid, None)
        if process is not None:
            process.ended_ns = at_ns
            process.exit_code = code
            self.ended.append(process)
            self._gone[pid] = process  # its last events may come from the other ring
            if len(self._gone) > MOST_GONE:
                del self._gone[next(iter(self._gone))]

    def finish_all(self, at_ns: int) -> None:
        """Ends the spans of those that still run: the tracer stops."""
        for process in self._known.values():
            process.ended_ns = at_ns
            self.ended.append(process)
        self._known.clear()


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return str(pid)


def _executable(pid: int) -> str:
    try:
        return str(Path(f"/proc/{pid}/exe").readlink())
    except OSError:
        return ""
