"""What differs between processor architectures: registers and system call numbers."""

from __future__ import annotations

import platform
import struct
from dataclasses import dataclass
from functools import cache

from host_agent.ebpf.errors import EbpfUnavailable
from host_agent.ebpf.syscall_numbers import TABLES


@dataclass(frozen=True, slots=True)
class Registers:
    """Offsets into ``struct pt_regs``, in bytes.

    Attributes:
        first: where eight words begin that hold all system call arguments.
        words: which of the eight is argument 0 to 5.
        parameters: offsets of the first six parameters of a C function.
        returned: the return value.
        stack_pointer: the stack pointer.
        return_pops: bytes by which a return moves the stack pointer.
    """

    first: int
    words: tuple[int, int, int, int, int, int]
    parameters: tuple[int, int, int, int, int, int]
    returned: int
    stack_pointer: int
    return_pops: int


_REGISTERS = {
    "x86_64": Registers(56, (7, 6, 5, 0, 2, 1), (112, 104, 96, 88, 72, 64), 80, 152, 8),
    "aarch64": Registers(0, (0, 1, 2, 3, 4, 5), (0, 8, 16, 24, 32, 40), 0, 248, 0),
}


@cache
def registers(machine: str = "") -> Registers:
    """Of this machine.

    Raises:
        EbpfUnavailable: an architecture that nobody has described here.
    """
    machine = machine or platform.machine()
    try:
        return _REGISTERS[machine]
    except KeyError:
        known = ", ".join(_REGISTERS)
        raise EbpfUnavailable(f"kernel tracing knows {known}; this machine is {machine}") from None


@cache
def syscall_names(machine: str = "") -> dict[int, str]:
    """System calls of this machine by number."""
    table = TABLES.get(machine or platform.machine(), "")
    return {int(number): name for number, name in (pair.split(":") for pair in table.split())}


@cache
def syscall_number(name: str) -> int | None:
    """The number of a call, or None where the machine has no such call."""
    return next((number for number, known in syscall_names().items() if known == name), None)


def constants() -> dict[str, bytes]:
    """Values of the programs' machine-dependent constants."""
    described = registers()
    return {
        "registers_first": struct.pack("=I", described.first),
        "register_word": struct.pack("=6I", *described.words),
        "parameter_offset": struct.pack("=6I", *described.parameters),
        "returned_offset": struct.pack("=I", described.returned),
        "stack_pointer_offset": struct.pack("=I", described.stack_pointer),
        "return_pops": struct.pack("=I", described.return_pops),
    }
