"""Judges metrics and log records, which are decoded for it, and cuts them out of their requests as bytes."""

from collections.abc import Callable, Iterator, Sequence
from zlib import crc32

from host_agent.pipeline.verdicts import Verdicts
from host_agent.store.envelope import close_envelope, open_envelope
from wasm_sdk.otlp import InstrumentationScope, Signal, decode
from wasm_sdk.pipeline.program import RouteRule
from wasm_sdk.pipeline.splice import UNCHANGED
from wasm_sdk.rules import Condition, EvaluationError, Item

_MEMBERS = {
    Signal.METRICS: ("resource_metrics", "scope_metrics", "metrics", "metric"),
    Signal.LOGS: ("resource_logs", "scope_logs", "log_records", "log"),
}


class ItemJudge:
    """The filters and routes of one signal.

    Args:
        drops: an item is dropped when one of them holds.
        first, default, always, propagate: as in `wasm_sdk.pipeline.program.Program`.

    Attributes:
        dropped: items that each of the drops took.
        errors: conditions that could not judge.
    """

    def __init__(
        self,
        signal: Signal,
        drops: Sequence[Condition],
        routes: Sequence[RouteRule],
        *,
        first: bool,
        default: int,
        always: int,
        propagate: bool,
    ) -> None:
        self.signal = signal
        self.dropped = [0] * len(drops)
        self.errors = 0
        self._drops = drops
        self._routes = routes
        self._first = first
        self._default = default
        self._always = always
        self._propagate = propagate
        self._same = not drops and all(r.condition is None and len(r.table) == 1 for r in routes)

    def judge(self, data: bytes) -> Verdicts:
        """Raises MalformedOTLP, EvaluationError (in mode propagate)."""
        if self._same:
            return Verdicts(((self._destinations(None), UNCHANGED),), [0])
        kinds: dict[tuple[int, int], int] = {}
        items: list[int] = []
        for item in self._items(data):
            mask = 0 if self._drop(item) else self._destinations(item)
            items.append(kinds.setdefault((mask, UNCHANGED), len(kinds)))
        return Verdicts.of(list(kinds), items)

    def _items(self, data: bytes) -> Iterator[Item]:
        resources, scopes, members, own = _MEMBERS[self.signal]
        for group in getattr(decode(self.signal, data), resources):
            item = Item(group.resource, InstrumentationScope(), resource_schema_url=group.schema_url)
            for scope in getattr(group, scopes):
                item.scope, item.scope_schema_url = scope.scope, scope.schema_url
                for member in getattr(scope, members):
                    setattr(item, own, member)
                    yield item

    def _holds(self, condition: Condition, item: Item) -> bool:
        try:
            return condition.test(item)
        except EvaluationError:
            self.errors += 1
            if self._propagate:
                raise
            return False

    def _drop(self, item: Item) -> bool:
        for number, condition in enumerate(self._drops):
            if self._holds(condition, item):
                self.dropped[number] += 1
                return True
        return False

    def _destinations(self, item: Item | None) -> int:
        mask = 0
        for route in self._routes:
            if route.condition is None or (item is not None and self._holds(route.condition, item)):
                mask |= route.table[_key(item, route.key) & (len(route.table) - 1)]
                if self._first:
                    break
        return (mask or self._default) | self._always


def _key(item: Item | None, key: str) -> int:
    """The number that chooses among balanced destinations: as for spans, of the same trace or resource."""
    if item is None or not key:
        return 0
    if key == "trace_id":
        return int.from_bytes(item.log.trace_id[-4:], "big") if item.log is not None else 0
    value = item.resource.attributes.get(key)
    return crc32(value.encode()) if isinstance(value, str) else 0


def cut(
    data: bytes, stamp: Callable[[bytes], bytes] | None, verdicts: Verdicts, outputs: int
) -> tuple[list[bytes], list[int]]:
    """The requests of the destinations, and how many items are in each. Raises MalformedOTLP, ValueError."""
    rows: list[list[tuple[bytes, bytes, bytes]]] = [[] for _ in range(outputs)]
    count = 0
    for resource, scope, items in open_envelope(data):
        frame = stamp(resource) if stamp is not None else resource
        for item in items:
            number = verdicts.items[count if len(verdicts.items) > 1 else 0]
            count += 1
            mask = verdicts.table[number][0]
            for index in range(outputs):
                if mask >> index & 1:
                    rows[index].append((frame, scope, item))
    return [close_envelope(each) for each in rows], [len(each) for each in rows]
