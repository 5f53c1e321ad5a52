"""The agent's side of the helper: starts it, or finds one that is listening, and asks it."""

from __future__ import annotations

import contextlib
import os
import socket
import struct
import subprocess
import sys
from base64 import b64decode
from pathlib import Path
from typing import Any, Self

from host_agent.ebpf import privileges
from host_agent.ebpf.channel import Channel
from host_agent.ebpf.errors import EbpfError, EbpfUnavailable, HelperGone, ProbeRefused
from host_agent.ebpf.records import EVENT, MESSAGE, read_event, read_message
from host_agent.ebpf.ring import Ring


class HelperClient:
    """A running helper.

    Raises (from every request):
        HelperGone: the helper ended.
        ProbeRefused: the kernel, or a rule of ours, refused it; the text says why.
    """

    def __init__(self, channel: Channel, process: subprocess.Popen[bytes] | None) -> None:
        self._channel = channel
        self._process = process
        self._rings: dict[str, tuple[int, int]] = {}

    @classmethod
    def start(cls) -> Self:
        """Starts a helper of our own as a child.

        Raises:
            EbpfUnavailable: not Linux, or the privileges are missing.
        """
        if not sys.platform.startswith("linux"):
            raise EbpfUnavailable("kernel tracing needs Linux; everything else of spanweave runs here")
        lacking = privileges.missing()
        if lacking:
            raise EbpfUnavailable(
                f"{' and '.join(lacking)} missing: run as root, or start a helper that has them and "
                "name its socket (docs/kernel-permissions.md)"
            )
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-m", "host_agent.ebpf.helper", "--fd", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
            )
        return cls(Channel(ours), process)

    @classmethod
    def connect(cls, path: Path) -> Self:
        """Uses the helper that listens at `path`.

        Raises:
            EbpfUnavailable: nobody does, or not for this user.
        """
        connected = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connected.connect(str(path))
        except OSError as error:
            connected.close()
            raise EbpfUnavailable(f"no probe helper at {path}: {error.strerror}") from error
        return cls(Channel(connected), None)

    def ask(self, operation: str, **arguments: Any) -> dict[str, Any]:
        answer, fds = self._exchange(operation, arguments)
        for fd in fds:
            os.close(fd)
        return answer

    def _exchange(self, operation: str, arguments: dict[str, Any]) -> tuple[dict[str, Any], list[int]]:
        opened = []
        try:
            if "path" in arguments:  # handed over open: the helper need not be able to reach it
                opened.append(os.open(arguments["path"], os.O_RDONLY | os.O_CLOEXEC))
        except OSError as error:
            raise ProbeRefused(f"{arguments['path']}: {error.strerror}") from error
        try:
            self._channel.send({"do": operation, **arguments}, opened)
            answer, fds = self._channel.receive()
        except (EOFError, OSError) as error:
            raise HelperGone("the probe helper ended; its probes are detached") from error
        finally:
            for fd in opened:
                os.close(fd)
        if "error" in answer:
            raise ProbeRefused(answer["error"])
        return answer, fds

    def rings(self, events_bytes: int, messages_bytes: int) -> tuple[Ring, Ring]:
        """Maps the two rings; their descriptors live as long as this client."""
        _, fds = self._exchange("rings", {})
        if len(fds) != 2:
            raise EbpfError("the helper passed no rings")
        self._rings = {"events": (fds[0], events_bytes), "messages": (fds[1], messages_bytes)}
        return (
            Ring(fds[0], events_bytes, EVENT, read_event),
            Ring(fds[1], messages_bytes, MESSAGE, read_message),
        )

    @property
    def pid(self) -> int | None:
        """The helper's process, when it is our child."""
        return self._process.pid if self._process else None

    def close(self) -> None:
        """Ends the helper; returns when everything is detached."""
        self._channel.close()
        for fd, _ in self._rings.values():
            with contextlib.suppress(OSError):
                os.close(fd)
        self._rings = {}
        if self._process is not None:
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


def read_counts(helper: HelperClient, name: str) -> dict[int, int]:
    """A map from 32-bit keys to counters (the first word of each value)."""
    found = {}
    for key, value in helper.ask("map", name=name)["entries"]:
        (number,) = struct.unpack("=I", b64decode(key))
        (found[number],) = struct.unpack_from("=Q", b64decode(value))
    return found
