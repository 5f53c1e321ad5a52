"""The pipeline's rules, made out of the configuration, and what they make of a request."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from host_agent.pipeline.items import ItemJudge, cut
from host_agent.pipeline.settings import Matching, PipelineConfig, RouteConfig, condition_of
from host_agent.pipeline.verdicts import Verdicts
from host_agent.tenant import Tenant
from wasm_sdk.otlp import Signal
from wasm_sdk.pipeline.program import Compiled, Program, RouteRule, SamplingRule
from wasm_sdk.pipeline.stamp import ResourceStamp
from wasm_sdk.rules import Condition
from wasm_sdk.rules.balance import ConsistentHash
from wasm_sdk.rules.filters import ErrorMode
from wasm_sdk.rules.tree import Not

STORE_BIT = 0
SLOTS = 1024
"""Shares of the keys that balancing hands out."""


@dataclass(frozen=True, slots=True)
class Judged:
    """A request as its verdicts leave it.

    Attributes:
        requests: what each destination gets, by its bit; b"" for nothing.
        items: spans, metrics or log records in each.
    """

    verdicts: Verdicts
    requests: list[bytes]
    items: list[int]

    @property
    def size(self) -> int:
        return sum(map(len, self.requests))


class Judge:
    """Judges and cuts requests.

    Args:
        bits: the number of each destination in verdicts; the store is 0.

    Raises:
        ValueError: a condition is none.
    """

    def __init__(self, config: PipelineConfig, bits: Mapping[str, int]) -> None:
        self._outputs = max(bits.values(), default=0) + 1
        self._key = config.tenant_attribute
        self._stamps: dict[Tenant, Callable[[bytes], bytes]] = {}
        everyone = sum(1 << bit for name, bit in bits.items())
        default = config.default
        chosen = sum(1 << bits[name] for name in default) if default is not None else 0
        propagate = config.error_mode is ErrorMode.PROPAGATE
        first = config.match is Matching.FIRST

        def routes(signal: Signal) -> tuple[RouteRule, ...]:
            return tuple(_route(each, signal, bits) for each in config.routes if each.takes(signal))

        unrouted = everyone if default is None and not config.routes else chosen
        always = 1 << STORE_BIT
        sampling = tuple(
            SamplingRule(
                condition_of(each.condition, Signal.TRACES) if each.condition else None, each.probability
            )
            for each in config.sampling
        )
        self._spans: Compiled = Program(
            drops=tuple(_drops(config, Signal.TRACES)),
            sampling=sampling,
            routes=routes(Signal.TRACES),
            first_match=first,
            default=unrouted,
            always=always,
            outputs=self._outputs,
            propagate=propagate,
        ).compile()
        self._items = {
            signal: ItemJudge(
                signal,
                _drops(config, signal),
                routes(signal),
                first=first,
                default=unrouted,
                always=always,
                propagate=propagate,
            )
            for signal in (Signal.METRICS, Signal.LOGS)
        }

    def judge(self, tenant: Tenant, signal: Signal, data: bytes) -> Judged:
        """Raises MalformedOTLP, EvaluationError (with error_mode propagate), ValueError."""
        if signal is not Signal.TRACES:
            return self.replay(tenant, signal, data, self._items[signal].judge(data))
        splicer = self._spans.splicer
        requests = splicer.judge(data, self._stamp(tenant))
        return Judged(Verdicts.of(splicer.table, splicer.verdicts), requests, splicer.counts)

    def replay(self, tenant: Tenant, signal: Signal, data: bytes, verdicts: Verdicts) -> Judged:
        """The same requests out of recorded verdicts. Raises MalformedOTLP, ValueError."""
        stamp = self._stamp(tenant)
        if signal is not Signal.TRACES:
            return Judged(verdicts, *cut(data, stamp, verdicts, self._outputs))
        splicer = self._spans.splicer
        known = (1 << self._outputs) - 1  # a destination may have gone since
        table = [(mask & known, threshold) for mask, threshold in verdicts.table]
        requests = splicer.replay(data, stamp, table, list(verdicts.items))
        return Judged(verdicts, requests, splicer.counts)

    def status(self) -> dict[str, object]:
        """What filters and conditions did since the start."""
        spans = self._spans
        return {
            "dropped": {
                "traces": spans.dropped,
                **{str(signal): judge.dropped for signal, judge in self._items.items()},
            },
            "unsampled_spans": spans.splicer.unsampled,
            "not_judged": spans.splicer.errors + sum(judge.errors for judge in self._items.values()),
            "not_judged_because": spans.splicer.reason,
        }

    def _stamp(self, tenant: Tenant) -> Callable[[bytes], bytes] | None:
        if self._key is None:
            return None
        stamp = self._stamps.get(tenant)
        if stamp is None:
            stamp = self._stamps[tenant] = ResourceStamp({self._key: tenant.name})
        return stamp


def _drops(config: PipelineConfig, signal: Signal) -> list[Condition]:
    found = []
    for each in getattr(config.filters, signal):
        condition = condition_of(each.drop or each.keep, signal)
        found.append(condition if each.drop else Condition(Not(condition.tree), condition.context))
    return found


def _route(route: RouteConfig, signal: Signal, bits: Mapping[str, int]) -> RouteRule:
    condition = condition_of(route.condition, signal) if route.condition is not None else None
    if route.balance is None:
        return RouteRule(condition, (sum(1 << bits[name] for name in dict.fromkeys(route.to)),))
    ring = ConsistentHash({name: route.weights.get(name, 1.0) for name in route.to}, SLOTS)
    chosen = (ring.pick(slot.to_bytes(2, "big")) for slot in range(SLOTS))
    return RouteRule(condition, tuple(1 << bits[name] for name in chosen if name is not None), route.balance)
