"""Attaching to functions: the best mechanism that this kernel takes, found by trying (in the helper)."""

from __future__ import annotations

import contextlib
import os
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from host_agent.ebpf import bpf_calls
from host_agent.ebpf.errors import ProbeRefused
from host_agent.ebpf.libbpf import BpfObject
from host_agent.ebpf.programs import Programs, explain

MOST_PERF_PROBES = 64
"""Perf uprobes take 100 ms each to detach: more of them are refused rather than waited for."""


@dataclass(slots=True)
class _Link:
    fds: list[int] = field(default_factory=list)
    objects: list[BpfObject] = field(default_factory=list)

    def close(self) -> None:
        for opened in self.objects:
            opened.close()
        self.objects.clear()
        for fd in self.fds:
            with contextlib.suppress(OSError):
                os.close(fd)
        self.fds.clear()


class FunctionLinks:
    """Links of uprobes and kernel function probes, by number."""

    def __init__(self, programs: Programs) -> None:
        self._programs = programs
        self._links: dict[int, _Link] = {}
        self._next = 1
        self._multi = False

    def attach(
        self, path: str, offsets: Sequence[int], cookies: Sequence[int], pid: int, program: str
    ) -> tuple[int, str]:
        """Attaches to functions of one file.

        Args:
            program: ``function``, or two programs (entry and return) as ``NAME+NAME``; either may be empty.

        Returns:
            The link's number, and the mechanism that held.

        Raises:
            ProbeRefused: no mechanism did; the text has every answer of the kernel.
        """
        refusals = []
        for mechanism, attempt in self._ways(program):
            try:
                link = attempt(path, offsets, cookies, pid)
            except OSError as error:
                refusals.append(f"{mechanism}: {explain(error)}")
                continue
            return self._keep(link), mechanism
        raise ProbeRefused(f"{path}: " + "; ".join(refusals))

    def _ways(self, program: str) -> list[tuple[str, Callable[..., _Link]]]:
        if program == "function":
            return [
                ("uprobe.session", self._session),
                (
                    "uprobe.multi",
                    lambda *a: self._pair(*a, entry="function_entered", back="function_returned"),
                ),
                (
                    "perf uprobe",
                    lambda *a: self._perf(*a, entry="function_entered", back="function_returned"),
                ),
            ]
        entry, _, back = program.partition("+")
        return [
            ("uprobe.multi", lambda *a: self._pair(*a, entry=entry, back=back)),
            ("perf uprobe", lambda *a: self._perf(*a, entry=entry, back=back)),
        ]

    def _keep(self, link: _Link) -> int:
        number = self._next
        self._next += 1
        self._links[number] = link
        return number

    def _session(self, path: str, offsets: Sequence[int], cookies: Sequence[int], pid: int) -> _Link:
        self._programs.need("sessions", {"function_session": bpf_calls.ATTACH_UPROBE_SESSION})
        fd = self._programs.program_fd("function_session")
        return _Link([bpf_calls.link_uprobes(fd, path, offsets, cookies=cookies, pid=pid, session=True)])

    def _pair(
        self, path: str, offsets: Sequence[int], cookies: Sequence[int], pid: int, *, entry: str, back: str
    ) -> _Link:
        self._programs.need_uprobes(entry, bpf_calls.ATTACH_UPROBE_MULTI)
        link = _Link()
        try:
            if back:  # first, so that no call is entered whose return goes unseen
                fd = self._programs.program_fd(back)
                link.fds.append(
                    bpf_calls.link_uprobes(fd, path, offsets, cookies=cookies, pid=pid, on_return=True)
                )
            if entry:
                fd = self._programs.program_fd(entry)
                link.fds.append(bpf_calls.link_uprobes(fd, path, offsets, cookies=cookies, pid=pid))
        except OSError:
            link.close()
            if not self._multi:  # it never worked here: the programs are needed for perf
                self._programs.give_up_uprobes(entry)
            raise
        self._multi = True
        return link

    def _perf(
        self, path: str, offsets: Sequence[int], cookies: Sequence[int], pid: int, *, entry: str, back: str
    ) -> _Link:
        if len(offsets) > MOST_PERF_PROBES:
            raise OSError(
                7, f"{len(offsets)} functions are too many without uprobe.multi (at most {MOST_PERF_PROBES})"
            )
        self._programs.need_uprobes(entry, 0)
        link = _Link()
        try:
            for program, on_return in ((back, True), (entry, False)):
                if not program:
                    continue
                fd = self._programs.program_fd(program)
                for offset, cookie in zip(offsets, cookies, strict=True):
                    link.fds += bpf_calls.perf_uprobe(
                        fd, path, offset, cookie=cookie, pid=pid or -1, on_return=on_return
                    )
        except OSError:
            link.close()
            raise
        return link

    def attach_static(
        self,
        path: str,
        offsets: Sequence[int],
        semaphores: Sequence[int],
        arguments: Sequence[bytes],
        cookies: Sequence[int],
        pid: int,
    ) -> tuple[int, str]:
        """Attaches to the places of a static probe (USDT).

        Raises:
            ProbeRefused: this kernel has no uprobe.multi, or refused it.
        """
        try:
            self._programs.need_uprobes("static_probe", bpf_calls.ATTACH_UPROBE_MULTI)
            table = self._programs.map("static_probes")
            for cookie, places in zip(cookies, arguments, strict=True):
                table[struct.pack("=I", cookie)] = places
            fd = bpf_calls.link_uprobes(
                self._programs.program_fd("static_probe"),
                path,
                offsets,
                cookies=cookies,
                pid=pid,
                semaphores=semaphores,
            )
        except OSError as error:
            raise ProbeRefused(f"{path}: uprobe.multi: {explain(error)}") from error
        return self._keep(_Link([fd])), "uprobe.multi"

    def attach_kernel(self, name: str, cookie: int) -> tuple[int, str]:
        """Attaches to a kernel function: by kprobe, else fentry, else the tracepoint of that name.

        Raises:
            ProbeRefused: none held; the text has every answer of the kernel.
        """
        refusals = []
        settings = {"kernel_probe_id": struct.pack("=I", cookie)}
        for mechanism in ("kprobe", "fentry", "tracepoint"):
            try:
                opened = self._programs.kernel_function(mechanism, name, settings)
            except OSError as error:
                refusals.append(f"{mechanism}: {explain(error)}")
                continue
            return self._keep(_Link(objects=[opened])), mechanism
        raise ProbeRefused(f"{name}: " + "; ".join(refusals))

    def detach(self, number: int) -> None:
        """Takes one link off; unknown numbers are ignored."""
        link = self._links.pop(number, None)
        if link:
            link.close()

    def close(self) -> None:
        for link in self._links.values():
            link.close()
        self._links.clear()
