"""The privileged process: loads and attaches programs, changes their maps, and passes the rings' descriptors.

It keeps CAP_BPF and CAP_PERFMON, takes requests
from one agent only, and ends with it: every program is detached when the process is gone, however it ends.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import socket
import struct
from base64 import b64encode
from pathlib import Path
from typing import Any

from host_agent.ebpf import layout, privileges
from host_agent.ebpf.channel import Channel
from host_agent.ebpf.errors import EbpfError
from host_agent.ebpf.function_links import FunctionLinks
from host_agent.ebpf.maps import possible_cpus
from host_agent.ebpf.programs import Programs, explain

_RINGS = ("events", "messages")
_U32, _U64 = struct.Struct("=I"), struct.Struct("=Q")


class Helper:
    """The requests an agent may make; each method named ``do_...`` is one."""

    def __init__(self) -> None:
        self._programs = Programs()
        self._functions = FunctionLinks(self._programs)

    def do_load(
        self, objects: list[str], sizes: dict[str, int], settings: dict[str, str]
    ) -> tuple[dict[str, Any], list[int]]:
        """Loads objects; the first call also says how large the maps are. Answers refusals by object."""
        constants = {name: bytes.fromhex(value) for name, value in settings.items()}
        if not self._programs.loaded:
            self._programs = Programs(sizes, constants)
            self._functions = FunctionLinks(self._programs)
        refused: dict[str, str] = {}
        for name in objects:
            if name in self._programs.loaded:
                continue
            try:
                self._programs.load(name, constants)
            except (OSError, EbpfError) as error:
                refused[name] = explain(error) if isinstance(error, OSError) else str(error)
        return {"refused": refused, "loaded": self._programs.loaded}, []

    def do_settings(self, settings: dict[str, str]) -> tuple[dict[str, Any], list[int]]:
        """Constants for objects that are loaded when they are first needed."""
        self._programs.set({name: bytes.fromhex(value) for name, value in settings.items()})
        return {}, []

    def do_rings(self) -> tuple[dict[str, Any], list[int]]:
        return {"rings": list(_RINGS)}, [self._programs.map_fd(name) for name in _RINGS]

    def do_attach(self, objects: list[str]) -> tuple[dict[str, Any], list[int]]:
        """Attaches loaded objects; answers refusals by program."""
        refused: dict[str, str] = {}
        for name in objects:
            refused |= self._programs.attach(name)
        return {"refused": refused}, []

    def do_detach(self, objects: list[str]) -> tuple[dict[str, Any], list[int]]:
        for name in objects:
            self._programs.detach(name)
        return {}, []

    def do_probes(self, probes: dict[str, list[int]]) -> tuple[dict[str, Any], list[int]]:
        table = self._programs.map("probes")
        for number, fields in probes.items():
            table[_U32.pack(int(number))] = layout.PROBE_STRUCT.pack(*fields)
        return {}, []

    def do_target(self, tgid: int, flags: int) -> tuple[dict[str, Any], list[int]]:
        self._programs.map("targets")[_U32.pack(tgid)] = layout.TARGET_STRUCT.pack(flags, tgid)
        return {}, []

    def do_release(self, tgid: int) -> tuple[dict[str, Any], list[int]]:
        try:
            del self._programs.map("targets")[_U32.pack(tgid)]
        except KeyError:
            return {"found": False}, []
        return {"found": True}, []

    def do_targets(self) -> tuple[dict[str, Any], list[int]]:
        table = self._programs.map("targets")
        found = {}
        for key in table:
            try:
                found[str(_U32.unpack(key)[0])] = list(layout.TARGET_STRUCT.unpack(table[key]))
            except KeyError:
                continue
        return {"targets": found}, []

    def do_watch(
        self, command: str | None, cgroup: int | None, flags: int
    ) -> tuple[dict[str, Any], list[int]]:
        value = layout.TARGET_STRUCT.pack(flags, 0)
        if command is not None:
            self._programs.map("watched_commands")[command.encode()[:15].ljust(16, b"\0")] = value
        if cgroup is not None:
            self._programs.map("watched_cgroups")[struct.pack("=Q", cgroup)] = value
        return {}, []

    def do_unwatch(self, command: str | None, cgroup: int | None) -> tuple[dict[str, Any], list[int]]:
        try:
            if command is not None:
                del self._programs.map("watched_commands")[command.encode()[:15].ljust(16, b"\0")]
            if cgroup is not None:
                del self._programs.map("watched_cgroups")[struct.pack("=Q", cgroup)]
        except KeyError:
            return {"found": False}, []
        return {"found": True}, []

    def do_functions(
        self, path: str, offsets: list[int], cookies: list[int], pid: int, program: str
    ) -> tuple[dict[str, Any], list[int]]:
        """Attaches uprobes; answers the link's number and the mechanism that held."""
        number, mechanism = self._functions.attach(path, offsets, cookies, pid, program)
        return {"link": number, "mechanism": mechanism}, []

    def do_static_probe(
        self,
        path: str,
        offsets: list[int],
        semaphores: list[int],
        arguments: list[str],
        cookies: list[int],
        pid: int,
    ) -> tuple[dict[str, Any], list[int]]:
        places = [bytes.fromhex(text) for text in arguments]
        number, mechanism = self._functions.attach_static(path, offsets, semaphores, places, cookies, pid)
        return {"link": number, "mechanism": mechanism}, []

    def do_kernel_function(self, name: str, cookie: int) -> tuple[dict[str, Any], list[int]]:
        number, mechanism = self._functions.attach_kernel(name, cookie)
        return {"link": number, "mechanism": mechanism}, []

    def do_unlink(self, link: int) -> tuple[dict[str, Any], list[int]]:
        self._functions.detach(link)
        return {}, []

    def do_counters(self) -> tuple[dict[str, Any], list[int]]:
        table = self._programs.map("counters")
        totals = {
            c.name.lower(): sum(value for (value,) in _U64.iter_unpack(table[_U32.pack(c)]))
            for c in layout.Counter
        }
        return {"counters": totals}, []

    def do_histograms(self) -> tuple[dict[str, Any], list[int]]:
        table = self._programs.map("histograms")
        cpus = possible_cpus()
        merged = {}
        for key in table:
            size = layout.HISTOGRAM_STRUCT.size
            per_cpu = list(layout.HISTOGRAM_STRUCT.iter_unpack(table[key][: size * cpus]))
            columns = list(zip(*per_cpu, strict=True))
            merged[str(_U32.unpack(key)[0])] = {
                "count": sum(columns[0]),
                "sum": sum(columns[1]),
                "zero": sum(columns[2]),
                "max": max(columns[3]),
                "buckets": [sum(column) for column in columns[4:]],
            }
        return {"histograms": merged}, []

    def do_map(self, name: str) -> tuple[dict[str, Any], list[int]]:
        """The entries of a small map of counts, as base64."""
        table = self._programs.map(name)
        entries = []
        for key in table:
            try:
                entries.append([b64encode(key).decode(), b64encode(table[key]).decode()])
            except KeyError:
                continue
        return {"entries": entries}, []

    def do_stacks(self, ids: list[int]) -> tuple[dict[str, Any], list[int]]:
        table = self._programs.map("stacks")
        found = {}
        for number in ids:
            try:
                raw = table[_U32.pack(number)]
            except KeyError:
                continue
            found[str(number)] = [address for (address,) in _U64.iter_unpack(raw) if address]
        return {"stacks": found}, []

    def close(self) -> None:
        self._functions.close()
        self._programs.close()


def serve(channel: Channel) -> None:
    """Answers until the agent is gone, then detaches everything."""
    helper = Helper()
    try:
        while True:
            try:
                request, files = channel.receive()
            except (EOFError, OSError):
                return
            operation = request.pop("do")
            if files:  # the agent has opened the file: its rights count, not ours
                request["path"] = f"/proc/self/fd/{files[0]}"
            try:
                answer, fds = getattr(helper, f"do_{operation}")(**request)
            except (EbpfError, OSError) as error:
                text = explain(error) if isinstance(error, OSError) else str(error)
                channel.send({"error": text, "kind": type(error).__name__})
            else:
                channel.send(answer, fds)
            finally:
                for fd in files:
                    os.close(fd)
    finally:
        helper.close()


def accept_one(path: Path, allowed_uid: int) -> socket.socket:
    """Listens at `path` for one agent that runs as `allowed_uid` (or as us)."""
    path.unlink(missing_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(str(path))
        path.chmod(0o660)
        os.chown(path, allowed_uid, -1)
        listener.listen(1)
        while True:
            connected, _ = listener.accept()
            credentials = connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
            _, uid, _ = struct.unpack("=iII", credentials)
            if uid in (allowed_uid, os.geteuid()):
                return connected
            logging.warning("refused user %d at %s", uid, path)
            connected.close()


def main() -> None:
    """``python -m host_agent.ebpf.helper --fd N`` (a child of the agent) or ``--socket PATH --uid UID``."""
    parser = argparse.ArgumentParser(description="Loads the kernel probes on behalf of one agent.")
    parser.add_argument("--fd", type=int, help="a connected socket, inherited")
    parser.add_argument("--socket", type=Path, help="listen here instead")
    parser.add_argument("--uid", type=int, default=os.getuid(), help="the agent's user at the socket")
    arguments = parser.parse_args()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if arguments.fd is not None:
        privileges.die_with_parent()
        connected = socket.socket(fileno=arguments.fd)
    elif arguments.socket:
        connected = accept_one(arguments.socket, arguments.uid)
    else:
        parser.error("--fd or --socket is needed")
    privileges.keep_only(privileges.CAP_BPF, privileges.CAP_PERFMON)
    serve(Channel(connected))


if __name__ == "__main__":
    main()
