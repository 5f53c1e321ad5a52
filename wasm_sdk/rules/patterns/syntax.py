"""RE2's syntax (as Go's regexp takes it) to a tree; what RE2 has not is refused with its name.

Only whether a pattern matches counts for rules, so groups capture nothing and greediness is dropped.
Source: github.com/google/re2/wiki/Syntax.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from wasm_sdk.rules.errors import RuleError
from wasm_sdk.rules.patterns.charset import (
    EVERYTHING,
    NEWLINE,
    PERL,
    POSIX,
    Ranges,
    category,
    fold,
    negate,
    union,
)

MAX_REPEAT = 1000
MAX_POSITIONS = 1000
"""Characters of the pattern after `x{3}` is written out as `xxx`; bounds memory and time of matching."""
MAX_DEPTH = 50


class PatternError(RuleError):
    """A pattern is not accepted; `source` is the pattern, `offset` a place in it."""


@dataclass(frozen=True, slots=True)
class Chars:
    """One character out of a set."""

    ranges: Ranges


@dataclass(frozen=True, slots=True)
class Assertion:
    """A place between characters: text-start, text-end, line-start, line-end, word-edge, not-word-edge."""

    kind: str


@dataclass(frozen=True, slots=True)
class Sequence:
    items: tuple[Regex, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    items: tuple[Regex, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """`least` to `most` times; `most` None is without end."""

    item: Regex
    least: int
    most: int | None


Regex = Chars | Assertion | Sequence | Choice | Repeat
EMPTY = Sequence(())

_LETTERS = {"a": 7, "f": 12, "n": 10, "r": 13, "t": 9, "v": 11}
_REPEAT = re.compile(r"\{([0-9]+)(?:(,)([0-9]+)?)?\}")
_FLAGS = re.compile(r"\(\?([imsU]*)(?:-([imsU]+))?([:)])")
_NAMED = re.compile(r"\(\?P?<([A-Za-z0-9_]+)>")
_POSIX = re.compile(r"\[:(\^?)([a-z]+):\]")
_FOREIGN_GROUPS = {
    "(?=": "lookahead", "(?!": "negative lookahead", "(?<=": "lookbehind", "(?<!": "negative lookbehind",
    "(?>": "an atomic group", "(?#": "a comment", "(?(": "a condition", "(?P=": "a backreference",
    "(?P>": "a subroutine call", "(?&": "a subroutine call", "(?R": "recursion", "(?|": "a branch reset",
}  # fmt: skip
_FOREIGN_ESCAPES = {
    "Z": r"\Z is not part of RE2; write \z (the very end) or \n?\z", "G": r"\G is not part of RE2",
    "K": r"\K is not part of RE2", "k": "backreferences are not part of RE2",
    "R": r"\R is not part of RE2; write \r?\n", "h": r"\h is not part of RE2; write [ \t]",
    "X": r"\X is not part of RE2", "N": r"\N is not part of RE2; write [^\n]",
    "C": r"\C (one byte) is not part of Go's RE2", "u": r"write \x{...} for a character by its number",
}  # fmt: skip


def parse(pattern: str) -> Regex:
    """The tree of a pattern.

    Raises:
        PatternError: not RE2, or larger than what is accepted.
    """
    parser = _Parser(pattern)
    regex = parser.choice()
    if parser.at < len(pattern):
        raise parser.error("unexpected )", parser.at)
    if positions(regex) > MAX_POSITIONS:
        raise parser.error(
            f"the pattern has more than {MAX_POSITIONS} characters when its repeats are written out", 0
        )
    return regex


def positions(regex: Regex) -> int:
    """How many character places a pattern has when its counted repeats are written out."""
    match regex:
        case Chars():
            return 1
        case Assertion():
            return 1
        case Repeat(item, least, most):
            return positions(item) * max(least if most is None else most, 1)
        case Sequence(items) | Choice(items):
            return sum(map(positions, items))


class _Parser:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.depth = 0
        self.flags: frozenset[str] = frozenset()
        bad = re.search("[\ud800-\udfff]", text)
        if bad:
            raise self.error("the pattern is not UTF-8", bad.start())

    def error(self, reason: str, at: int, hint: str = "") -> PatternError:
        return PatternError(f"in the pattern: {reason}", self.text, at, hint)

    def choice(self) -> Regex:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise self.error(f"groups nest deeper than {MAX_DEPTH} levels", self.at)
        branches = [self.sequence()]
        while self.text.startswith("|", self.at):
            self.at += 1
            branches.append(self.sequence())
        self.depth -= 1
        return branches[0] if len(branches) == 1 else Choice(tuple(branches))

    def sequence(self) -> Regex:
        items: list[Regex] = []
        repeated = True  # nothing to repeat yet
        missing = "nothing to repeat"
        while self.at < len(self.text) and self.text[self.at] not in "|)":
            start = self.at
            limits = self.limits()
            if limits is not None:
                if repeated:
                    raise self.error(
                        missing, start, "possessive and doubled repeats are not part of RE2" if items else ""
                    )
                least, most = limits
                items[-1] = self.repeat(items[-1], least, most, start)
                if self.text.startswith("?", self.at):
                    self.at += 1
                repeated, missing = True, "a repeat of a repeat"
                continue
            item = self.item()
            if item is None:
                # As in Go, flags between two repeats let the second one be.
                repeated = not items
                continue
            before = len(items)
            if isinstance(item, Sequence) and self.text.startswith(r"\Q", start):
                items += item.items
            else:
                items.append(item)
            repeated = repeated and len(items) == before
        return items[0] if len(items) == 1 else Sequence(tuple(items))

    def limits(self) -> tuple[int, int | None] | None:
        """The repeat operator here, if there is one."""
        char = self.text[self.at]
        if char in "*+?":
            self.at += 1
            return {"*": (0, None), "+": (1, None), "?": (0, 1)}[char]
        match = _REPEAT.match(self.text, self.at) if char == "{" else None
        if match is None:
            return None
        if any(len(number.lstrip("0")) > 4 for number in match.group(1, 3) if number):
            raise self.error(f"repeats go to {MAX_REPEAT}", self.at)
        least = int(match[1])
        most = int(match[3]) if match[3] else None if match[2] else least
        if max(least, most or 0) > MAX_REPEAT or (most is not None and most < least):
            raise self.error(f"repeats go from small to large, to {MAX_REPEAT} at most", self.at)
        self.at = match.end()
        return least, most

    def repeat(self, item: Regex, least: int, most: int | None, at: int) -> Regex:
        repeat = Repeat(item, least, most)
        if _count(repeat) > MAX_REPEAT:
            raise self.error(f"repeats of repeats go to {MAX_REPEAT}", at)
        return repeat

    def item(self) -> Regex | None:
        char = self.text[self.at]
        if char == "(":
            return self.group()
        if char == "[":
            return Chars(self.char_class())
        if char == "\\":
            return self.escape()
        self.at += 1
        if char == ".":
            return Chars(EVERYTHING if "s" in self.flags else negate(NEWLINE))
        if char == "^":
            return Assertion("line-start" if "m" in self.flags else "text-start")
        if char == "$":
            return Assertion("line-end" if "m" in self.flags else "text-end")
        return Chars(self.folded(((ord(char), ord(char)),)))

    def folded(self, ranges: Ranges) -> Ranges:
        return fold(ranges) if "i" in self.flags else ranges

    def group(self) -> Regex | None:
        start = self.at
        outer = self.flags
        flags = _FLAGS.match(self.text, start)
        named = _NAMED.match(self.text, start)
        if flags:
            self.at = flags.end()
            self.flags = (outer | set(flags[1])) - set(flags[2] or "")
            if flags[3] == ")":
                return None
        elif named:
            self.at = named.end()
        elif self.text.startswith("(?", start):
            foreign = next(
                (w for g, w in _FOREIGN_GROUPS.items() if self.text.startswith(g, start)), "this group"
            )
            raise self.error(f"{foreign} is not part of RE2", start)
        else:
            self.at += 1
        inner = self.choice()
        if not self.text.startswith(")", self.at):
            raise self.error("this parenthesis is not closed", start)
        self.at += 1
        self.flags = outer
        return inner

    def escape(self) -> Regex | None:
        start = self.at
        char = self.text[start + 1 : start + 2]
        if char in "AzbB" and char:
            self.at += 2
            kinds = {"A": "text-start", "z": "text-end", "b": "word-edge", "B": "not-word-edge"}
            return Assertion(kinds[char])
        if char == "Q":
            end = self.text.find(r"\E", start + 2)
            quoted = self.text[start + 2 : end if end >= 0 else None]
            self.at = end + 2 if end >= 0 else len(self.text)
            return Sequence(tuple(Chars(self.folded(((ord(c), ord(c)),))) for c in quoted))
        ranges = self.class_escape()
        if ranges is None:
            code = self.code_escape()
            ranges = ((code, code),)
        return Chars(self.folded(ranges))

    def class_escape(self) -> Ranges | None:
        r"""\d \W \pL \P{Greek} and so on, if one stands here."""
        char = self.text[self.at + 1 : self.at + 2]
        if char and char in "dswDSW":
            self.at += 2
            ranges = self.folded(PERL[char.lower()])
            return negate(ranges) if char.isupper() else ranges
        if not char or char not in "pP":
            return None
        match = re.compile(r"\\[pP](?:([A-Za-z])|\{(\^?)([A-Za-z_]+)\})").match(self.text, self.at)
        if match is None:
            raise self.error(rf"\{char} wants a category", self.at, r"for instance \pL or \p{Lu}")
        name = match[1] or match[3]
        ranges = category(name) or ()
        if not ranges:
            hint = r"general categories such as \p{Lu} are; write a script as a range: [\x{370}-\x{3ff}]"
            raise self.error(f"the character class {name} is not known here", self.at, hint)
        self.at = match.end()
        ranges = self.folded(ranges)
        return negate(ranges) if (char == "P") != bool(match[2]) else ranges

    def code_escape(self) -> int:
        """The character that a backslash names."""
        start = self.at
        char = self.text[start + 1 : start + 2]
        self.at += 2
        if not char:
            raise self.error("a backslash ends the pattern", start)
        if char in _LETTERS:
            return _LETTERS[char]
        if char == "x":
            match = re.compile(r"([0-9A-Fa-f]{2})|\{([0-9A-Fa-f]{1,6})\}").match(self.text, self.at)
            code = int(match[1] or match[2], 16) if match else 0x110000
            if match is None or code > 0x10FFFF:
                raise self.error(r"\x wants two hexadecimal digits, or up to 10ffff in braces", start)
            self.at = match.end()
            return code
        octal = re.compile("[0-7]{1,3}" if char == "0" else "[1-7][0-7]{1,2}").match(self.text, start + 1)
        if octal:
            self.at = octal.end()
            return int(octal[0], 8)
        if char.isdigit() and char.isascii():
            raise self.error("backreferences are not part of RE2", start)
        if not char.isascii() or char.isalnum():
            hint = _FOREIGN_ESCAPES.get(char, "")
            raise self.error(rf"\{char} is not part of RE2", start, hint)
        return ord(char)

    def char_class(self) -> Ranges:
        start = self.at
        self.at += 1
        negated = self.text.startswith("^", self.at)
        self.at += negated
        parts: list[Ranges] = []
        first = True
        while first or not self.text.startswith("]", self.at):
            if self.at >= len(self.text):
                raise self.error("this character class is not closed", start)
            first = False
            named = _POSIX.match(self.text, self.at)
            special = self.class_escape() if self.text[self.at] == "\\" else None
            if named:
                if named[2] not in POSIX:
                    raise self.error(f"the character class {named[0]} is not known", self.at)
                ranges = self.folded(POSIX[named[2]])
                parts.append(negate(ranges) if named[1] else ranges)
                self.at = named.end()
            elif special is not None:
                parts.append(special)
            else:
                parts.append(self.folded((self.class_range(start),)))
        self.at += 1
        ranges = union(*parts)
        return negate(ranges) if negated else ranges

    def class_range(self, start: int) -> tuple[int, int]:
        low = self.class_char(start)
        high = low
        if self.text.startswith("-", self.at) and not self.text.startswith("]", self.at + 1):
            self.at += 1
            high = self.class_char(start)
        if high < low:
            raise self.error(f"the range {chr(low)}-{chr(high)} is the wrong way round", start)
        return low, high

    def class_char(self, start: int) -> int:
        if self.at >= len(self.text):
            raise self.error("this character class is not closed", start)
        if self.text[self.at] == "\\":
            return self.code_escape()
        self.at += 1
        return ord(self.text[self.at - 1])


def _count(regex: Regex) -> int:
    """The largest number of times that a counted repeat inside is run through."""
    match regex:
        case Repeat(item, least, most):
            inner = _count(item)
            return inner if least == 0 and most in (None, 1) else inner * max(least, most or 1)
        case Sequence(items) | Choice(items):
            return max(map(_count, items), default=1)
    return 1
