"""What watchers get, and what they lose when they are slow."""

import asyncio
from typing import Any

import pytest

from host_agent.intake.record import Record
from host_agent.live.feed import MESSAGE_BYTES, Interest, LiveFeed, messages
from host_agent.live.subscription import Subscription
from host_agent.tenant import DEFAULT_TENANT, Tenant
from wasm_sdk.otlp import Signal, decode_traces


def accepted(body: bytes, tenant: Tenant = DEFAULT_TENANT, signal: Signal = Signal.TRACES) -> Record:
    return Record(tenant, signal, body, 1)


async def test_a_slow_watcher_loses_the_oldest_and_is_told_how_many() -> None:
    subscription = Subscription(max_messages=2)
    for number in range(5):
        subscription.offer(b"%d" % number, 10)
    assert await subscription.take() == (b"3", 30)
    assert await subscription.take() == (b"4", 0)
    assert (subscription.sent, subscription.dropped) == (20, 30)


async def test_a_message_larger_than_the_queue_still_arrives_alone() -> None:
    subscription = Subscription(max_bytes=10)
    subscription.offer(b"a", 1)
    subscription.offer(b"x" * 100, 1)
    assert await subscription.take() == (b"x" * 100, 1)


async def test_take_waits_for_a_message() -> None:
    subscription = Subscription()
    waiting = asyncio.create_task(subscription.take())
    await asyncio.sleep(0)
    assert not waiting.done()
    subscription.offer(b"now", 1)
    assert await waiting == (b"now", 0)


async def test_watchers_get_their_tenants_signal_and_service_only(telemetry: Any) -> None:
    feed = LiveFeed(None)  # type: ignore[arg-type]
    web = telemetry.traces(telemetry.span("page"), service="web")
    db = telemetry.traces(telemetry.span("query"), service="db")
    with (
        feed.subscribe(Interest(DEFAULT_TENANT, Signal.TRACES)) as everything,
        feed.subscribe(Interest(DEFAULT_TENANT, Signal.TRACES, "db")) as of_db,
        feed.subscribe(Interest(Tenant("acme"), Signal.TRACES)) as of_acme,
        feed.subscribe(Interest(DEFAULT_TENANT, Signal.LOGS)) as logs,
    ):
        feed.publish(accepted(web + db))
        feed.publish(accepted(telemetry.logs(telemetry.log("hello")), signal=Signal.LOGS))
        both, _ = await everything.take()
        assert decode_traces(both) == decode_traces(web + db)
        assert decode_traces((await of_db.take())[0]) == decode_traces(db)
        assert (await logs.take())[0]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(of_acme.take(), 0.01)
        assert feed.status() == {"clients": 4, "items_sent": 4, "items_dropped": 0}
    assert feed.status() == {"clients": 0, "items_sent": 4, "items_dropped": 0}


def test_large_requests_become_several_messages(telemetry: Any) -> None:
    spans = [telemetry.span("x" * 1000) for _ in range(1200)]
    parts = list(messages(telemetry.traces(*spans), None))
    assert len(parts) > 1
    assert all(len(message) < MESSAGE_BYTES + 4096 for message, _ in parts)
    assert sum(items for _, items in parts) == len(spans)
    names = [
        s.span_id for m, _ in parts for r in decode_traces(m).resource_spans for s in r.scope_spans[0].spans
    ]
    assert names == [span.span_id for span in spans]


async def test_a_request_that_nobody_watches_is_not_read() -> None:
    LiveFeed(None).publish(accepted(b"\xff no protobuf"))  # type: ignore[arg-type]


async def test_a_malformed_record_does_not_end_the_feed(telemetry: Any) -> None:
    good = telemetry.traces(telemetry.span())

    async def follow() -> Any:
        yield accepted(b"\xff\xff")
        yield accepted(good)

    feed = LiveFeed(follow)
    with feed.subscribe(Interest(DEFAULT_TENANT, Signal.TRACES)) as subscription:
        await feed.run()
        assert decode_traces((await subscription.take())[0]) == decode_traces(good)
