"""An initramfs with Python, libbpf, the programs and a script; and a virtual machine that runs it."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[3]
CACHE = ROOT / "build" / "kernels"
LEFT_OUT = {
    "test", "idlelib", "ensurepip", "tkinter", "lib2to3", "turtledemo", "site-packages", "__pycache__",
    "pydoc_data", "distutils", "dist-packages", "config-3.11-x86_64-linux-gnu",
}  # fmt: skip
INIT = """#!/bin/busybox sh
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t sysfs sys /sys
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mkdir -p /sys/fs/cgroup /tmp
/bin/busybox mount -t cgroup2 cg /sys/fs/cgroup
/bin/busybox mount -t tracefs tracefs /sys/kernel/tracing 2>/dev/null
/bin/busybox ip link set lo up 2>/dev/null || /bin/busybox ifconfig lo 127.0.0.1 up
export PYTHONHOME={home} PYTHONPATH=/app PYTHONDONTWRITEBYTECODE=1 HOME=/tmp
{python} /app/tests/kernel/emulated/inside.py 2>&1
/bin/busybox poweroff -f
"""


class Unavailable(Exception):  # noqa: N818 - what happened, as the test that skips says it
    """Something that emulation needs is missing; the text says what."""


def kernel(version: str) -> Path:
    """The kernel image of a Debian cloud kernel, downloaded once; `version` as in ``6.1``.

    Raises:
        Unavailable: no package of that version is to be had here.
    """
    folder = CACHE / version
    found = sorted(folder.glob("boot/vmlinuz-*"))
    if found:
        return found[-1]
    listed = subprocess.run(
        [
            "apt-cache",
            "search",
            "--names-only",
            rf"^linux-image-{re.escape(version)}\..*cloud-amd64-unsigned$",
        ],
        capture_output=True,
        text=True,
        check=False,
    ).stdout
    names = sorted((line.split()[0] for line in listed.splitlines()), key=_by_number)
    if not names:
        raise Unavailable(f"apt-get offers no cloud kernel {version} (apt-get update?)")
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        ["apt-get", "download", names[-1]], cwd=folder, capture_output=True, text=True, check=False
    )
    packages = list(folder.glob("*.deb"))
    if done.returncode or not packages:
        raise Unavailable(f"{names[-1]} cannot be downloaded: {done.stderr.strip()[-200:]}")
    subprocess.run(["dpkg-deb", "-x", str(packages[0]), str(folder)], check=True)
    packages[0].unlink()
    shutil.rmtree(folder / "lib", ignore_errors=True)
    return next(folder.glob("boot/vmlinuz-*"))


def _by_number(name: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", name)]


def initramfs() -> Path:
    """Builds the file system afresh (about 4 s).

    Raises:
        Unavailable: busybox or cpio is missing.
    """
    busybox = next((Path(p) for p in ("/bin/busybox", "/usr/bin/busybox") if Path(p).exists()), None)
    if busybox is None or shutil.which("cpio") is None or shutil.which("qemu-system-x86_64") is None:
        raise Unavailable(
            "qemu-system-x86, busybox-static and cpio are needed (make test-kernels installs them)"
        )
    tree = CACHE / "tree"
    shutil.rmtree(tree, ignore_errors=True)
    for name in ("bin", "proc", "sys", "dev", "tmp", "app"):
        (tree / name).mkdir(parents=True)
    shutil.copy(busybox, tree / "bin" / "busybox")
    (tree / "bin" / "sh").symlink_to("busybox")
    python = Path(os.path.realpath(sys.executable))
    standard = Path(sysconfig.get_path("stdlib"))
    _copy(python, tree)
    for source in standard.rglob("*"):
        if (
            source.is_file()
            and not LEFT_OUT & set(source.relative_to(standard).parts)
            and source.suffix != ".a"
        ):
            if source.suffix == ".so":
                _copy(source, tree)
            else:
                target = tree / source.relative_to("/")
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(source, target)
    for line in subprocess.run(
        ["ldconfig", "-p"], capture_output=True, text=True, check=True
    ).stdout.splitlines():
        if re.search(r"libbpf\.so\.1|libc\.so\.6.*x86-64", line):
            _copy(Path(line.split("=> ")[1]), tree)
    for package in ("host_agent/ebpf", "bpf", "tests/kernel/emulated"):
        shutil.copytree(ROOT / package, tree / "app" / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "host_agent" / "__init__.py", tree / "app" / "host_agent")
    init = tree / "init"
    init.write_text(INIT.format(python=python, home=sys.base_prefix))
    init.chmod(0o755)
    image = CACHE / "initramfs"
    with image.open("wb") as file:
        names = subprocess.run(["find", "."], cwd=tree, capture_output=True, check=True).stdout
        subprocess.run(
            ["cpio", "-o", "-H", "newc", "--quiet"],
            cwd=tree,
            input=names,
            stdout=file,
            stderr=subprocess.DEVNULL,
            check=True,
        )
    shutil.rmtree(tree)
    return image


def _copy(binary: Path, tree: Path) -> None:
    """A binary and the libraries that it needs, at their places."""
    needed = subprocess.run(["ldd", str(binary)], capture_output=True, text=True, check=False).stdout
    for name in {str(binary), *re.findall(r"(/\S+) \(0x", needed)}:
        target = tree / name.lstrip("/")
        if not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(name, target)


def boot(image: Path, initial: Path, seconds: float = 120) -> str:
    """What the machine printed until it powered off."""
    command = (
        "qemu-system-x86_64 -accel tcg -cpu max -m 1024 -nodefaults -display none -no-reboot -serial stdio "
        f"-kernel {image} -initrd {initial}"
    ).split()
    append = "console=ttyS0 quiet panic=-1 mitigations=off nokaslr"
    done = subprocess.run(
        [*command, "-append", append],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=seconds,
        check=False,
    )
    return done.stdout
