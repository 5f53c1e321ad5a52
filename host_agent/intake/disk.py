"""The seam to the system's files: random reads and writes, syncing, locking."""

import errno
import os
import sys
import threading
from pathlib import Path

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the system says when there is no room: disk, quota, file size limit."""

_BINARY = getattr(os, "O_BINARY", 0)  # Windows would translate line ends


class DirectoryInUseError(Exception):
    """Another process writes to the directory."""


class DiskFile:
    """A file that is read and written at offsets, from any thread.

    Args:
        mode: "r" to read, "w" to write what exists, "x" to create and write.
    """

    def __init__(self, path: Path, mode: str) -> None:
        flags = {"r": os.O_RDONLY, "w": os.O_RDWR, "x": os.O_RDWR | os.O_CREAT | os.O_EXCL}[mode]
        self.path = path
        self._descriptor = os.open(path, flags | _BINARY, 0o600)
        self._seeking = threading.Lock()  # for systems without pread and pwrite

    @property
    def size(self) -> int:
        return os.fstat(self._descriptor).st_size

    def read(self, offset: int, length: int) -> bytes:
        """Up to `length` bytes; fewer only at the end of the file."""
        if sys.platform == "win32":
            with self._seeking:
                os.lseek(self._descriptor, offset, os.SEEK_SET)
                return os.read(self._descriptor, length)
        else:
            return os.pread(self._descriptor, length, offset)

    def write(self, offset: int, data: bytes) -> None:
        """All of `data`, into the system's cache. Raises OSError; part of it may be written then."""
        rest = memoryview(data)
        while rest:
            if sys.platform == "win32":
                with self._seeking:
                    os.lseek(self._descriptor, offset, os.SEEK_SET)
                    written = os.write(self._descriptor, rest)
            else:
                written = os.pwrite(self._descriptor, rest, offset)
            rest = rest[written:]
            offset += written

    def truncate(self, size: int) -> None:
        os.ftruncate(self._descriptor, size)

    def sync(self) -> None:
        """Returns when the contents would survive a power cut."""
        if sys.platform == "darwin":
            import fcntl

            fcntl.fcntl(self._descriptor, fcntl.F_FULLFSYNC)  # fsync stops at the drive's cache there
        elif sys.platform == "win32":
            os.fsync(self._descriptor)
        else:
            os.fdatasync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


def sync_directory(directory: Path) -> None:
    """Make new and deleted names survive a power cut, on systems where a directory can be synced."""
    if sys.platform != "win32":
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


class DirectoryLock:
    """Makes this process the only writer of a directory; the system releases it when the process ends.

    Raises:
        DirectoryInUseError: names the process that holds it, where that is known.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._descriptor = os.open(directory / "writer.lock", os.O_RDWR | os.O_CREAT | _BINARY, 0o600)
        try:
            self._acquire()
        except OSError as error:
            holder = self._holder()
            os.close(self._descriptor)
            raise DirectoryInUseError(f"{directory} is in use by another agent{holder}") from error
        os.ftruncate(self._descriptor, 0)
        os.write(self._descriptor, f" {os.getpid()}\n".encode())

    def _acquire(self) -> None:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(
                self._descriptor, msvcrt.LK_NBLCK, 1
            )  # the first byte: the number behind stays readable
        else:
            import fcntl

            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _holder(self) -> str:
        try:
            os.lseek(self._descriptor, 1, os.SEEK_SET)
            number = os.read(self._descriptor, 20).decode().strip()
        except OSError:
            return ""
        return f" (process {number})" if number else ""

    def release(self) -> None:
        os.close(self._descriptor)
