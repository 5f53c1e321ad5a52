"""One watcher's bounded queue."""

import asyncio
from collections import deque

MAX_BYTES = 8 << 20
MAX_MESSAGES = 1024


class Subscription:
    """Messages for a client that reads at its own pace. When it is too slow the oldest go, and are counted:
    who watches wants to see now."""

    def __init__(self, max_bytes: int = MAX_BYTES, max_messages: int = MAX_MESSAGES) -> None:
        self._queue: deque[tuple[bytes, int]] = deque()
        self._bytes = 0
        self._max_bytes = max_bytes
        self._max_messages = max_messages
        self._dropped = 0
        self._ready = asyncio.Event()
        self.sent = 0
        self.dropped = 0

    def offer(self, message: bytes, items: int) -> None:
        """Add a message that holds so many items."""
        self._queue.append((message, items))
        self._bytes += len(message)
        while len(self._queue) > 1 and (
            self._bytes > self._max_bytes or len(self._queue) > self._max_messages
        ):
            oldest, lost = self._queue.popleft()
            self._bytes -= len(oldest)
            self._dropped += lost
            self.dropped += lost
        self._ready.set()

    async def take(self) -> tuple[bytes, int]:
        """The next message, and how many items were dropped before it since the last one; waits for it."""
        while not self._queue:
            self._ready.clear()
            await self._ready.wait()
        message, items = self._queue.popleft()
        self._bytes -= len(message)
        self.sent += items
        dropped, self._dropped = self._dropped, 0
        return message, dropped
