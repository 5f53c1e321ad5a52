"""Where requests are kept that could not be judged or that a destination refused for good."""

import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from host_agent.tenant import Tenant
from wasm_sdk.otlp import Signal

MAX_BYTES = 256 << 20


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A request that was set aside."""

    where: str
    signal: str
    items: int
    reason: str
    at: float
    path: str


class Quarantine:
    """A folder of requests in protobuf, each with what is known about it beside it.

    Args:
        max_bytes: beyond it the oldest go.
    """

    def __init__(self, folder: Path, max_bytes: int = MAX_BYTES) -> None:
        self.folder = folder
        self.max_bytes = max_bytes
        self.lost = 0
        """Requests that went because there was no room."""
        folder.mkdir(parents=True, exist_ok=True)

    def put(
        self, where: str, tenant: Tenant | None, signal: Signal, body: bytes, items: int, reason: str
    ) -> None:
        """Keep a request. `where`: "pipeline", or the destination that refused it. Raises OSError."""
        name = f"{time.time_ns():020d}-{where}"
        (self.folder / f"{name}.pb").write_bytes(body)
        about: dict[str, Any] = {
            "where": where,
            "tenant": str(tenant) if tenant is not None else None,
            "signal": str(signal),
            "items": items,
            "reason": reason,
            "at": time.time(),
        }
        (self.folder / f"{name}.json").write_text(json.dumps(about))
        self._bound()

    def list(self, limit: int = 100) -> list[Quarantined]:
        """The newest first."""
        found = []
        for path in sorted(self.folder.glob("*.json"), reverse=True)[:limit]:
            about = json.loads(path.read_text())
            found.append(
                Quarantined(
                    about["where"],
                    about["signal"],
                    about["items"],
                    about["reason"],
                    about["at"],
                    str(path.with_suffix(".pb")),
                )
            )
        return found

    @property
    def count(self) -> int:
        return sum(1 for _ in self.folder.glob("*.pb"))

    def _bound(self) -> None:
        paths = sorted(self.folder.glob("*.pb"))
        sizes = {path: path.stat().st_size for path in paths}
        total = sum(sizes.values())
        for path in paths[:-1]:
            if total <= self.max_bytes:
                break
            total -= sizes[path]
            path.unlink()
            path.with_suffix(".json").unlink(missing_ok=True)
            self.lost += 1
