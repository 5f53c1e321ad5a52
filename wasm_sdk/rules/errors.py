"""What a rule can do wrong, told to the person who wrote it.

RuleError(ValueError)          the text or the JSON of a rule is not accepted
  RuleSyntaxError              it does not follow the grammar
  RuleTypeError                it names what does not exist, or gives a function what it cannot take
EvaluationError(ValueError)    a rule met a value that it cannot judge (what `error_mode` decides about)
"""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class RuleError(ValueError):
    """A rule is not accepted.

    Attributes:
        reason: what is wrong, one sentence.
        source: the text of the rule ("" when the rule came as JSON).
        offset: where in `source`, in characters from its start.
        hint: what to do about it ("" when there is nothing to suggest).
    """

    def __init__(self, reason: str, source: str = "", offset: int = 0, hint: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.source = source
        self.offset = offset
        self.hint = hint

    @property
    def line(self) -> int:
        """The line of the mistake, counted from 1."""
        return self.source.count("\n", 0, self.offset) + 1

    @property
    def column(self) -> int:
        """The column of the mistake, in characters, counted from 1."""
        return self.offset - (self.source.rfind("\n", 0, self.offset) + 1) + 1

    def located(self, source: str) -> RuleError:
        """The same error with the rule's text, when the one who raised it did not know the text."""
        if not self.source:
            self.source = source
        return self

    def __str__(self) -> str:
        hint = f"\n{self.hint}" if self.hint else ""
        if not self.source:
            return f"{self.reason}{hint}"
        where = (
            f"column {self.column}" if "\n" not in self.source else f"line {self.line}, column {self.column}"
        )
        line = self.source.split("\n")[self.line - 1]
        # Tabs stay tabs in front of the caret, so that it stands under the right character.
        pad = "".join("\t" if c == "\t" else " " for c in line[: self.column - 1])
        return f"{where}: {self.reason}\n  {line}\n  {pad}^{hint}"


class RuleSyntaxError(RuleError):
    """The text does not follow the grammar."""


class RuleTypeError(RuleError):
    """A path, function or symbol is unknown, or a value has a kind that its place cannot take."""


class EvaluationError(ValueError):
    """A rule met a value that it cannot judge, for instance `HasPrefix` of an absent attribute."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A sentence that suggests the known name most like `name`, or "" when none is like it."""
    by_lower = {k.lower(): k for k in known}
    close = get_close_matches(name.lower(), by_lower, n=1, cutoff=0.6)
    return f"did you mean {by_lower[close[0]]}?" if close else ""
