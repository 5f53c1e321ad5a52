"""The filter language of the trace list.

    service=shop error duration>100ms          all of it
    service=shop* (error or duration>=1s)      wildcards, alternatives
    -name="GET /health" http.route=/cart       not, quotes, attributes of any span or resource
    checkout                                   text in names, services and attribute values

`parse` gives a `Filter`; what is wrong with a text is a `FilterError` that names the column.
"""

import operator
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import translate
from typing import NamedTuple

from tui.format import format_value, parse_duration
from tui.spans import LiveSpan
from tui.traces import Trace

Predicate = Callable[[Trace], bool]
Query = tuple[tuple[str, str], ...]
TEXT_FIELDS = ("service", "name", "operation", "trace")
NUMBER_FIELDS = ("duration", "spans", "errors")
VOUCHED_FIELDS = ("service", "operation", "error", "attribute")
_MOST_QUERIES = 4
KEYWORDS = ("error", "ok")
FIELDS = (*TEXT_FIELDS, *NUMBER_FIELDS, "status")
_ORDER: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "!=": operator.ne,
}
_TOKEN = re.compile(
    r"""\s*(?:
        (?P<paren>[()])
      | (?P<minus>-(?=\S))
      | (?P<term>(?P<key>@?[\w./:-]*[\w\]])(?P<op>!=|!~|>=|<=|=|~|>|<)(?P<value>"(?:[^"\\]|\\.)*"|[^\s()"]*))
      | (?P<quoted>"(?:[^"\\]|\\.)*")
      | (?P<word>[^\s()"]+)
      | (?P<unclosed>")
    )""",
    re.VERBOSE,
)


class FilterError(ValueError):
    """A text that is no filter.

    Attributes:
        column: where the trouble starts, from 0.
    """

    def __init__(self, message: str, column: int) -> None:
        super().__init__(message)
        self.column = column


@dataclass(frozen=True)
class Filter:
    """A condition on traces.

    Attributes:
        text: as it was written.
        matches: whether a trace meets it.
        queries: parameters of query API requests that together find stored traces which may meet it. Each has
            at most one condition on spans, since the API wants all of a request's conditions on the same span
            and a filter does not.
    """

    text: str
    matches: Predicate
    queries: tuple[Query, ...] = ((),)


EVERYTHING = Filter("", lambda trace: True)


class _Token(NamedTuple):
    kind: str
    text: str
    column: int
    key: str = ""
    op: str = ""
    value: str = ""


class _Node(NamedTuple):
    """A parsed part: what it says, and the query parameters that hold for every trace that meets it."""

    matches: Predicate
    query: Query = ()


def parse(text: str) -> Filter:
    """The filter that `text` describes; an empty one lets everything through.

    Raises:
        FilterError: what is wrong, and in which column.
    """
    tokens = list(_tokens(text))
    if not tokens:
        return EVERYTHING
    parser = _Parser(tokens, len(text))
    node = parser.alternatives()
    if parser.token is not None:
        raise FilterError("this parenthesis closes nothing", parser.token.column)
    bounds = tuple(pair for pair in node.query if pair[0] not in VOUCHED_FIELDS)
    asked = [pair for pair in node.query if pair[0] in VOUCHED_FIELDS][:_MOST_QUERIES]
    queries = tuple((*bounds, pair) for pair in asked) or (bounds,)
    return Filter(text, node.matches, queries)


def _tokens(text: str) -> Iterator[_Token]:
    end = len(text.rstrip())
    position = 0
    while position < end:
        match = _TOKEN.match(text, position)
        assert match is not None and match.lastgroup is not None
        kind = match.lastgroup if match.lastgroup != "value" else "term"
        column = match.start(kind)
        if kind == "unclosed" or (kind == "term" and text[match.end() : match.end() + 1] == '"'):
            raise FilterError("this quote is not closed", column if kind == "unclosed" else match.end())
        if kind == "term":
            yield _Token(kind, match["term"], column, match["key"], match["op"], _unquote(match["value"]))
        elif kind == "word" and match["word"].lower() in ("or", "and", "not"):
            yield _Token(match["word"].lower(), match["word"], column)
        else:
            yield _Token("word" if kind == "quoted" else kind, _unquote(match[kind]), column)
            if kind == "quoted":
                position = match.end()
                continue
        position = match.end()


def _unquote(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1]) if text.startswith('"') else text


class _Parser:
    def __init__(self, tokens: list[_Token], length: int) -> None:
        self._tokens = tokens
        self._length = length
        self._position = 0
        self._depth = 0

    @property
    def token(self) -> _Token | None:
        return self._tokens[self._position] if self._position < len(self._tokens) else None

    def alternatives(self) -> _Node:
        nodes = [self._sequence()]
        while self.token is not None and self.token.kind == "or":
            self._position += 1
            nodes.append(self._sequence())
        if len(nodes) == 1:
            return nodes[0]
        predicates = [node.matches for node in nodes]
        return _Node(lambda trace: any(predicate(trace) for predicate in predicates))

    def _sequence(self) -> _Node:
        nodes: list[_Node] = []
        while (token := self.token) is not None and token.kind != "or" and token.text != ")":
            if token.kind == "and":
                self._position += 1
                if not nodes:
                    raise FilterError("nothing stands before this “and”", token.column)
                continue
            nodes.append(self._one())
        if not nodes:
            column = self.token.column if self.token is not None else self._length
            raise FilterError("a condition is missing here", column)
        predicates = [node.matches for node in nodes]
        query = tuple(parameter for node in nodes for parameter in node.query)
        return _Node(lambda trace: all(predicate(trace) for predicate in predicates), query)

    def _one(self) -> _Node:
        token = self.token
        if token is None:
            raise FilterError("a condition is missing here", self._length)
        self._position += 1
        if token.kind in ("minus", "not"):
            inner = self._one().matches
            return _Node(lambda trace: not inner(trace))
        if token.kind == "paren":
            return self._parenthesis(token)
        if token.kind == "term":
            return _term(token)
        if token.kind == "or":
            raise FilterError("a condition is missing before this “or”", token.column)
        return _word(token.text)

    def _parenthesis(self, opening: _Token) -> _Node:
        if opening.text == ")":
            raise FilterError("a condition is missing here", opening.column)
        self._depth += 1
        if self._depth > 20:
            raise FilterError("parentheses are nested too deeply", opening.column)
        node = self.alternatives()
        if self.token is None:
            raise FilterError("this parenthesis is not closed", opening.column)
        self._position += 1
        self._depth -= 1
        return node


def _word(word: str) -> _Node:
    if word == "error":
        return _Node(lambda trace: trace.summary.error_count > 0, (("error", "true"),))
    if word == "ok":
        return _Node(lambda trace: trace.summary.error_count == 0)
    needle = word.casefold()
    found = text_matcher(word)

    def matches(trace: Trace) -> bool:
        summary = trace.summary
        if any(needle in text.casefold() for text in (summary.root_name, *summary.services)):
            return True
        return any(found(span) for span in trace.spans.values())

    return _Node(matches)


def text_matcher(text: str) -> Callable[[LiveSpan], bool]:
    """Whether a span has `text` in its name, its service, or its attributes and events, in whatever case.

    Attributes are looked through as encoded: no span needs decoding, and other letters than A to Z must have
        the same case there.
    """
    needle = text.casefold()
    encoded = text.encode().lower()
    return lambda span: (
        needle in span.name.casefold()
        or needle in span.service.casefold()
        or encoded in span.slice.span.lower()
    )


def _term(token: _Token) -> _Node:
    key = token.key
    if not token.value:
        raise FilterError(f"a value is missing after {token.key}{token.op}", token.column + len(token.text))
    if key.startswith("@"):
        return _attribute(key[1:], token)
    if key in TEXT_FIELDS:
        return _text(token)
    if key in NUMBER_FIELDS:
        return _number(token)
    if key == "status":
        return _status(token)
    if "." in key:
        return _attribute(key, token)
    close = get_close_matches(key, FIELDS, 1)
    advice = f"did you mean {close[0]}?" if close else f"there are {', '.join(FIELDS)}"
    raise FilterError(
        f"no field is called {key}: {advice} (an attribute without a dot is @{key})", token.column
    )


def _text(token: _Token) -> _Node:
    found = _finder(token)

    def values(trace: Trace) -> Iterator[str]:
        summary = trace.summary
        if token.key == "service":
            yield from summary.services
        elif token.key == "name":
            yield summary.root_name
        elif token.key == "trace":
            yield trace.trace_id.hex()
        else:
            yield summary.root_name
            yield from (span.name for span in trace.spans.values())

    if token.key == "trace" and token.op == "=" and "*" not in token.value:
        prefix = token.value.lower()
        return _Node(lambda trace: trace.trace_id.hex().startswith(prefix))
    if token.op.startswith("!"):
        return _Node(lambda trace: not any(found(value) for value in values(trace)))
    if token.op == "=" and not _is_pattern(token.value) and token.key in VOUCHED_FIELDS:
        asked = (token.key, token.value)
        return _Node(lambda trace: asked in trace.vouched or any(map(found, values(trace))), (asked,))
    return _Node(lambda trace: any(map(found, values(trace))))


def _finder(token: _Token) -> Callable[[str], bool]:
    """What `=` (whole, with wildcards) and `~` (contained) look for; case counts only for `=`."""
    if token.op in ("~", "!~"):
        needle = token.value.casefold()
        return lambda text: needle in text.casefold()
    if token.op not in ("=", "!="):
        raise FilterError(
            f"{token.key} is text: compare it with = or ~ (contains)", token.column + len(token.key)
        )
    if not _is_pattern(token.value):
        return lambda text: text == token.value
    pattern = re.compile(translate(token.value))
    return lambda text: pattern.match(text) is not None


def _is_pattern(value: str) -> bool:
    return "*" in value or "?" in value


def _number(token: _Token) -> _Node:
    key, op = token.key, token.op
    if op not in _ORDER:
        raise FilterError(
            f"{key} is a number: compare it with =, !=, <, <=, > or >=", token.column + len(key)
        )
    compare = _ORDER[op]
    column = token.column + len(key) + len(op)
    if key == "duration":
        try:
            limit = parse_duration(token.value)
        except ValueError as error:
            raise FilterError(str(error), column) from None
        query = tuple((name, f"{limit}ns") for name, ops in _DURATION_QUERY if op in ops)
        return _Node(lambda trace: compare(trace.summary.duration, limit), query)
    if not token.value.isdecimal():
        raise FilterError(f"{key} needs a whole number, not “{token.value}”", column)
    number = int(token.value)
    if key == "spans":
        return _Node(lambda trace: compare(trace.summary.span_count, number))
    return _Node(lambda trace: compare(trace.summary.error_count, number))


_DURATION_QUERY = (("min_duration", (">", ">=", "=")), ("max_duration", ("<", "<=", "=")))


def _status(token: _Token) -> _Node:
    if token.op not in ("=", "!=") or token.value not in ("ok", "error"):
        raise FilterError("status is ok or error: status=error", token.column)
    wanted = (token.value == "error") == (token.op == "=")
    query = (("error", "true"),) if wanted else ()
    return _Node(lambda trace: (trace.summary.error_count > 0) == wanted, query)


def _attribute(key: str, token: _Token) -> _Node:
    """An attribute of any span or resource; `<` and `>` compare numbers."""
    op, value = token.op, token.value
    found: Callable[[str], bool]
    if op in ("<", "<=", ">", ">="):
        limit = _as_number(value)
        if limit is None:
            column = token.column + len(token.key) + len(op)
            raise FilterError(f"{op} compares numbers, and “{value}” is none", column)
        compare = _ORDER[op]

        def found(text: str) -> bool:
            number = _as_number(text)
            return number is not None and compare(number, limit)
    else:
        found = _finder(token)
    asked = ("attribute", f"{key}={value}")
    exact = op == "=" and not _is_pattern(value)
    needle = key.encode()

    def holds(trace: Trace) -> bool:
        if exact and asked in trace.vouched:
            return True
        return any(
            name == key and found(format_value(attribute))
            for span in trace.spans.values()
            if needle in span.slice.span or needle in span.slice.resource
            for name, attribute in span.attributes()
        )

    if op.startswith("!"):
        return _Node(lambda trace: not holds(trace))
    return _Node(holds, (asked,) if exact else ())


def _as_number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
