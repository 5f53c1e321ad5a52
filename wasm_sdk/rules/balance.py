"""Balancing: which of several equal destinations gets the next item.

Three ways with one face: `pick(key, healthy)`. All are values of the member list alone, without clocks or
sockets; whoever delivers tells which members are healthy and what is outstanding.
"""

from __future__ import annotations

import hashlib
import math
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

SLOTS = 16_384


class Balancer(Protocol):
    """Chooses a member."""

    def pick(self, key: bytes, healthy: Collection[str] | None = None) -> str | None:
        """A member for an item; only healthy ones count where they are named, None when there is none."""
        ...


def _checked(weights: Mapping[str, float]) -> dict[str, float]:
    if not weights:
        raise ValueError("balancing needs a member")
    for name, weight in weights.items():
        if not (weight > 0 and math.isfinite(weight)):
            raise ValueError(f"the weight of {name} must be above 0, not {weight}")
    return dict(weights)


class RoundRobin:
    """By turns, evenly mixed also with weights (the smooth weighted round robin of nginx)."""

    def __init__(self, weights: Mapping[str, float]) -> None:
        self._weights = _checked(weights)
        self._credit = dict.fromkeys(self._weights, 0.0)

    def pick(self, key: bytes = b"", healthy: Collection[str] | None = None) -> str | None:
        members = [name for name in self._weights if healthy is None or name in healthy]
        if not members:
            return None
        for name in members:
            self._credit[name] += self._weights[name]
        chosen = max(members, key=self._credit.__getitem__)
        self._credit[chosen] -= sum(self._weights[name] for name in members)
        return chosen


class LeastOutstanding:
    """To the member with the least work in flight for its weight; among equals by turns.

    The caller says `begin` when it sends and `end` when that is done.
    """

    def __init__(self, weights: Mapping[str, float]) -> None:
        self._weights = _checked(weights)
        self._outstanding = dict.fromkeys(self._weights, 0.0)
        self._turns = RoundRobin(weights)

    def pick(self, key: bytes = b"", healthy: Collection[str] | None = None) -> str | None:
        members = [name for name in self._weights if healthy is None or name in healthy]
        if not members:
            return None
        loads = {name: self._outstanding[name] / self._weights[name] for name in members}
        least = min(loads.values())
        return self._turns.pick(key, [name for name in members if loads[name] == least])

    def begin(self, name: str, items: float = 1) -> None:
        """`items` are on their way to a member."""
        self._outstanding[name] += items

    def end(self, name: str, items: float = 1) -> None:
        """`items` are done, delivered or not."""
        self._outstanding[name] = max(0.0, self._outstanding[name] - items)


class ConsistentHash:
    """Equal keys to the same member, whatever other members come and go.

    Keys fall into slots; each slot ranks the members by weighted rendezvous hashing (Schindelhauer and
    Schomaker, 2005). When a member leaves, exactly its own slots move, about R/N of R keys with N members,
    each to the next in its rank; nothing moves among the others. Agents with the same members agree, in
    whatever order they learned of them.
    """

    def __init__(self, weights: Mapping[str, float], slots: int = SLOTS) -> None:
        self._weights = _checked(weights)
        names = sorted(self._weights)
        self._ranks = [self._rank(slot, names) for slot in range(slots)]

    def _rank(self, slot: int, names: list[str]) -> tuple[str, ...]:
        return tuple(
            sorted(names, key=lambda name: (-math.log(_uniform(slot, name)) / self._weights[name], name))
        )

    def slot(self, key: bytes) -> int:
        """The slot of a key: a trace id (16 bytes) or the bytes of an attribute."""
        digest = hashlib.blake2b(key, digest_size=8).digest()
        return int.from_bytes(digest, "big") % len(self._ranks)

    def pick(self, key: bytes, healthy: Collection[str] | None = None) -> str | None:
        ranked = self._ranks[self.slot(key)]
        if healthy is None:
            return ranked[0]
        return next((name for name in ranked if name in healthy), None)


def _uniform(slot: int, name: str) -> float:
    """A number in (0, 1) that slot and name fix."""
    digest = hashlib.blake2b(name.encode(), digest_size=8, salt=slot.to_bytes(8, "big")).digest()
    return (int.from_bytes(digest, "big") + 0.5) / 2.0**64
