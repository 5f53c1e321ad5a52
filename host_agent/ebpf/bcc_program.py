"""Programs that users write for bcc: compiled here, attached by bcc's naming rules, their output shown."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from host_agent.ebpf.errors import EbpfUnavailable

_DEBIAN_PACKAGES = "/usr/lib/python3/dist-packages"


def load_bcc() -> Any:
    """bcc's Python module, also from the distribution's packages when ours is another interpreter.

    Raises:
        EbpfUnavailable: it is not installed.
    """
    try:
        return importlib.import_module("bcc")
    except ImportError:
        sys.path.append(_DEBIAN_PACKAGES)
    try:
        return importlib.import_module("bcc")
    except ImportError as error:
        raise EbpfUnavailable(f"bcc is not installed ({error}): apt-get install python3-bpfcc") from error
    finally:
        sys.path.remove(_DEBIAN_PACKAGES)


def run_bcc(file: Path, say: Callable[[str], None], seconds: float | None) -> None:
    """Compiles and runs a program until interrupted: its ``bpf_trace_printk`` lines, then its tables.

    Raises:
        EbpfUnavailable: bcc is not installed, or it cannot compile or attach the program.
    """
    bcc = load_bcc()
    try:
        program = bcc.BPF(src_file=str(file))
    except Exception as error:
        raise EbpfUnavailable(
            f"bcc refused {file}: {error} (it compiles against the headers of this kernel: install them, "
            "or name them in BCC_KERNEL_SOURCE)"
        ) from error
    end = time.monotonic() + seconds if seconds else None
    try:
        while end is None or time.monotonic() < end:
            time.sleep(0.1)
    except KeyboardInterrupt:
        say("")
    for name, table in program.tables.items():
        say(f"{name.decode() if isinstance(name, bytes) else name}:")
        for key, value in table.items():
            say(f"  {getattr(key, 'value', key)} = {getattr(value, 'value', value)}")
    program.cleanup()
