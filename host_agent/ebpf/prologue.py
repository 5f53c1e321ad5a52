"""Where in a function's first instructions a probe is cheap (x86-64).

The kernel replaces the probed instruction by a trap and must run the original: a push or a nop it emulates,
most others it single-steps, which costs 10 to 20 times as much. A few instructions into the function, before
the stack pointer or a parameter has changed, is as good as its entry.
"""

from __future__ import annotations

_ENDBR64 = bytes.fromhex("f30f1efa")
_PARAMETERS = {7, 6, 2, 1, 8, 9}  # rdi, rsi, rdx, rcx, r8, r9
_STACK = 4
_WRITES_RM = {0x01, 0x09, 0x21, 0x29, 0x31, 0x89}
_WRITES_REG = {0x03, 0x0B, 0x23, 0x2B, 0x33, 0x8B, 0x8D, 0x63}
_WRITES_NOTHING = {0x39, 0x3B, 0x85, 0x84, 0x38}
_FARTHEST = 32


def cheap_offset(code: bytes) -> int:
    """How many bytes into the function the probe should stand; 0 when its entry is as good as it gets.

    Args:
        code: the function's first bytes, at least 48 of them where the file has that many.
    """
    at = 0
    while at < _FARTHEST and at < len(code) - 12:
        if _is_cheap(code, at):
            return at
        length = _harmless(code, at)
        if not length:
            return 0
        at += length
    return 0


def _is_cheap(code: bytes, at: int) -> bool:
    if 0x50 <= code[at] <= 0x57 or code[at] == 0x90:
        return True
    if code[at] == 0x41 and 0x50 <= code[at + 1] <= 0x57:
        return True
    return code[at : at + 5] == b"\x0f\x1f\x44\x00\x00"


def _harmless(code: bytes, at: int) -> int:
    """The length of an instruction that changes neither stack nor parameters, nor jumps; 0: unknown."""
    if code[at : at + 4] == _ENDBR64:
        return 4
    start, rex = at, 0
    if 0x40 <= code[at] <= 0x4F:
        rex = code[at]
        at += 1
    opcode = code[at]
    if 0xB8 <= opcode <= 0xBF:
        target = opcode - 0xB8 | (rex & 1) << 3
        size = 8 if rex & 8 else 4
        return 0 if target in _PARAMETERS or target == _STACK else at + 1 + size - start
    if opcode not in _WRITES_RM | _WRITES_REG | _WRITES_NOTHING and opcode not in (0x83, 0x81):
        return 0
    mod, reg, rm = code[at + 1] >> 6, code[at + 1] >> 3 & 7, code[at + 1] & 7
    immediate = {0x83: 1, 0x81: 4}.get(opcode, 0)
    if immediate and reg != 7:  # only cmp
        return 0
    written = None
    if opcode in _WRITES_RM:
        if mod != 3:
            return 0
        written = rm | (rex & 1) << 3
    elif opcode in _WRITES_REG:
        written = reg | (rex & 4) << 1
    if written is not None and (written in _PARAMETERS or written == _STACK):
        return 0
    return at + 1 + _operand_length(code, at + 1, mod, rm) + immediate - start


def _operand_length(code: bytes, at: int, mod: int, rm: int) -> int:
    """Bytes of ModRM, SIB and displacement."""
    if mod == 3:
        return 1
    length = 1
    if rm == 4:
        length += 1
        if mod == 0 and code[at + 1] & 7 == 5:
            return length + 4
    if mod == 1:
        return length + 1
    if mod == 2 or (mod == 0 and rm == 5):
        return length + 4
    return length
