"""Writes host_agent/ebpf/syscall_numbers.py out of the kernel's user headers (`make bpf`).

System calls of 424 and above have one number on every architecture; those newer than the installed headers
are listed here, from ``scripts/syscall.tbl`` of Linux 6.18.
"""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from pathlib import Path

RECENT = [
    "cachestat",
    "fchmodat2",
    "map_shadow_stack",
    "futex_wake",
    "futex_wait",
    "futex_requeue",
    "statmount",
    "listmount",
    "lsm_get_self_attr",
    "lsm_set_self_attr",
    "lsm_list_modules",
    "mseal",
    "setxattrat",
    "getxattrat",
    "listxattrat",
    "removexattrat",
    "open_tree_attr",
    "file_getattr",
    "file_setattr",
]
FIRST_RECENT = 451
INCLUDE = {
    "x86_64": '#include "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"',
    "aarch64": "#define __ARCH_WANT_RENAMEAT\n#define __ARCH_WANT_NEW_STAT\n"
    "#define __ARCH_WANT_SET_GET_RLIMIT\n"
    "#define __ARCH_WANT_TIME32_SYSCALLS\n#define __ARCH_WANT_MEMFD_SECRET\n#define __BITS_PER_LONG 64\n"
    "#include <asm-generic/unistd.h>",
}


def numbers(architecture: str) -> dict[int, str]:
    """Names by number, as the preprocessor sees them."""
    output = subprocess.run(
        ["clang", "-E", "-dM", "-I/usr/include/x86_64-linux-gnu", "-"],
        input=INCLUDE[architecture],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    defined = dict(re.findall(r"^#define (__NR\w*) (.+)$", output, re.M))
    table: dict[int, str] = {}
    for name, value in defined.items():
        while value in defined:
            value = defined[value]
        if name.startswith("__NR_") and value.isdigit() and name != "__NR_syscalls":
            table[int(value)] = name.removeprefix("__NR_")
    return table | {FIRST_RECENT + index: name for index, name in enumerate(RECENT)}


def main(target: Path) -> None:
    lines = [
        '"""System call names by number, by machine; written by bpf/syscall_table.py."""',
        "",
        "from __future__ import annotations",
        "",
        "TABLES = {",
    ]
    for architecture in INCLUDE:
        pairs = " ".join(f"{number}:{name}" for number, name in sorted(numbers(architecture).items()))
        lines += [f'    "{architecture}": """', *textwrap.wrap(pairs, 100), '""",']
    lines += ["}", ""]
    target.write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
