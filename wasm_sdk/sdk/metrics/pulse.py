"""Starts periodic readers as soon as an event loop runs, without a thread and without being asked.

A provider is often made before its loop runs. Each measurement therefore looks, in some 40 ns, whether it is
made on a loop that the readers' timers do not run on yet.
"""

import asyncio
from collections.abc import Callable

_running_loop = asyncio._get_running_loop


class Pulse:
    """Knows the loop that the timers run on, and arms them on another when that one has stopped."""

    __slots__ = ("_arm", "_loop")

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._arm: list[Callable[[], None]] = []

    def add(self, arm: Callable[[], None]) -> None:
        """Call `arm` on each loop that takes over."""
        self._arm.append(arm)
        self._loop = None
        self.touch()

    def touch(self) -> None:
        """Arm on the running loop unless the timers are at home."""
        running = _running_loop()
        if running is self._loop or running is None or not self._arm:
            return
        if self._loop is not None and self._loop.is_running():
            return
        self._loop = running
        for arm in self._arm:
            arm()
