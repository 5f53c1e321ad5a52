"""`make test-kernels`: a table of what loads, attaches and tells on each kernel."""

from __future__ import annotations

import json
import sys

from tests.kernel.emulated.image import Unavailable, boot, initramfs, kernel

KERNELS = ("5.10", "6.1", "6.12")


def report(version: str) -> dict[str, object]:
    """Boots one kernel and returns what the script inside found.

    Raises:
        Unavailable: the kernel or a tool is missing, or it did not come up.
    """
    image = kernel(version)
    printed = boot(image, initramfs())
    line = next((line for line in printed.splitlines() if "REPORT " in line), None)
    if line is None:
        raise Unavailable(f"{version} printed no report: {printed[-1500:]}")
    found: dict[str, object] = json.loads(line.split("REPORT ", 1)[1])
    return found


def main() -> int:
    status = 0
    for version in sys.argv[1:] or KERNELS:
        try:
            found = report(version)
        except Unavailable as error:
            print(f"{version:<6} not run: {error}")
            continue
        good = bool(found["http"] and found["getppid"] and found["files"])
        status |= not good
        print(f"{version:<6} {found.pop('kernel')}: {'good' if good else 'BAD'}")
        for key, value in found.items():
            print(f"         {key}: {value}")
    return status


if __name__ == "__main__":
    sys.exit(main())
