"""Filters, sampling and routes as conditions, made into a `Splicer`."""

from collections.abc import Sequence
from dataclasses import dataclass

from wasm_sdk.pipeline.parts import BY_ATTRIBUTE, BY_TRACE, NO_KEY, Policy, Route
from wasm_sdk.pipeline.splice import ERASE, IGNORE, PROPAGATE, Splicer
from wasm_sdk.pipeline.tracestate import restate
from wasm_sdk.rules import Condition
from wasm_sdk.rules.check import arguments, literals
from wasm_sdk.rules.encoded import SpanRules
from wasm_sdk.rules.spantests import Constant, Kept, Test
from wasm_sdk.rules.tree import And, Call, Compare, ListOf, Node, Not, Or, Predicate
from wasm_sdk.sampling.threshold import MAX_THRESHOLD, from_probability

# Slots for what is written or balanced by, whether or not a rule asks for it.
_TRACE_ID, _TRACE_STATE = 1, 3


@dataclass(frozen=True, slots=True)
class SamplingRule:
    """The share of the spans that is kept for which `condition` (None: any) holds."""

    condition: Condition | None
    probability: float


@dataclass(frozen=True, slots=True)
class RouteRule:
    """Where the spans go for which `condition` (None: any) holds.

    Attributes:
        table: destinations as bit sets; one, or as many as a power of two, chosen by `key`.
        key: what chooses: "trace_id", or an attribute of the resource; "" where the table has one entry.
    """

    condition: Condition | None
    table: tuple[int, ...]
    key: str = ""


@dataclass(frozen=True, slots=True)
class Program:
    """What happens to spans, in this order: drops, sampling, routes.

    Attributes:
        drops: conditions; a span is dropped when one holds. One that is `not Probability(x)` samples: spans
            that pass carry its threshold.
        sampling: the first rule that holds counts.
        routes: where spans go.
        first_match: only the first route that holds counts.
        default: destinations (bits) of spans that no route takes.
        always: destinations of every span that is kept.
        outputs: number of destinations.
        propagate: a condition that cannot judge a span fails the request, instead of not holding.
    """

    drops: tuple[Condition, ...] = ()
    sampling: tuple[SamplingRule, ...] = ()
    routes: tuple[RouteRule, ...] = ()
    first_match: bool = False
    default: int = 0
    always: int = 0
    outputs: int = 1
    propagate: bool = False

    def compile(self) -> "Compiled":
        """The program ready to run. Raises RuleError, ValueError."""
        return Compiled(self)


class Compiled:
    """A splicer and which of its tests belong to which rule.

    Attributes:
        splicer: what runs.
        routes: the routes, whose tables may be changed while running.
    """

    def __init__(self, program: Program) -> None:
        parts = [(number, part) for number, drop in enumerate(program.drops) for part in _or_parts(drop)]
        rates = [rate for _, part in parts if (rate := _inverse_probability(part.tree)) is not None]
        floor = max((_threshold(rate) for rate in rates), default=0)
        plain = [(number, part) for number, part in parts if _inverse_probability(part.tree) is None]
        # A probability inside a larger condition: nobody can tell what the spans that pass stand for.
        hidden = any(_mentions_probability(part.tree) for _, part in plain)
        wanted = [part for _, part in plain]
        wanted += [rule.condition for rule in program.sampling if rule.condition is not None]
        wanted += [route.condition for route in program.routes if route.condition is not None]
        keys = sorted({route.key for route in program.routes if route.key and route.key != "trace_id"})
        rules = SpanRules(wanted, span_fields=(_TRACE_ID, _TRACE_STATE), resource_keys=keys)
        tests = iter(rules.tests)
        drops = [next(tests) for _ in plain]
        self._owners = [number for number, _ in plain]
        self._filters = len(program.drops)
        trace_id, trace_state = rules.field_slot(_TRACE_ID), rules.field_slot(_TRACE_STATE)

        def policy(test: Test, threshold: int) -> Policy:
            threshold = max(threshold, floor)
            return Policy(test, Kept(trace_id, trace_state, threshold), ERASE if hidden else threshold)

        policies = [
            policy(
                next(tests) if rule.condition is not None else Constant(True), _threshold(rule.probability)
            )
            for rule in program.sampling
        ]
        if (rates or hidden) and not any(rule.condition is None for rule in program.sampling):
            policies.append(policy(Constant(True), floor))
        self.routes = []
        for rule in program.routes:
            test = next(tests) if rule.condition is not None else Constant(True)
            if not rule.key:
                self.routes.append(Route(test, rule.table, NO_KEY))
            elif rule.key == "trace_id":
                self.routes.append(Route(test, rule.table, BY_TRACE, trace_id))
            else:
                self.routes.append(Route(test, rule.table, BY_ATTRIBUTE, rules.resource_slot(rule.key)))
        self.splicer = Splicer(
            rules.view,
            drops,
            policies,
            self.routes,
            first=program.first_match,
            default=program.default,
            always=program.always,
            outputs=program.outputs,
            trace_state=trace_state,
            restate=restate,
            error_mode=PROPAGATE if program.propagate else IGNORE,
        )

    @property
    def dropped(self) -> list[int]:
        """How many spans each of the program's drops took; a sampling one counts as unsampled."""
        counts = [0] * self._filters
        for owner, count in zip(self._owners, self.splicer.dropped, strict=True):
            counts[owner] += count
        return counts


def _threshold(probability: float) -> int:
    return MAX_THRESHOLD if probability <= 0 else from_probability(probability)


def _or_parts(condition: Condition) -> list[Condition]:
    tree = condition.tree
    operands: Sequence[Predicate] = tree.operands if isinstance(tree, Or) else (tree,)
    return [Condition(operand, condition.context) for operand in operands]


def _inverse_probability(tree: Node) -> float | None:
    """The rate of `not Probability(rate)`."""
    match tree:
        case Not(Call(function="Probability") as call):
            known = literals(list(arguments(call, "span")))
            rate = known.get("rate")
            return float(rate) if isinstance(rate, int | float) else None
    return None


def _mentions_probability(node: Node) -> bool:
    match node:
        case Call(function, positional, named):
            inner = (*positional, *(value for _, value in named))
            return function == "Probability" or any(_mentions_probability(each) for each in inner)
        case And(operands) | Or(operands):
            return any(_mentions_probability(each) for each in operands)
        case Not(operand):
            return _mentions_probability(operand)
        case Compare(_, left, right):
            return _mentions_probability(left) or _mentions_probability(right)
        case ListOf(items):
            return any(_mentions_probability(each) for each in items)
    return False
