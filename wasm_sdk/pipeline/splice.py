"""A request in, one request for each destination out: spans are judged and copied as the bytes they are.

Only what has to change is written anew: the lengths around the spans, the tenant in the resource, and the
sampling threshold in the tracestate. A pass also gives the verdict on each span, from which a later pass
makes the same requests again without judging. Plain Python that Cython compiles (types in `splice.pxd`).
"""

from collections.abc import Callable, Sequence
from typing import Any

from wasm_sdk.otlp.errors import malformed_at
from wasm_sdk.otlp.wire import delimited, skip, varint32
from wasm_sdk.pipeline.parts import Output, Policy, Route, head, numbers
from wasm_sdk.rules.errors import EvaluationError
from wasm_sdk.rules.spantests import Test
from wasm_sdk.rules.spanview import SpanView

_COMPILED = not __file__.endswith((".py", ".pyc"))

UNCHANGED = -1
"""A threshold: leave the span's tracestate as it is."""
ERASE = -2
"""A threshold: the probability is not known, so `th` goes."""
_UNCHANGED = -1

IGNORE, PROPAGATE = range(2)

_ABSENT = 0
_HEADS = 2048
_REMEMBERED = 4096
_LOOKED_AT = 256


class Splicer:
    """Judges the spans of requests and splices them.

    Args:
        view: what the tests look through; it has slots for the trace id and the tracestate.
        drops: a span goes nowhere when one of them holds.
        policies: the first whose test holds samples the span; without any, tracestate stays as it is.
        routes: where spans go.
        first: whether only the first matching route counts, or all that match.
        default: destinations, as a bit set, of spans that no route matches.
        always: destinations that get every span which is kept.
        outputs: how many destinations there are, at most 64.
        trace_state: slot of the tracestate.
        restate: the tracestate with a threshold written into it (content, threshold).
        error_mode: IGNORE takes a test that cannot judge as not matching, PROPAGATE raises.

    Attributes:
        dropped: spans for which each of the drops held.
        unsampled: spans that a policy did not keep.
        errors: tests that could not judge; `reason` says why the last one could not.
    """

    def __init__(
        self,
        view: SpanView,
        drops: Sequence[Test],
        policies: Sequence[Policy],
        routes: Sequence[Route],
        *,
        first: bool,
        default: int,
        always: int,
        outputs: int,
        trace_state: int,
        restate: Callable[[bytes, int], bytes],
        error_mode: int = IGNORE,
    ) -> None:
        if outputs > 64:
            raise ValueError(f"{outputs} destinations: there can be 64")
        self.view = view
        self.drops = tuple(drops)
        self.policies = tuple(policies)
        self.routes = tuple(routes)
        self.first = first
        self.default = default
        self.always = always
        self.outputs = [Output() for _ in range(outputs)]
        self.trace_state = trace_state
        self.restate = restate
        self.error_mode = error_mode
        self.dropped = [0] * len(self.drops)
        self.unsampled = 0
        self.errors = 0
        self.reason = ""
        self.table: list[tuple[int, int]] = []
        self.verdicts: list[int] = []
        self._recorded: list[int] | None = None
        self._stamp: Callable[[bytes], bytes] | None = None
        self._heads: list[bytes | None] = []
        self._heads_of: dict[int, list[bytes | None]] = {}
        self._heads_threshold = _UNCHANGED
        self._states: dict[tuple[bytes, int], bytes] = {}
        self._threshold = _UNCHANGED
        # The same as `table`, for the first of its entries; compiled code compares machine numbers.
        self._masks: Any = numbers("Q", [0] * _LOOKED_AT)
        self._thresholds: Any = numbers("q", [0] * _LOOKED_AT)

    def judge(self, data: bytes, stamp: Callable[[bytes], bytes] | None) -> list[bytes]:
        """The requests of the destinations, in their order, b"" where one gets nothing.

        Afterwards `table` holds the different verdicts (destinations, threshold), and `verdicts` which of
        them each span got, in the order of the request.

        Args:
            stamp: makes the fields of a ResourceSpans, other than its scope_spans, into those that leave.

        Raises:
            MalformedOTLP: the request is none. Nothing is kept of it.
            EvaluationError: a test could not judge, and `error_mode` is PROPAGATE.
        """
        self.table = []
        self.verdicts = []
        self._recorded = None
        self._stamp = stamp
        return self._pass(data)

    def replay(
        self,
        data: bytes,
        stamp: Callable[[bytes], bytes] | None,
        table: list[tuple[int, int]],
        verdicts: list[int],
    ) -> list[bytes]:
        """The same requests out of recorded verdicts; one verdict alone in `verdicts` holds for every span.

        Raises:
            MalformedOTLP: as `judge`.
            ValueError: there are not as many verdicts as spans.
        """
        self.table = list(table)
        self._recorded = verdicts
        self.verdicts = []
        self._stamp = stamp
        result = self._pass(data)
        if len(verdicts) not in (1, len(self.verdicts)):
            raise ValueError(f"{len(verdicts)} verdicts on {len(self.verdicts)} spans")
        return result

    def _pass(self, data: bytes) -> list[bytes]:
        for output in self.outputs:
            output.clear()
        try:
            self._request(data, len(data))
        except IndexError:
            raise malformed_at("the data ends in the middle of a field", len(data)) from None
        return [b"".join(output.parts) for output in self.outputs]

    @property
    def counts(self) -> list[int]:
        """Spans in the requests that the last pass made."""
        return [output.items for output in self.outputs]

    def _request(self, data: bytes, end: int) -> int:
        pos = 0
        while pos < end:
            tag, pos = varint32(data, pos)
            if tag == 0x0A:
                pos, stop = delimited(data, pos, end)
                self._resource(data, pos, stop)
                pos = stop
            else:
                pos = skip(data, pos, tag, end, 0)
        return 0

    def _resource(self, data: bytes, pos: int, end: int) -> int:
        rest = _rest(data, pos, end, 0x12)
        stamp = self._stamp
        if stamp is not None:
            rest = stamp(rest)
        if self._recorded is None:
            self.view.open_resource(data, pos, end)
        while pos < end:
            tag, pos = varint32(data, pos)
            if tag == 0x12:
                pos, stop = delimited(data, pos, end)
                self._scope(data, pos, stop)
                pos = stop
            else:
                pos = skip(data, pos, tag, end, 1)
        for output in self.outputs:
            output.end_resource(rest)
        return 0

    def _scope(self, data: bytes, pos: int, end: int) -> int:
        rest = _rest(data, pos, end, 0x12)
        if self._recorded is None:
            self.view.open_scope(data, pos, end)
        while pos < end:
            field = pos
            tag, pos = varint32(data, pos)
            if tag == 0x12:
                pos, stop = delimited(data, pos, end)
                self._span(data, field, pos, stop)
                pos = stop
            else:
                pos = skip(data, pos, tag, end, 2)
        for output in self.outputs:
            output.end_scope(rest)
        return 0

    def _span(self, data: bytes, field: int, pos: int, end: int) -> int:
        recorded = self._recorded
        if recorded is None:
            self.view.open_span(data, pos, end)
            mask = self._destinations(self.view)
            if mask == 0:
                self._threshold = _UNCHANGED
            threshold = self._threshold
            self.verdicts.append(self._verdict(mask, threshold))
        else:
            index = len(self.verdicts)
            if len(recorded) > 1 and index >= len(recorded):
                raise ValueError("there are more spans than verdicts")
            number = recorded[index if len(recorded) > 1 else 0]
            self.verdicts.append(number)
            mask, threshold = self.table[number]
            if mask and threshold != _UNCHANGED:
                self.view.open_span(data, pos, end)
        if mask == 0:
            return 0
        if threshold == _UNCHANGED:
            self._put(mask, data[field:end], None)
        elif self.view.kinds[self.trace_state] == _ABSENT:
            if threshold >= 0:
                self._put(mask, self._start(end - pos, threshold), data[pos:end])
            else:
                self._put(mask, data[field:end], None)
        else:
            self._restated(data, pos, end, mask, threshold)
        return 0

    def _destinations(self, view: SpanView) -> int:
        """The bit set of destinations; notes the threshold."""
        for index in range(len(self.drops)):
            drop = self.drops[index]
            result = drop.test(view)
            if result == 1:
                self.dropped[index] += 1
                return 0
            if result == 2:
                self._failed(view)
        self._threshold = _UNCHANGED
        for policy in self.policies:
            result = policy.test.test(view)
            if result == 2:
                self._failed(view)
            if result == 1:
                if policy.kept.test(view) != 1:
                    self.unsampled += 1
                    return 0
                self._threshold = policy.threshold
                break
        mask = 0
        for route in self.routes:
            result = route.test.test(view)
            if result == 1:
                route.matched += 1
                mask |= route.choose(view)
                if self.first:
                    break
            elif result == 2:
                self._failed(view)
        return (mask or self.default) | self.always

    def _failed(self, view: SpanView) -> int:
        self.errors += 1
        self.reason = view.reason
        if self.error_mode == 1:
            raise EvaluationError(view.reason)
        return 0

    def _verdict(self, mask: int, threshold: int) -> int:
        count = len(self.table)
        for index in range(min(count, _LOOKED_AT)):
            if self._masks[index] == mask and self._thresholds[index] == threshold:
                return index
        if count >= _LOOKED_AT and (mask, threshold) in self.table:
            return self.table.index((mask, threshold))
        if count < _LOOKED_AT:
            self._masks[count] = mask
            self._thresholds[count] = threshold
        self.table.append((mask, threshold))
        return count

    def _put(self, mask: int, first: bytes, second: bytes | None) -> int:
        size = len(first) + (0 if second is None else len(second))
        index = 0
        while mask:
            if mask & 1:
                output = self.outputs[index]
                output.spans.append(first)
                if second is not None:
                    output.spans.append(second)
                output.spans_size += size
                output.items += 1
            mask >>= 1
            index += 1
        return 0

    def _start(self, size: int, threshold: int) -> bytes:
        """Tag, length and tracestate of a span that has `size` bytes without a tracestate."""
        if threshold != self._heads_threshold:
            self._heads = self._heads_of.setdefault(threshold, [None] * _HEADS)
            self._heads_threshold = threshold
        if size < _HEADS:
            known = self._heads[size]
            if known is not None:
                return known
        state = self._state(b"", threshold)
        start = head(0x12, size + len(state)) + state
        if size < _HEADS:
            self._heads[size] = start
        return start

    def _state(self, content: bytes, threshold: int) -> bytes:
        """The field of a tracestate that had this content, with its tag."""
        known = self._states.get((content, threshold))
        if known is None:
            text = self.restate(content, threshold)
            known = head(0x1A, len(text)) + text if text else b""
            if len(self._states) >= _REMEMBERED:
                self._states.clear()
            self._states[content, threshold] = known
        return known

    def _restated(self, data: bytes, pos: int, end: int, mask: int, threshold: int) -> int:
        """Put a span whose tracestate changes: the old one is cut out, the new one stands last and counts."""
        at = self.view.at[self.trace_state]
        size = self.view.sizes[self.trace_state]
        field = at - 2 if size < 128 else at - 3
        if (
            field < pos
            or data[field] != 0x1A
            or not (data[field + 1] == size if size < 128 else size < 16384 and data[field + 2] == size >> 7)
        ):
            field = at + size  # an unusual encoding of its length: it stays, and the one behind it counts
        state = self._state(data[at : at + size], threshold)
        if not state and field == at + size:
            state = b"\x1a\x00"
        content = field - pos + end - at - size + len(state)
        self._put(mask, head(0x12, content) + data[pos:field], data[at + size : end] + state)
        return 0


def _rest(data: bytes, pos: int, end: int, wanted: int) -> bytes:
    """The fields of a message other than `wanted`."""
    rest: bytes = b""
    while pos < end:
        start = pos
        tag, pos = varint32(data, pos)
        pos = skip(data, pos, tag, end, 1)
        if tag != wanted:
            part = data[start:pos]
            rest = part if not rest else rest + part
    return rest
