"""Regular expressions that rules may use: RE2's syntax, and no pattern that can hang the process.

Two matchers answer alike. `re` serves patterns and lengths of values for which a bound on its steps is proven
(`backtracking`); everything else goes to an automaton of linear time (`automaton`).
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from wasm_sdk.rules.errors import EvaluationError
from wasm_sdk.rules.patterns.automaton import Automaton
from wasm_sdk.rules.patterns.backtracking import essence, longest_safe, python_pattern
from wasm_sdk.rules.patterns.syntax import PatternError, parse

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Pattern", "PatternError", "compile_pattern", "dynamic_search", "search"]

_UNDECODED = re.compile("[\udc80-\udcff]")


class Pattern:
    """A compiled pattern.

    Attributes:
        source: the pattern as written.
        longest_safe: up to which length of value, in characters, `re` is used; -1: never.
    """

    __slots__ = ("_ascii", "_automaton", "_regex", "_text", "longest_safe", "source")

    def __init__(self, source: str) -> None:
        self.source = source
        self._regex = essence(parse(source))
        self.longest_safe = longest_safe(self._regex)
        self._automaton: Automaton | None = None
        if self.longest_safe >= 0:
            self._text = re.compile(python_pattern(self._regex), re.ASCII).search
            self._ascii = re.compile(python_pattern(self._regex, ascii_only=True).encode("ascii")).search

    def search(self, text: str) -> bool:
        """Whether the pattern is found anywhere in the text.

        Raises:
            EvaluationError: the text is too long for this pattern.
        """
        if not text.isascii() and _UNDECODED.search(text):
            text = _UNDECODED.sub("\ufffd", text)
        if len(text) <= self.longest_safe:
            return self._text(text) is not None
        return self.automaton.search(text)

    def search_bytes(self, data: bytes) -> bool:
        """`search` in the UTF-8 of a text."""
        if len(data) <= self.longest_safe and data.isascii():
            return self._ascii(data) is not None
        return self.search(data.decode("utf-8", "surrogateescape"))

    @property
    def automaton(self) -> Automaton:
        if self._automaton is None:
            self._automaton = Automaton(self._regex)
        return self._automaton


def compile_pattern(source: str) -> Pattern:
    """Raises PatternError for what is not RE2 or too large."""
    return Pattern(source)


def search(source: str) -> Callable[[str], bool]:
    """`compile_pattern(source).search`."""
    return compile_pattern(source).search


@lru_cache(maxsize=64)
def dynamic_search(source: str) -> Callable[[str], bool]:
    """The same for a pattern that an item carries; raises EvaluationError."""
    try:
        return compile_pattern(source).search
    except PatternError as error:
        raise EvaluationError(error.reason) from None
