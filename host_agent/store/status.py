"""What the status endpoint says of the store."""

from dataclasses import asdict
from typing import Any

from host_agent.store.store import Store
from host_agent.store.writer import StoreWriter


def store_status(store: Store, writer: StoreWriter) -> dict[str, Any]:
    """Counts since the start, what is kept now, and how far the log was followed. Sizes are bytes, times Unix
    nanoseconds as text."""
    segments = store.segments
    return {
        **asdict(store.counts),
        "tenants": len(store.tenants),
        "segments": len(segments),
        "stored_rows": sum(segment.rows for segment in segments),
        "stored_bytes": sum(segment.size for segment in segments),
        "oldest_received_unix_nano": str(min((segment.received for segment in segments), default=0)),
        "unflushed_rows": store.unflushed_rows,
        "unflushed_bytes": store.unflushed_bytes,
        "position": str(writer.position),
        "flushed_position": str(writer.flushed),
        "damaged_files": store.damaged,
        "last_error": store.last_error,
    }
