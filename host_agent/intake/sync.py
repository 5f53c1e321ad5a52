"""Forces files to the disk: one sync at a time, in a thread, shared by all who wait for it."""

import asyncio
import contextlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from host_agent.intake.disk import DiskFile


class Syncer:
    """Group commit: who calls `sync` while one is under way shares the next one."""

    def __init__(self) -> None:
        self._written: set[DiskFile] = set()
        self._retired: set[DiskFile] = set()
        self._directories: set[Callable[[], None]] = set()
        self._under_way = asyncio.Lock()
        self._next: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "intake-sync")
        self.count = 0

    def touch(self, file: DiskFile) -> None:
        """There is something to sync in this file."""
        self._written.add(file)

    def retire(self, file: DiskFile) -> None:
        """Nothing more will be written: sync the file once more and close it."""
        self._retired.add(file)

    def also(self, action: Callable[[], None]) -> None:
        """Run this with the next sync, such as the syncing of a directory."""
        self._directories.add(action)

    @property
    def idle(self) -> bool:
        """Whether everything is on disk."""
        return not (self._written or self._retired or self._directories)

    async def sync(self) -> None:
        """Returns when everything that was touched before this call would survive a power cut.

        Raises:
            OSError: the disk failed. What was written since the last sync may be lost, and syncing again
                would not tell (Linux drops the pages): the file must not be written further.
        """
        if self._next is None:
            self._next = asyncio.create_task(self._sync())
        await asyncio.shield(self._next)

    async def _sync(self) -> None:
        async with self._under_way:
            self._next = None
            written, self._written = self._written - self._retired, set()
            retired, self._retired = self._retired, set()
            actions, self._directories = self._directories, set()
            self.count += 1

            def work() -> None:
                try:
                    for file in written | retired:
                        file.sync()
                    for action in actions:
                        action()
                finally:
                    for file in retired:
                        file.close()

            await asyncio.get_running_loop().run_in_executor(self._thread, work)

    async def close(self) -> None:
        """Sync what is left. Raises OSError."""
        try:
            if not self.idle:
                await self.sync()
        finally:
            self._thread.shutdown()


async def sync_regularly(syncer: Syncer, interval: float, failed: Callable[[OSError], None]) -> None:
    """Sync every `interval` seconds while there is something to sync; for ever."""
    while True:
        await asyncio.sleep(interval)
        if not syncer.idle:
            try:
                await syncer.sync()
            except OSError as error:
                failed(error)


async def cancel(task: asyncio.Task[None] | None) -> None:
    """Cancel a task and wait until it has ended."""
    if task is not None:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
