"""Failover: levels of destinations, the first healthy level serves, and what comes back comes back
gradually.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


@dataclass(slots=True)
class _Health:
    failures: int = 0
    down: bool = False
    well_since: float = float("-inf")


@dataclass(slots=True)
class Failover:
    """Which level serves an item. Time is what the caller says, in monotonic seconds.

    Attributes:
        levels: names of destinations, the preferred level first.
        failures: so many failures in a row take a destination down.
        ramp: seconds over which a destination that is well again gets its share back, from none to all.
    """

    levels: Sequence[Sequence[str]]
    failures: int = 3
    ramp: float = 30.0
    _health: dict[str, _Health] = field(default_factory=dict)

    def __post_init__(self) -> None:
        names = [name for level in self.levels for name in level]
        if not names or len(set(names)) < len(names):
            raise ValueError("failover needs destinations, each in one level")
        self._health = {name: _Health() for name in names}

    def failed(self, name: str, now: float) -> None:
        """A delivery or a health check failed."""
        health = self._health[name]
        health.failures += 1
        if health.failures >= self.failures:
            health.down = True

    def succeeded(self, name: str, now: float) -> None:
        """A delivery or a health check went well; one that was down begins its return."""
        health = self._health[name]
        if health.down:
            health.well_since = now
        health.failures, health.down = 0, False

    def share(self, name: str, now: float) -> float:
        """How much of its traffic a destination takes now, 0 to 1."""
        health = self._health[name]
        if health.down:
            return 0.0
        return 1.0 if self.ramp <= 0 else max(0.0, min(1.0, (now - health.well_since) / self.ramp))

    def candidates(self, position: float, now: float) -> tuple[str, ...]:
        """The destinations that may serve an item, all of one level; () when everything is down.

        Args:
            position: a number in [0, 1) that belongs to the item (its trace id's randomness), so that
            during a return
                the same traces stay with the same level.
            now: the moment.
        """
        last_resort: tuple[str, ...] = ()
        for level in self.levels:
            up = tuple(name for name in level if not self._health[name].down)
            taking = tuple(name for name in up if position < self.share(name, now))
            if taking:
                return taking
            last_resort = last_resort or up
        return last_resort
