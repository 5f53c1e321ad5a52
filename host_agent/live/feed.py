"""Follows the intake log and hands each accepted request to the subscriptions that want it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from host_agent.intake.record import Record
from host_agent.live.subscription import Subscription
from host_agent.store.envelope import close_envelope, open_envelope
from host_agent.store.rows import describe_resource
from host_agent.tenant import Tenant
from wasm_sdk.otlp.signal import Signal

logger = logging.getLogger(__name__)

MESSAGE_BYTES = 512 << 10
"""Requests above this are cut into several messages: WebSocket clients commonly refuse more than 1 MiB at
once."""


@dataclass(frozen=True, slots=True)
class Interest:
    """What a subscription wants; `service` None: of every service. A tenant sees its own only."""

    tenant: Tenant
    signal: Signal
    service: str | None = None


class LiveFeed:
    """One for all watchers. A request that nobody watches is neither read nor decompressed.

    Args:
        follow: The records that are accepted from now on.
    """

    def __init__(self, follow: Callable[[], AsyncIterator[Record]]) -> None:
        self._follow = follow
        self._subscriptions: dict[Interest, list[Subscription]] = {}
        self._sent = 0
        self._dropped = 0

    async def run(self) -> None:
        """Follow until cancelled."""
        async for record in self._follow():
            try:
                self.publish(record)
            except ValueError as error:
                logger.warning("record %s is not shown live: %s", record.position, error)
            await asyncio.sleep(0)

    @contextmanager
    def subscribe(self, interest: Interest) -> Iterator[Subscription]:
        """A queue that fills until the context is left."""
        subscription = Subscription()
        self._subscriptions.setdefault(interest, []).append(subscription)
        try:
            yield subscription
        finally:
            watching = self._subscriptions[interest]
            watching.remove(subscription)
            self._sent += subscription.sent
            self._dropped += subscription.dropped
            if not watching:
                del self._subscriptions[interest]

    def publish(self, record: Record) -> None:
        """Offer a request to those who want it. Raises ValueError when it cannot be read."""
        wanted = [
            (interest, watching)
            for interest, watching in self._subscriptions.items()
            if interest.tenant == record.tenant and interest.signal is record.signal
        ]
        if not wanted:
            return
        body = record.data()
        for interest, watching in wanted:
            for message, items in messages(body, interest.service):
                for subscription in watching:
                    subscription.offer(message, items)

    def status(self) -> dict[str, int]:
        """Counts since the start."""
        current = [each for watching in self._subscriptions.values() for each in watching]
        return {
            "clients": len(current),
            "items_sent": self._sent + sum(each.sent for each in current),
            "items_dropped": self._dropped + sum(each.dropped for each in current),
        }


def messages(body: bytes, service: str | None) -> Iterator[tuple[bytes, int]]:
    """The request's items of a service (None: all), as requests of moderate size with their number of
    items."""
    rows: list[tuple[bytes, bytes, bytes]] = []
    size = 0
    for resource, scope, items in open_envelope(body):
        if service is not None and describe_resource(resource)[0] != service:
            continue
        for item in items:
            if rows and size + len(item) > MESSAGE_BYTES:
                yield close_envelope(rows), len(rows)
                rows, size = [], 0
            rows.append((resource, scope, item))
            size += len(item)
    if rows:
        yield close_envelope(rows), len(rows)
