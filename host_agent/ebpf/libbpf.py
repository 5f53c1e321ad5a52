"""libbpf through ctypes: open an object, share its maps, set its constants, load and attach."""

from __future__ import annotations

import ctypes
import errno
import os
from collections.abc import Iterator
from ctypes import CFUNCTYPE, POINTER, byref, c_bool, c_char_p, c_int, c_size_t, c_uint32, c_uint64, c_void_p
from functools import cache
from typing import Any

from host_agent.ebpf.errors import EbpfUnavailable

_Printer = CFUNCTYPE(c_int, c_int, c_char_p, c_void_p)

_SIGNATURES: dict[str, tuple[Any, tuple[Any, ...]]] = {
    "libbpf_set_print": (c_void_p, (_Printer,)),
    "bpf_object__open_mem": (c_void_p, (c_char_p, c_size_t, c_void_p)),
    "bpf_object__load": (c_int, (c_void_p,)),
    "bpf_object__close": (None, (c_void_p,)),
    "bpf_object__next_program": (c_void_p, (c_void_p, c_void_p)),
    "bpf_object__next_map": (c_void_p, (c_void_p, c_void_p)),
    "bpf_program__name": (c_char_p, (c_void_p,)),
    "bpf_program__section_name": (c_char_p, (c_void_p,)),
    "bpf_program__set_expected_attach_type": (c_int, (c_void_p, c_int)),
    "bpf_program__set_attach_target": (c_int, (c_void_p, c_int, c_char_p)),
    "bpf_program__fd": (c_int, (c_void_p,)),
    "bpf_program__attach": (c_void_p, (c_void_p,)),
    "bpf_program__attach_kprobe": (c_void_p, (c_void_p, c_bool, c_char_p)),
    "bpf_link__destroy": (c_int, (c_void_p,)),
    "bpf_map__name": (c_char_p, (c_void_p,)),
    "bpf_map__fd": (c_int, (c_void_p,)),
    "bpf_map__reuse_fd": (c_int, (c_void_p, c_int)),
    "bpf_map__set_max_entries": (c_int, (c_void_p, c_uint32)),
    "bpf_map__initial_value": (c_void_p, (c_void_p, POINTER(c_size_t))),
    "bpf_map_update_elem": (c_int, (c_int, c_void_p, c_void_p, c_uint64)),
    "bpf_map_lookup_elem": (c_int, (c_int, c_void_p, c_void_p)),
    "bpf_map_delete_elem": (c_int, (c_int, c_void_p)),
    "bpf_map_get_next_key": (c_int, (c_int, c_void_p, c_void_p)),
}


class LoadFailed(OSError):  # noqa: N818 - what happened, as users read it
    """The kernel refused an object; ``log`` holds what libbpf and the verifier said."""

    def __init__(self, code: int, log: list[str]) -> None:
        super().__init__(code, os.strerror(code))
        self.log = log


class Library:
    """The shared library with typed functions and its messages collected instead of printed."""

    def __init__(self) -> None:
        try:
            self._library = ctypes.CDLL("libbpf.so.1", use_errno=True)
        except OSError as error:
            raise EbpfUnavailable("libbpf.so.1 is not installed: apt-get install libbpf1") from error
        self.log: list[str] = []
        format_into = ctypes.CDLL(None).vsnprintf
        format_into.argtypes = [c_char_p, c_size_t, c_char_p, c_void_p]

        def collect(level: int, text: bytes, arguments: int) -> int:
            if level < 2:  # a verifier's log is long, and its last lines matter
                buffer = ctypes.create_string_buffer(1 << 24)
                format_into(buffer, len(buffer), text, arguments)
                self.log.append(buffer.value.decode(errors="replace").rstrip())
            return 0

        self._printer = _Printer(collect)  # the library keeps the pointer: so must we
        self.call("libbpf_set_print", self._printer)

    def call(self, name: str, *arguments: Any) -> Any:
        function = getattr(self._library, name)
        function.restype, function.argtypes = _SIGNATURES[name]
        return function(*arguments)

    def check(self, name: str, *arguments: Any) -> int:
        """Calls and raises OSError for a negative result."""
        result = int(self.call(name, *arguments))
        if result < 0:
            code = -result if result != -1 else ctypes.get_errno()
            raise OSError(code, f"{name}: {os.strerror(code)}")
        return result


@cache
def library() -> Library:
    """The one instance.

    Raises:
        EbpfUnavailable: libbpf is not installed.
    """
    return Library()


class BpfObject:
    """One opened object file: constants and shared maps may be set until `load`."""

    def __init__(self, image: bytes) -> None:
        self._library = library()
        self._library.log.clear()
        self._image = image
        self._handle = self._library.call("bpf_object__open_mem", image, len(image), None)
        if not self._handle:
            raise LoadFailed(ctypes.get_errno() or errno.EINVAL, list(self._library.log))
        self._links: list[int] = []

    def _each(self, function: str) -> Iterator[int]:
        item = None
        while item := self._library.call(function, self._handle, item):
            yield item

    def programs(self) -> dict[str, int]:
        """Program handles by name."""
        return {
            self._library.call("bpf_program__name", p).decode(): p
            for p in self._each("bpf_object__next_program")
        }

    def maps(self) -> dict[str, int]:
        """Map handles by name; constants are in the one whose name ends in ``.rodata``."""
        return {
            self._library.call("bpf_map__name", m).decode(): m for m in self._each("bpf_object__next_map")
        }

    def section(self, program: int) -> str:
        return str(self._library.call("bpf_program__section_name", program).decode())

    def expect_attach_type(self, program: int, attach_type: int) -> None:
        self._library.check("bpf_program__set_expected_attach_type", program, attach_type)

    def set_attach_target(self, program: int, function: str) -> None:
        self._library.check("bpf_program__set_attach_target", program, 0, function.encode())

    def reuse(self, handle: int, fd: int) -> None:
        """Uses a map that exists in place of making this one."""
        self._library.check("bpf_map__reuse_fd", handle, fd)

    def resize(self, handle: int, entries: int) -> None:
        self._library.check("bpf_map__set_max_entries", handle, entries)

    def write_constant(self, offset: int, data: bytes) -> None:
        """Sets bytes of ``.rodata`` before loading."""
        handle = next(h for name, h in self.maps().items() if name.endswith(".rodata"))
        size = c_size_t()
        address = self._library.call("bpf_map__initial_value", handle, byref(size))
        if not address or offset + len(data) > size.value:
            raise ValueError("the constant lies outside .rodata")
        ctypes.memmove(address + offset, data, len(data))

    def load(self) -> None:
        """Verifies and loads.

        Raises:
            LoadFailed: the kernel refused a map or a program.
        """
        self._library.log.clear()
        result = int(self._library.call("bpf_object__load", self._handle))
        if result < 0:
            log = list(self._library.log)
            self.close()
            raise LoadFailed(-result, log)

    def map_fd(self, name: str) -> int:
        return int(self._library.call("bpf_map__fd", self.maps()[name]))

    def program_fd(self, name: str) -> int:
        return int(self._library.call("bpf_program__fd", self.programs()[name]))

    def attach(self, name: str) -> None:
        """Attaches where the program's section says.

        Raises:
            OSError: the kernel has no such hook, or refuses it.
        """
        self._keep_link(self._library.call("bpf_program__attach", self.programs()[name]))

    def attach_kprobe(self, name: str, function: str, *, on_return: bool) -> None:
        """Attaches to a kernel function.

        Raises:
            OSError: the kernel has no kprobes, or no such function.
        """
        program = self.programs()[name]
        self._keep_link(
            self._library.call("bpf_program__attach_kprobe", program, on_return, function.encode())
        )

    def _keep_link(self, link: int | None) -> None:
        if not link:
            code = ctypes.get_errno()
            raise OSError(code, os.strerror(code))
        self._links.append(link)

    def detach(self) -> None:
        """Takes every link of this object off."""
        for link in self._links:
            self._library.call("bpf_link__destroy", link)
        self._links.clear()

    def close(self) -> None:
        """Detaches and frees everything; may be called twice."""
        self.detach()
        if self._handle:
            self._library.call("bpf_object__close", self._handle)
            self._handle = None
