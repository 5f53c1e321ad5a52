"""A matcher whose time grows with the length of the value only, whatever the pattern.

Thompson's construction, run as a deterministic automaton that is built while it runs (as RE2 does): a state
is the set of program places that are alive plus what stood before; states are remembered until there are
too many.
Source: Russ Cox, "Regular Expression Matching in the Wild" (2010).
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass, field

from wasm_sdk.rules.errors import EvaluationError
from wasm_sdk.rules.patterns.charset import LAST, PERL, Ranges
from wasm_sdk.rules.patterns.syntax import Assertion, Chars, Choice, Regex, Repeat, Sequence

MAX_STATES = 2_000
MAX_WORK = 5_000_000
"""Program places visited for one value while states are built, 0.1 to 0.2 us each: half a second to a
second.
"""

# What stands beside a place in the text.
EDGE, NEWLINE, WORD, OTHER = range(4)


@dataclass(slots=True)
class State:
    """Program places that wait for the next character, and what stood before them."""

    places: frozenset[int]
    before: int
    # The state after each class of character, and last at the end; True is matched, False never will.
    after: list[State | bool | None] = field(default_factory=list)


class Automaton:
    """`search(text)` tells whether the pattern is found anywhere in the text."""

    def __init__(self, regex: Regex) -> None:
        self._chars: dict[int, Ranges] = {}
        self._next: list[tuple[int, ...]] = []
        self._asserts: dict[int, str] = {}
        end = self._add(())  # place 0 is the match
        self._start = self._build(regex, end)
        self._bounds, self._kinds = self._classes()
        self._accepts = {
            place: frozenset(c for c, low in enumerate(self._bounds) if any(a <= low <= b for a, b in ranges))
            for place, ranges in self._chars.items()
        }
        self._ascii = [bisect_right(self._bounds, code) - 1 for code in range(128)]
        self._states: dict[tuple[frozenset[int], int], State] = {}
        self._first = self._state(frozenset((self._start,)), EDGE)

    def search(self, text: str) -> bool:
        """Raises EvaluationError when this text takes more work than MAX_WORK."""
        state = self._first
        ascii_classes, bounds = self._ascii, self._bounds
        work = 0
        for char in text:
            code = ord(char)
            klass = ascii_classes[code] if code < 128 else bisect_right(bounds, code) - 1
            after = state.after[klass]
            if after is None:
                work += len(self._next)
                if work > MAX_WORK:
                    raise EvaluationError(f"a value of {len(text)} characters is too much for this pattern")
                after = self._step(state, klass)
            if after is True or after is False:
                return after
            state = after
        at_end = state.after[-1]
        return bool(self._step(state, len(bounds)) if at_end is None else at_end)

    # the program: place -> places that follow; a place with characters waits for one

    def _add(self, following: tuple[int, ...]) -> int:
        self._next.append(following)
        return len(self._next) - 1

    def _build(self, regex: Regex, then: int) -> int:
        """Add a part that continues at `then`; gives the place where it starts."""
        match regex:
            case Chars(ranges):
                place = self._add((then,))
                self._chars[place] = ranges
                return place
            case Assertion(kind):
                place = self._add((then,))
                self._asserts[place] = kind
                return place
            case Sequence(items):
                for item in reversed(items):
                    then = self._build(item, then)
                return then
            case Choice(items):
                return self._add(tuple(self._build(item, then) for item in items))
            case Repeat(item, least, most):
                if most is None:
                    loop = self._add(())
                    self._next[loop] = (self._build(item, loop), then)
                    start = loop
                else:
                    start = then
                    for _ in range(most - least):
                        start = self._add((self._build(item, start), then))
                for _ in range(least):
                    start = self._build(item, start)
                return start

    def _classes(self) -> tuple[list[int], list[int]]:
        """Starts of the runs of characters that the program tells apart, and what each is to an assertion."""
        sets = [*self._chars.values(), ((10, 10),), PERL["w"]]
        bounds = sorted({0, *(edge for ranges in sets for low, high in ranges for edge in (low, high + 1))})
        bounds = [bound for bound in bounds if bound <= LAST]
        kinds = [
            NEWLINE if b == 10 else WORD if any(low <= b <= high for low, high in PERL["w"]) else OTHER
            for b in bounds
        ]
        return bounds, kinds

    # the states

    def _state(self, places: frozenset[int], before: int) -> State:
        key = (places, before if self._asserts else EDGE)
        state = self._states.get(key)
        if state is None:
            if len(self._states) >= MAX_STATES:
                self._states = {}
                self._first.after = [None] * (len(self._bounds) + 1)
            state = State(places, key[1], [None] * (len(self._bounds) + 1))
            self._states[key] = state
        return state

    def _step(self, state: State, klass: int) -> State | bool:
        """What follows a state when a character of the class, or the end, comes; remembered."""
        following = EDGE if klass == len(self._bounds) else self._kinds[klass]
        alive = set(state.places)
        stack = list(alive)
        moved: set[int] = set()
        result: State | bool = False
        while stack:
            place = stack.pop()
            if place == 0:
                result = True
                break
            accepted = self._accepts.get(place)
            if accepted is not None:
                if klass in accepted:
                    moved.add(self._next[place][0])
                continue
            kind = self._asserts.get(place)
            if kind is not None and not _holds(kind, state.before, following):
                continue
            for after in self._next[place]:
                if after not in alive:
                    alive.add(after)
                    stack.append(after)
        else:
            if klass < len(self._bounds):
                moved.add(self._start)
                result = self._state(frozenset(moved), following)
        state.after[klass] = result
        return result


def _holds(kind: str, before: int, after: int) -> bool:
    match kind:
        case "text-start":
            return before == EDGE
        case "text-end":
            return after == EDGE
        case "line-start":
            return before in (EDGE, NEWLINE)
        case "line-end":
            return after in (EDGE, NEWLINE)
    return ((before == WORD) != (after == WORD)) == (kind == "word-edge")
