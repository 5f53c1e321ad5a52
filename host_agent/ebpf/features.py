"""What this kernel and these privileges allow, found by trying each thing once."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from host_agent.ebpf import privileges
from host_agent.ebpf.errors import EbpfError
from host_agent.ebpf.helper_client import HelperClient
from host_agent.ebpf.machine import syscall_names
from host_agent.ebpf.processes import cgroup_root

_OBJECTS = {
    "dispatch": "system calls enter and leave (needed by all of the next)",
    "process": "children, commands and cgroups are followed",
    "syscalls": "system calls",
    "network": "connections, HTTP, PostgreSQL, Redis, DNS",
    "files": "files",
    "memory": "memory",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was tried.

    Attributes:
        advice: what to do when it does not work, empty when nothing helps.
    """

    name: str
    works: bool
    detail: str
    advice: str = ""


def examine() -> list[Finding]:
    """Tries everything; loads and unloads programs where it may, attaches nothing that lasts."""
    return [*_host(), *_programs()]


def _host() -> Iterator[Finding]:
    linux = sys.platform.startswith("linux")
    yield Finding("kernel", linux, f"{platform.system()} {platform.release()} {platform.machine()}")
    if not linux:
        return
    yield Finding("system call table", bool(syscall_names()), f"{len(syscall_names())} calls known by name")
    types = Path("/sys/kernel/btf/vmlinux").exists()
    yield Finding(
        "kernel types (BTF)",
        types,
        "/sys/kernel/btf/vmlinux" if types else "missing",
        "use a kernel built with CONFIG_DEBUG_INFO_BTF (Debian, Ubuntu, Fedora and others ship it)",
    )
    lacking = privileges.missing()
    yield Finding(
        "privileges",
        not lacking,
        "CAP_BPF and CAP_PERFMON" if not lacking else f"{' and '.join(lacking)} missing",
        "run as root, or start the helper with these two capabilities (docs/kernel-permissions.md)",
    )
    root = cgroup_root()
    yield Finding(
        "cgroup targets",
        root is not None,
        str(root) if root else "no cgroup2 hierarchy is mounted",
        "boot with systemd.unified_cgroup_hierarchy=1, or name processes instead",
    )
    compiler = shutil.which("clang")
    yield Finding(
        "compiler", compiler is not None, compiler or "none: not needed, the objects are shipped", ""
    )


def _programs() -> Iterator[Finding]:
    try:
        helper = HelperClient.start()
    except EbpfError as error:
        yield Finding("helper", False, str(error), "see privileges")
        return
    try:
        for name, gives in _OBJECTS.items():
            refused = helper.ask("load", objects=[name], sizes={}, settings={})["refused"]
            if name in refused:
                yield Finding(gives, False, refused[name], "")
                continue
            unhooked = helper.ask("attach", objects=[name])["refused"]
            detail = "; ".join(f"without {p}: {why}" for p, why in unhooked.items()) or "loads and attaches"
            yield Finding(gives, True, detail)
        yield from _functions(helper)
    finally:
        helper.close()


def _functions(helper: HelperClient) -> Iterator[Finding]:
    from host_agent.ebpf.functions import find_functions

    try:
        path, functions = find_functions("libc:getpid")
        answer = helper.ask(
            "functions",
            path=str(path),
            offsets=[f.offset for f in functions],
            cookies=[1024] * len(functions),
            pid=os.getpid(),
            program="function",
        )
        helper.ask("unlink", link=answer["link"])
        yield Finding("user functions", True, f"by {answer['mechanism']}")
    except EbpfError as error:
        yield Finding("user functions", False, str(error), "uprobe.multi needs Linux 6.6 or newer")
    try:
        answer = helper.ask("kernel_function", name="vfs_fsync", cookie=1024)
        helper.ask("unlink", link=answer["link"])
        yield Finding("kernel functions", True, f"by {answer['mechanism']}")
    except EbpfError as error:
        yield Finding(
            "kernel functions", False, str(error), "tracepoints still work: --functions kernel:TRACEPOINT"
        )
