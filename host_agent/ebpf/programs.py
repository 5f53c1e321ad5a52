"""Objects that share their maps, loaded one after the other: one that fails harms no other."""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import struct
from collections.abc import Mapping
from importlib.resources import files

from host_agent.ebpf import layout
from host_agent.ebpf.elf import Elf
from host_agent.ebpf.libbpf import BpfObject, LoadFailed
from host_agent.ebpf.machine import constants
from host_agent.ebpf.maps import Map, possible_cpus

# Object → the slots of the stage array (bpf/stages.h) that its programs fill.
STAGES = {
    "network": {"network_stage": 0, "network_entered": 3},
    "files": {"file_stage": 1},
    "syscalls": {"syscall_stage": 2},
}
# Objects of uprobes; all of an object's programs are attached by one mechanism.
UPROBE_OBJECTS = {
    "functions": ("function_entered", "function_returned", "static_probe"),
    "tls": ("tls_entered", "tls_returned"),
    "allocations": ("allocation_entered", "allocation_returned", "release_entered"),
}
_SHARED = {
    "targets": (4, layout.TARGET_STRUCT.size),
    "threads": (4, 0),
    "probes": (4, layout.PROBE_STRUCT.size),
    "events": (0, 0),
    "messages": (0, 0),
    "counters": (4, 8),
    "histograms": (4, layout.HISTOGRAM_STRUCT.size),
    "stacks": (4, 512),
    "stages": (4, 4),
    "connections": (8, 0),
    "heads": (8, 0),
    "scratch": (4, 0),
    "wire": (40, 0),
    "carried": (32, 0),
    "watched_commands": (16, layout.TARGET_STRUCT.size),
    "watched_cgroups": (8, layout.TARGET_STRUCT.size),
    "memory": (4, 16),
    "calls": (16, 0),
    "static_probes": (4, 96),
    "drops": (4, 8),
    "allocations": (16, 24),
}
_PER_CPU = {"counters", "histograms"}


def explain(error: OSError) -> str:
    """Why the kernel refused, for people."""
    if isinstance(error, LoadFailed):
        said = [line for line in error.log if line and not line.startswith("processed")]
        hint = next((line for line in said if "failed" in line or "invalid" in line or "BTF" in line), "")
        return f"{errno.errorcode.get(error.errno or 0, '?')}: {hint or error.strerror}"
    if error.errno == errno.EPERM:
        return "EPERM: CAP_BPF and CAP_PERFMON are needed, or this kernel forbids it"
    if error.errno == errno.ENOENT:
        return "ENOENT: this kernel has no such hook"
    return str(error)


def _uprobe_object(program: str) -> str:
    return next(o for o, programs in UPROBE_OBJECTS.items() if program in programs)


class Programs:
    """The objects that are loaded, and the maps they share.

    Args:
        sizes: entries (bytes for rings) by map name, in place of those in the objects.
        settings: values of constants for the objects that are loaded when they are needed.
    """

    def __init__(
        self, sizes: Mapping[str, int] | None = None, settings: Mapping[str, bytes] | None = None
    ) -> None:
        self._sizes = dict(sizes or {})
        self._settings = dict(settings or {})
        self._objects: dict[str, BpfObject] = {}
        self._shared: dict[str, int] = {}
        self._uprobe_types: dict[str, int] = {}
        self._hooked: set[str] = set()
        with contextlib.suppress(OSError, ValueError):  # before 5.11 maps count as locked memory
            resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))

    def load(
        self,
        name: str,
        settings: Mapping[str, bytes] | None = None,
        attach_types: Mapping[str, int] | None = None,
    ) -> None:
        """Loads one object without attaching it.

        Args:
            name: the object's file name without ``.bpf.o``.
            settings: values of its constants by name; names that it lacks are ignored.
            attach_types: what the kernel is told its programs are for, by program.

        Raises:
            LoadFailed: the kernel refused it.
        """
        opened = self._open(name, settings or {})
        try:
            handles = opened.maps()
            for program, attach_type in (attach_types or {}).items():
                opened.expect_attach_type(opened.programs()[program], attach_type)
            opened.load()
        except OSError:
            opened.close()
            raise
        for map_name in handles:
            if map_name in _SHARED:
                self._shared.setdefault(map_name, opened.map_fd(map_name))
        self._objects[name] = opened
        for program, slot in STAGES.get(name, {}).items():
            self.map("stages")[struct.pack("=I", slot)] = struct.pack("=I", opened.program_fd(program))

    def _open(self, name: str, settings: Mapping[str, bytes]) -> BpfObject:
        image = files("bpf").joinpath(f"{name}.bpf.o").read_bytes()
        opened = BpfObject(image)
        try:
            for map_name, handle in opened.maps().items():
                if map_name in self._shared:
                    opened.reuse(handle, self._shared[map_name])
                elif map_name in self._sizes:
                    opened.resize(handle, self._sizes[map_name])
            self._write_constants(opened, image, constants() | dict(settings))
        except OSError:
            opened.close()
            raise
        return opened

    @staticmethod
    def _write_constants(opened: BpfObject, image: bytes, settings: Mapping[str, bytes]) -> None:
        elf = Elf(image)
        index = next((i for i, s in enumerate(elf.sections) if s.name == ".rodata"), None)
        for symbol in elf.symbols:
            if symbol.section == index and symbol.name in settings:
                opened.write_constant(symbol.address, settings[symbol.name])

    def attach(self, name: str) -> dict[str, str]:
        """Attaches the programs of an object that name their hook; returns what was refused, by program."""
        refused: dict[str, str] = {}
        if name not in self._objects or name in self._hooked:
            return refused
        self._hooked.add(name)
        opened = self._objects[name]
        staged = STAGES.get(name, {})
        for program, handle in opened.programs().items():
            if program in staged or not opened.section(handle).startswith(
                ("raw_tp", "tp_btf", "fentry", "kprobe")
            ):
                continue
            try:
                opened.attach(program)
            except OSError as error:
                refused[program] = explain(error)
        return refused

    def detach(self, name: str) -> None:
        """Takes an object off its hooks and frees it; its maps stay while others use them."""
        opened = self._objects.pop(name, None)
        if opened is None:
            return
        self._hooked.discard(name)
        for slot in STAGES.get(name, {}).values():
            with contextlib.suppress(KeyError):
                del self.map("stages")[struct.pack("=I", slot)]
        kept = {n: os.dup(fd) for n, fd in self._shared.items() if n in opened.maps()}
        opened.close()
        self._shared.update(kept)

    def set(self, settings: Mapping[str, bytes]) -> None:
        """Adds values of constants for the objects that are loaded later."""
        self._settings |= settings

    def need(self, name: str, attach_types: Mapping[str, int]) -> None:
        """Loads an object unless it is there."""
        if name not in self._objects:
            self.load(name, self._settings, attach_types)

    def need_uprobes(self, program: str, attach_type: int) -> None:
        """Loads the object that holds a uprobe program, for uprobe.multi or for perf."""
        name = _uprobe_object(program)
        if self._uprobe_types.get(name) not in (None, attach_type):
            raise OSError(errno.EBUSY, f"{name} is loaded for another mechanism")
        if name not in self._objects:
            self.load(name, self._settings, dict.fromkeys(UPROBE_OBJECTS[name], attach_type))
            self._uprobe_types[name] = attach_type

    def give_up_uprobes(self, program: str) -> None:
        """Unloads what `need_uprobes` loaded, since the mechanism did not hold; another may be tried."""
        name = _uprobe_object(program)
        self._uprobe_types.pop(name, None)
        self.detach(name)

    def program_fd(self, program: str) -> int:
        """The descriptor of a loaded program."""
        for opened in self._objects.values():
            if program in opened.programs():
                return opened.program_fd(program)
        raise KeyError(program)

    def kernel_function(self, mechanism: str, function: str, settings: Mapping[str, bytes]) -> BpfObject:
        """A copy of an object attached to one kernel function; closing it detaches.

        Raises:
            OSError: this kernel has no such mechanism, no such function, or forbids it.
        """
        opened = self._open(f"kernel_{mechanism}", settings)
        try:
            if mechanism != "kprobe":
                for handle in opened.programs().values():
                    opened.set_attach_target(handle, function)
            opened.load()
            for program in opened.programs():
                if mechanism == "kprobe":
                    opened.attach_kprobe(program, function, on_return=program.endswith("returned"))
                else:
                    opened.attach(program)
        except OSError:
            opened.close()
            raise
        return opened

    @property
    def loaded(self) -> list[str]:
        return list(self._objects)

    def object(self, name: str) -> BpfObject:
        return self._objects[name]

    def has_map(self, name: str) -> bool:
        return name in self._shared

    def map(self, name: str) -> Map:
        """A shared map for reading and writing."""
        key, value = _SHARED[name]
        if name in _PER_CPU:
            value = (value + 7) // 8 * 8 * possible_cpus()
        return Map(self._shared[name], key, value)

    def map_fd(self, name: str) -> int:
        return self._shared[name]

    def close(self) -> None:
        """Detaches and frees everything."""
        for opened in self._objects.values():
            opened.close()
        self._objects.clear()
        self._shared.clear()
