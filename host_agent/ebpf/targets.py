"""Whom the probes concern: processes, commands, cgroups and containers, changed while everything runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from host_agent.ebpf.elf import Elf
from host_agent.ebpf.errors import EbpfError, ProbeRefused
from host_agent.ebpf.layout import TargetFlag
from host_agent.ebpf.processes import cgroup_root

_Ask = Callable[..., dict[str, Any]]


class Targets:
    """What the user named; sent to the helper once it runs.

    Args:
        ask: sends a request to the helper.
    """

    def __init__(self, ask: _Ask) -> None:
        self._ask = ask
        self._wanted: list[tuple[str, Any, int]] = []
        self._started = False

    def add(
        self,
        *,
        pid: int | None,
        command: str | None,
        cgroup: str | None,
        container: str | None,
        follow: bool,
    ) -> None:
        """Adds one target; see `EbpfTracer.add_target`."""
        given = [value for value in (pid, command, cgroup, container) if value is not None]
        if len(given) != 1:
            raise ValueError("name exactly one of pid, command, cgroup, container")
        flags = int(TargetFlag.FOLLOW) if follow else 0
        if pid is not None:
            if not Path(f"/proc/{pid}").exists():
                raise EbpfError(f"there is no process {pid}")
            entry: tuple[str, Any, int] = ("pid", pid, flags)
        elif command is not None:
            entry = ("command", command, flags)
        else:
            path = _cgroup_directory(cgroup) if cgroup is not None else _container_directory(str(container))
            entry = ("cgroup", path, flags)
        self._wanted.append(entry)
        if self._started:
            self._apply(*entry)

    def remove(self, *, pid: int | None, command: str | None, cgroup: str | None) -> None:
        """Takes a target out; what already descends from it stays until it ends."""
        if pid is not None:
            self._wanted = [w for w in self._wanted if w[:2] != ("pid", pid)]
            self._ask("release", tgid=pid)
        if command is not None:
            self._wanted = [w for w in self._wanted if w[:2] != ("command", command)]
            self._ask("unwatch", command=command, cgroup=None)
            for running in _running(command):
                self._ask("release", tgid=running)
        if cgroup is not None:
            path = _cgroup_directory(cgroup)
            self._wanted = [w for w in self._wanted if w[:2] != ("cgroup", path)]
            self._ask("unwatch", command=None, cgroup=path.stat().st_ino)
            for running in _members(path):
                self._ask("release", tgid=running)

    def begin(self) -> None:
        """The helper is there: sends everything that was added before."""
        self._started = True
        for entry in self._wanted:
            self._apply(*entry)

    def _apply(self, kind: str, value: Any, flags: int) -> None:
        if kind == "pid":
            self._target(value, flags)
        elif kind == "command":  # watch first: one that starts meanwhile is not missed
            self._ask("watch", command=value, cgroup=None, flags=flags)
            for pid in _running(value):
                self._target(pid, flags)
        else:
            for directory in (value, *(d for d in value.rglob("*") if d.is_dir())):
                self._ask("watch", command=None, cgroup=directory.stat().st_ino, flags=flags)
            for pid in _members(value):
                self._target(pid, flags)

    def _target(self, pid: int, flags: int) -> None:
        self._ask("target", tgid=pid, flags=flags | (TargetFlag.MULTIPLEXED if _schedules_itself(pid) else 0))


def _schedules_itself(pid: int) -> bool:
    """A Go program moves its goroutines between threads: a thread proves nothing."""
    try:
        return Elf.open(Path(f"/proc/{pid}/exe")).is_go
    except ProbeRefused:
        return False


def _running(command: str) -> Iterator[int]:
    """Processes whose name begins with the first 15 bytes of `command` (all that the kernel keeps)."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            name = (entry / "comm").read_text(encoding="utf-8", errors="replace").rstrip("\n")
        except OSError:
            continue
        if name == command[:15]:
            yield int(entry.name)


def _members(directory: Path) -> Iterator[int]:
    """Processes of a cgroup and those below it."""
    for file in (directory / "cgroup.procs", *directory.rglob("cgroup.procs")):
        try:
            yield from (int(line) for line in file.read_text(encoding="ascii").split())
        except OSError:
            continue


def _cgroup_directory(path: str) -> Path:
    root = cgroup_root()
    if root is None:
        raise EbpfError("no unified cgroup hierarchy (cgroup2) is mounted")
    directory = Path(path) if path.startswith(str(root)) else root / path.lstrip("/")
    if not (directory / "cgroup.procs").exists():
        raise EbpfError(f"there is no cgroup {path} below {root}")
    return directory


def _container_directory(container: str) -> Path:
    root = cgroup_root()
    if root is None:
        raise EbpfError("no unified cgroup hierarchy (cgroup2) is mounted")
    found = [d for d in root.rglob("*") if d.is_dir() and container in d.name]
    if not found:
        raise EbpfError(f"no cgroup names a container {container}")
    return min(found, key=lambda d: len(d.parts))
