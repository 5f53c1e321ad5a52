"""`TraceState` of opentelemetry-api by level 2's rules, which the API's own class does not follow yet."""

import logging
from collections.abc import Sequence

from opentelemetry.trace import TraceState

from wasm_sdk.propagation import tracestate

_log = logging.getLogger(__name__)


class W3CTraceState(TraceState):
    """An immutable, ordered tracestate; every change gives a new one, with the changed member in front.

    It differs from the API's class where level 2 does: keys may start with a digit and hold `@` anywhere but
    first, and a state that is full loses its last member instead of refusing a new one.
    """

    def __init__(self, entries: Sequence[tuple[str, str]] | None = None) -> None:
        self._dict: dict[str, str] = {}
        for key, value in entries or ():
            if not tracestate.is_valid(key, value):
                _log.warning("tracestate member %r=%r breaks the W3C grammar and is left out", key, value)
            elif len(self._dict) < tracestate.MAX_MEMBERS:
                self._dict.setdefault(key, value)

    @classmethod
    def from_header(cls, header_list: list[str]) -> "W3CTraceState":
        """Parse the values of all tracestate headers; an empty state when they break the grammar."""
        return cls._of(tracestate.parse(header_list) or ())

    @classmethod
    def _of(cls, members: tracestate.Members) -> "W3CTraceState":
        state = cls()
        state._dict.update(members)
        return state

    def add(self, key: str, value: str) -> "W3CTraceState":
        """A state with a new member in front; the same state when the member is invalid or its key taken."""
        return self if key in self._dict else self.update(key, value)

    def update(self, key: str, value: str) -> "W3CTraceState":
        """A state with the member set and in front; the same state when the member is invalid."""
        if not tracestate.is_valid(key, value):
            _log.warning("tracestate member %r=%r breaks the W3C grammar and is left out", key, value)
            return self
        return self._of(tracestate.updated(tuple(self._dict.items()), key, value))

    def delete(self, key: str) -> "W3CTraceState":
        """A state without the member."""
        return (
            self._of(tracestate.updated(tuple(self._dict.items()), key, None)) if key in self._dict else self
        )

    @classmethod
    def adopt(cls, state: TraceState) -> "W3CTraceState":
        """`state` itself when it is one of ours, else a copy that can be changed by level 2's rules."""
        return state if isinstance(state, cls) else cls(list(state.items()))
