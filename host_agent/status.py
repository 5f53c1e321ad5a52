"""What `/api/v1/status` answers: where everything stands, and what was refused or lost."""

import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from host_agent.deliver.destinations import Destinations
from host_agent.ingest.accept import Acceptor
from host_agent.intake.log import IntakeLog
from host_agent.live.feed import LiveFeed
from host_agent.store.store import Store
from host_agent.store.writer import StoreWriter
from wasm_sdk.version import VERSION

if TYPE_CHECKING:
    from host_agent.agent import Agent


def agent_status(
    started: float,
    agent: "Agent",
    log: IntakeLog,
    acceptor: Acceptor,
    store: Store,
    writer: StoreWriter,
    feed: LiveFeed,
    destinations: Destinations | None,
) -> dict[str, Any]:
    """The document. `started`: Unix seconds."""
    counts = acceptor.counts
    return {
        "version": VERSION,
        "uptime_s": round(time.time() - started, 3),
        "listeners": {"http": agent.http_url, "grpc": agent.grpc_address, "api": agent.api_url},
        "data_dir": str(agent.config.data_dir),
        "ingest": {
            "requests": counts.requests,
            "bytes": counts.bytes,
            "items": {str(signal): items for signal, items in counts.items.items()},
            "rejected_items": counts.rejected_items,
            "refused": {reason.name.lower(): n for reason, n in counts.refused.items()},
            "in_flight_bytes": acceptor.in_flight.bytes,
        },
        "intake": {
            "fsync": str(log.fsync),
            "end": str(log.end),
            "bytes": log.size,
            "max_bytes": log.max_bytes,
            "syncs": log.syncs,
            "followers": {"store": str(writer.flushed)},
            "last_error": log.last_error,
        },
        "store": {
            **asdict(store.counts),
            "position": str(writer.position),
            "segments": len(store.segments),
            "unflushed_rows": store.unflushed_rows,
            "tenants": [str(tenant) for tenant in store.tenants],
            "last_error": store.last_error or "",
        },
        "live": feed.status(),
        "pipeline": destinations.status() if destinations is not None else None,
    }
