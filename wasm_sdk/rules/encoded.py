"""Conditions for spans that are still bytes: which fields to look for, and the tests over them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasm_sdk.otlp.from_protobuf import decode_span, decode_traces
from wasm_sdk.otlp.model import InstrumentationScope, Resource
from wasm_sdk.otlp.value_from_protobuf import any_value
from wasm_sdk.otlp.values import plain
from wasm_sdk.otlp.wire import put_varint
from wasm_sdk.rules import spantests as tests
from wasm_sdk.rules.check import arguments, function_of, literals
from wasm_sdk.rules.decoded import Decoded, Item, deprecated_kind_name, kind_name, span_id, trace_id
from wasm_sdk.rules.evaluate import Builder, constant
from wasm_sdk.rules.kinds import Kind
from wasm_sdk.rules.paths import NUMBERS
from wasm_sdk.rules.patterns import compile_pattern
from wasm_sdk.rules.probability import rejection_threshold
from wasm_sdk.rules.resolve import field_of
from wasm_sdk.rules.slots import ABSENT, BOOL, BYTES, DOUBLE, EMPTY, INT, STRING
from wasm_sdk.rules.spanview import RESOURCE, SCOPE, SPAN, STATUS_CODE, STATUS_MESSAGE, SpanView
from wasm_sdk.rules.tree import (
    And,
    Arithmetic,
    Call,
    Compare,
    ListOf,
    Literal,
    MapOf,
    Negate,
    Node,
    Not,
    Or,
    Path,
    Predicate,
    Symbol,
    Value,
)
from wasm_sdk.rules.values import RuleValue, Time, compare, decode, encode
from wasm_sdk.rules.windows import window

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from wasm_sdk.otlp.wire import SpanSlice
    from wasm_sdk.rules.condition import Condition

_SECTIONS = {"resource": RESOURCE, "scope": SCOPE, "span": SPAN}
# Numbers of the fields that slots can hold; the schema URL, which stands one message further out, is 0.
_NUMBERS: dict[str, int] = {
    "resource.dropped_attributes_count": 2, "resource.schema_url": 0,
    "scope.name": 1, "scope.version": 2, "scope.dropped_attributes_count": 4, "scope.schema_url": 0,
    "span.trace_id": 1, "span.span_id": 2, "span.trace_state": 3, "span.parent_span_id": 4, "span.name": 5,
    "span.kind": 6, "span.start_time": 7, "span.end_time": 8, "span.start_time_unix_nano": 7,
    "span.end_time_unix_nano": 8, "span.dropped_attributes_count": 10, "span.dropped_events_count": 12,
    "span.dropped_links_count": 14, "span.flags": 16, "span.status.code": STATUS_CODE,
    "span.status.message": STATUS_MESSAGE,
}  # fmt: skip
_MIRRORED = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_INTS = {"kind", "code", "flags"}
# Last parts of paths that make a text of the field before them.
_DERIVED = ("string", "deprecated_string")
_AFFIXES = {"HasPrefix": str.startswith, "HasSuffix": str.endswith}


class SpanRules:
    """Conditions compiled together for encoded spans.

    Args:
        conditions: of the contexts span, scope and resource.
        span_fields: numbers of further fields of spans to find.
        resource_keys: further attributes of resources to find.

    Attributes:
        view: what looks at one span after the other; open the span, then ask the tests.
        tests: one for each condition, in their order.
    """

    def __init__(
        self,
        conditions: Sequence[Condition],
        *,
        span_fields: Sequence[int] = (),
        resource_keys: Sequence[str] = (),
    ) -> None:
        for condition in conditions:
            if condition.context not in _SECTIONS:
                raise ValueError(f"a {condition.context} rule cannot judge encoded spans: {condition.text}")
        self._slots = _Slots(conditions, span_fields, resource_keys)
        self.view = self._slots.view()
        self.tests = tuple(_Compiler(c.context, self._slots).test(c.tree) for c in conditions)

    def judge(self, span: SpanSlice) -> list[int]:
        """The result of every test for one span: 0 no, 1 yes, 2 cannot be judged."""
        view = self.view
        view.open(span.resource, span.scope, span.span)
        return [tests.test(test, view) for test in self.tests]

    def field_slot(self, number: int) -> int:
        """The slot of one of `span_fields`."""
        return self._slots.fields[SPAN][number]

    def resource_slot(self, key: str) -> int:
        """The slot of one of `resource_keys`."""
        return self._slots.keys[RESOURCE][encode(key)]


class _Slots:
    """Which slot holds which field or attribute."""

    def __init__(
        self, conditions: Sequence[Condition], span_fields: Sequence[int], resource_keys: Sequence[str]
    ) -> None:
        self.fields: list[dict[int, int]] = [{}, {}, dict.fromkeys(span_fields, 0)]
        self.keys: list[dict[bytes, int]] = [dict.fromkeys(map(encode, resource_keys), 0), {}, {}]
        for condition in conditions:
            for path in _paths(condition.tree, condition.context):
                section = _SECTIONS[path.context]
                key = _entry_key(path)
                number = _number(path)
                if key is not None:
                    self.keys[section].setdefault(encode(key), 0)
                elif number is not None:
                    self.fields[section].setdefault(number, 0)
        slot = 0
        for fields, keys in zip(self.fields, self.keys, strict=True):
            for group in (fields, keys):
                for name in group:
                    group[name] = slot  # type: ignore[index]
                    slot += 1

    def view(self) -> SpanView:
        return SpanView(self.fields, self.keys)

    def of(self, path: Path) -> int | None:
        """The slot of a field, or of the attribute that the path's only key names."""
        section = _SECTIONS[path.context]
        key = _entry_key(path)
        if key is not None:
            return self.keys[section][encode(key)] if len(path.keys) == 1 else None
        number = None if path.fields[-1] in _DERIVED else _number(path)
        return None if number is None or path.keys else self.fields[section][number]

    # the `Source` of the generic evaluation

    def entry(self, path: Path, key: str) -> Callable[[SpanView], RuleValue]:
        slot = self.keys[_SECTIONS[path.context]][encode(key)]
        return lambda view: _value(view, slot)

    def path(self, path: Path) -> Callable[[SpanView], RuleValue]:
        number = _number(path)
        if number is None:
            return _through_model(path)
        slot = self.fields[_SECTIONS[path.context]][number]
        last = path.fields[-1]
        if path.fields[0] in ("trace_id", "span_id", "parent_span_id"):
            make = trace_id if path.fields[0] == "trace_id" else span_id
            if last == "string":
                return lambda view: make(_content(view, slot)).hex()
            return lambda view: make(_content(view, slot))
        if last in ("start_time", "end_time"):
            return lambda view: Time(_int(view, slot))
        if path.fields == ("kind", "string"):
            return lambda view: kind_name(_int(view, slot))
        if path.fields == ("kind", "deprecated_string"):
            return lambda view: deprecated_kind_name(_int(view, slot))
        if last in _INTS or last.endswith(("_count", "_nano")):
            return lambda view: _int(view, slot)
        return lambda view: decode(_content(view, slot))


def _content(view: SpanView, slot: int) -> bytes:
    return b"" if view.kind(slot) == ABSENT else view.content(slot)


def _int(view: SpanView, slot: int) -> int:
    return 0 if view.kind(slot) == ABSENT else view.number(slot)


def _value(view: SpanView, slot: int) -> RuleValue:
    """The value of an attribute, None when it is absent or empty."""
    kind = view.kind(slot)
    if kind in (ABSENT, EMPTY):
        return None
    if kind == STRING:
        return decode(view.content(slot))
    if kind == INT:
        return view.number(slot)
    if kind == BOOL:
        return view.number(slot) != 0
    if kind == DOUBLE:
        return view.real(slot)
    content = view.content(slot)
    return content if kind == BYTES else plain(any_value(content, 0, len(content), 5))


def _entry_key(path: Path) -> str | None:
    """The attribute that a path surely reads; None when its key is calculated, or it has none."""
    if path.fields != ("attributes",) or not path.keys or not isinstance(path.keys[0], Literal):
        return None
    key = path.keys[0].value
    return key if isinstance(key, str) else None


def _number(path: Path) -> int | None:
    fields = path.fields
    if fields[-1] in _DERIVED:
        fields = fields[:-1]
    return _NUMBERS.get(".".join((path.context, *fields)))


def _paths(node: Node, context: str) -> Iterator[Path]:
    match node:
        case Path(_, _, keys):
            yield node
            children: tuple[Node, ...] = keys
        case Call(_, positional, named, keys):
            yield from function_of(node, context).reads(context) or ()
            children = (*positional, *(value for _, value in named), *keys)
        case And(operands) | Or(operands):
            children = operands
        case Not(operand) | Negate(operand):
            children = (operand,)
        case Compare(_, left, right) | Arithmetic(_, left, right):
            children = (left, right)
        case ListOf(items):
            children = items
        case MapOf(entries):
            children = tuple(value for _, value in entries)
        case Literal() | Symbol():
            children = ()
    for child in children:
        yield from _paths(child, context)


def _through_model(path: Path) -> Callable[[SpanView], RuleValue]:
    """For what no slot holds: decode the section that the path is of, once for each time it is opened."""
    read = Decoded().path(path)
    item = Item(Resource(), InstrumentationScope())
    seen = -1

    def get(view: SpanView) -> RuleValue:
        nonlocal seen
        generations = (view.resource_generation, view.scope_generation, view.generation)
        current = generations[_SECTIONS[path.context]]
        if seen != current:
            seen = current
            if path.context == "span":
                item.span = decode_span(view.span[view.start : view.stop])
            elif path.context == "scope":
                scope = _field(0x12, view.scope[view.scope_start : view.scope_stop])
                item.scope = decode_traces(_field(0x0A, scope)).resource_spans[0].scope_spans[0].scope
            else:
                resource = _field(0x0A, view.resource[view.resource_start : view.resource_stop])
                item.resource = decode_traces(resource).resource_spans[0].resource
        return read(item)

    return get


def _field(tag: int, content: bytes) -> bytes:
    head = bytearray((tag,))
    put_varint(head, len(content))
    return bytes(head) + content


class _Compiler:
    def __init__(self, context: str, slots: _Slots) -> None:
        self.context = context
        self.slots = slots
        self.builder = Builder(context, slots)

    def test(self, node: Predicate) -> tests.Test:
        known = constant(node)
        if known is not None:
            return tests.Constant(known)
        match node:
            case And(operands):
                return tests.All([self.test(operand) for operand in operands])
            case Or(operands):
                return tests.Any_([self.test(operand) for operand in operands])
            case Not(operand):
                return tests.Not(self.test(operand))
            case Compare(symbol, Path() as left, right):
                return self.comparison(node, symbol, left, right)
            case Compare(symbol, left, Path() as right):
                return self.comparison(node, _MIRRORED[symbol], right, left)
            case Call():
                return self.call(node)
        return self.other(node)

    def other(self, node: Predicate) -> tests.Test:
        return tests.Other(self.builder.predicate(node))

    def comparison(self, node: Compare, symbol: str, path: Path, value: Value) -> tests.Test:
        slot = self.slots.of(path)
        if slot is None or not isinstance(value, Literal | Symbol):
            return self.other(node)
        literal = NUMBERS[value.name] if isinstance(value, Symbol) else value.value
        default = self.default(path)
        if literal is None and default is None:
            if symbol in "<>":
                return tests.Constant(False)
            return tests.Not(tests.Absent(slot)) if symbol == "!=" else tests.Absent(slot)
        # What is neither a number, a string nor an attribute is compared as the value that it is.
        if not isinstance(default, int | str | None) or isinstance(literal, bytes) or literal is None:
            return self.other(node)
        absent = compare(symbol, default, literal)
        if isinstance(literal, bool):
            return tests.Number(slot, symbol, int(literal), absent, truth=True)
        if isinstance(literal, int):
            return tests.Number(slot, symbol, literal, absent)
        if isinstance(literal, float):
            return tests.Double(slot, symbol, literal, absent)
        return tests.Text(slot, symbol, encode(literal), absent)

    def default(self, path: Path) -> RuleValue:
        """The value of the path where the field is absent; bytes stand for all that is neither text nor
        int.
        """
        if _entry_key(path) is not None:
            return None
        kind = field_of(path).kind
        return "" if kind == Kind.STRING else 0 if kind == Kind.INT else b""

    def call(self, node: Call) -> tests.Test:
        given = {parameter.name: value for parameter, value in arguments(node, self.context)}
        known = literals(list(arguments(node, self.context)))
        target = given.get("target")
        slot = self.slots.of(target) if isinstance(target, Path) else None
        match node.function:
            case "IsMatch" if slot is not None and isinstance(target, Path) and "pattern" in known:
                return self.match(node, slot, target, str(known["pattern"]))
            case "HasPrefix" | "HasSuffix" if slot is not None and isinstance(target, Path):
                affix = known.get("prefix", known.get("suffix"))
                default = self.default(target)
                if isinstance(affix, str) and isinstance(default, str | None):
                    absent = (
                        tests.UNKNOWN if default is None else int(_AFFIXES[node.function](default, affix))
                    )
                    return tests.Affix(slot, encode(affix), node.function == "HasSuffix", absent)
            case "IsRootSpan":
                return tests.Root(self.slots.fields[SPAN][4])
            case "Probability":
                fields = self.slots.fields[SPAN]
                return tests.Kept(fields[1], fields[3], rejection_threshold(float(known["rate"])))  # type: ignore[arg-type]
            case "Within":
                zone = str(known.get("timezone", "UTC"))
                return tests.Within(
                    self.slots.fields[SPAN][7], window(str(known["start"]), str(known["end"]), zone)
                )
        return self.other(node)

    def match(self, node: Call, slot: int, target: Path, source: str) -> tests.Test:
        default = self.default(target)
        if not isinstance(default, str | None):
            return self.other(node)
        pattern = compile_pattern(source)
        absent = default is not None and pattern.search(default)
        return tests.Match(slot, pattern, absent, self.other(node))
