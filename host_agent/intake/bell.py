"""Wakes whoever waits for the next record."""

import asyncio


class Bell:
    """Rung after each append; everyone who waits at that moment is woken. Of one event loop."""

    def __init__(self) -> None:
        self._next: asyncio.Future[None] | None = None

    def ring(self) -> None:
        if self._next is not None:
            if not self._next.done():
                self._next.set_result(None)
            self._next = None

    async def wait(self) -> None:
        """Returns at the next ring."""
        if self._next is None or self._next.done():
            self._next = asyncio.get_running_loop().create_future()
        await asyncio.shield(self._next)  # one waiter's cancellation leaves the others waiting
