"""The grammar: a tree survives its text and its JSON, and nothing but RuleError comes of bad input."""

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wasm_sdk.rules import Condition, RuleError, RuleSyntaxError, RuleTypeError
from wasm_sdk.rules.json_form import from_json, to_json
from wasm_sdk.rules.parser import MAX_LENGTH, parse
from wasm_sdk.rules.paths import FIELDS, VISIBLE
from wasm_sdk.rules.resolve import Indexing
from wasm_sdk.rules.text import text
from wasm_sdk.rules.tree import (
    ARITHMETIC,
    COMPARISONS,
    And,
    Arithmetic,
    Call,
    Compare,
    ListOf,
    Literal,
    MapOf,
    Negate,
    Not,
    Or,
    Path,
    Symbol,
)

words = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=8)
numbers = st.builds(
    Literal, st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
)
literals = (
    numbers
    | st.builds(Literal, st.none() | st.booleans() | words)
    | st.builds(Literal, st.binary(min_size=1, max_size=6))
    | st.builds(Literal, st.binary(max_size=4).map(lambda b: b.decode("utf-8", "surrogateescape")))
)


@st.composite
def paths(draw, values):
    context = draw(st.sampled_from(VISIBLE["span"]))
    field = draw(st.sampled_from(list(FIELDS[context])))
    known = FIELDS[context][field]
    keys = ()
    if known.indexing is Indexing.MAP:
        first = st.builds(Literal, words)
        more = st.lists(first | st.builds(Literal, st.integers(0, 9)) | values, max_size=2)
        keys = (draw(first), *draw(more)) if draw(st.booleans()) else ()
    elif known.indexing is Indexing.TRACE_STATE and draw(st.booleans()):
        keys = (Literal(draw(words)),)
    return Path(context, tuple(field.split(".")), keys)


def _not_a_number(value):
    return not (isinstance(value, Literal) and isinstance(value.value, int | float))


def values_over(inner):
    calculable = inner.filter(lambda v: isinstance(v, Path | Call | Arithmetic | Negate)) | numbers
    return (
        st.lists(inner, max_size=3).map(lambda items: ListOf(tuple(items)))
        | st.lists(st.tuples(words, inner), max_size=3).map(lambda items: MapOf(tuple(items)))
        | st.builds(
            Call,
            st.sampled_from(["IsMatch", "Len", "Zog"]),
            st.lists(inner, max_size=3).map(tuple),
            st.lists(
                st.tuples(st.sampled_from(["target", "x_y"]), inner), max_size=2, unique_by=lambda p: p[0]
            ).map(tuple),
            st.lists(st.builds(Literal, words) | st.builds(Literal, st.integers(0, 9)), max_size=2).map(
                tuple
            ),
        )
        | st.builds(Arithmetic, st.sampled_from(ARITHMETIC), calculable, calculable)
        | st.builds(Negate, calculable.filter(_not_a_number))
    )


simple = literals | st.builds(Symbol, st.sampled_from(["SPAN_KIND_SERVER", "ANY_THING2"]))
values = st.recursive(simple | paths(st.nothing()), values_over, max_leaves=8)
atoms = (
    st.builds(Compare, st.sampled_from(COMPARISONS), values, values)
    | st.builds(Literal, st.booleans())
    | values.filter(lambda v: isinstance(v, Call))
)
predicates = st.recursive(
    atoms,
    lambda inner: (
        st.lists(inner, min_size=2, max_size=3).map(lambda o: And(tuple(o)))
        | st.lists(inner, min_size=2, max_size=3).map(lambda o: Or(tuple(o)))
        | st.builds(Not, inner)
    ),
    max_leaves=6,
)


@given(predicates)
@settings(max_examples=150, deadline=None)
def test_a_tree_is_the_same_after_its_text_and_after_its_json(tree) -> None:
    assert parse(text(tree), "span") == tree
    encoded = json.dumps(to_json(tree, "span"), allow_nan=False)
    assert from_json(encoded) == (tree, "span")


WORDS = """
name attributes["a"] resource. span.kind == != < >= and or not ( ) [ ] { } , . : = + - * / nil true 1 1.5 .5
0x0a "a" "\\\\d" "( IsMatch( Len( Probability( Within( "22:00" SPAN_KIND_SERVER ' & | 9223372036854775808 é ~
"""
pieces = st.sampled_from([*WORDS.split(), "\n", "\t", ""])


@given(st.lists(pieces, max_size=14).map(" ".join) | st.text(max_size=40))
@settings(max_examples=400, deadline=None)
def test_nothing_but_rule_errors_comes_of_garbage(source: str) -> None:
    try:
        condition = Condition.parse(source)
    except RuleError as error:
        assert 1 <= error.column <= len(source) + 1
        assert "^" in str(error) or not source
    else:
        assert Condition.parse(condition.text) == condition


NODES = "and or not compare path call keys named literal int string bytes list map negate calculate"
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(NODES.split()), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(json_values)
@settings(max_examples=300, deadline=None)
def test_nothing_but_rule_errors_comes_of_other_json(data) -> None:
    for document in (data, {"version": 1, "context": "span", "condition": data}):
        with suppress(RuleError):
            Condition.from_json(document)


@pytest.mark.parametrize(
    ("source", "column", "reason", "hint"),
    [
        ('name = "x"', 6, "expected a comparison, found =", "equality is =="),
        (
            'attributes.http.route == "/"',
            1,
            "attributes.http.route is not a path",
            'write attributes["http.route"]',
        ),
        ('attributes["a"].b == 1', 1, "a value inside attributes[...]", 'write ["b"]'),
        ("nam == 1", 1, "nam is not a path of a span rule", "did you mean name?"),
        ("traceId == nil", 1, "traceId is not a path", "did you mean trace_id?"),
        ("resource.atributes == nil", 1, "resource.atributes", "did you mean resource.attributes?"),
        ("log.body == 1", 1, "a rule about a span does not see a log", "it sees span, scope, resource"),
        ("cache == 1", 1, "only inside the collector", ""),
        ('name["x"] == 1', 1, "span.name cannot be indexed", ""),
        ("attributes[5] == 1", 12, "indexed by a string", 'write attributes["5"]'),
        ('trace_state["a"]["b"] == ""', 1, "trace_state takes one key", ""),
        ('IsMtch(name, "x")', 1, "there is no function IsMtch", "did you mean IsMatch?"),
        ('isMatch(name, "x")', 1, "isMatch is not a function", "IsMatch"),
        ("IsMatch(name)", 1, "takes 2 arguments, got 1", ""),
        ('IsMatch(name, patern="x")', 22, "has no parameter patern", "did you mean pattern?"),
        ('IsMatch(name, target="x")', 22, "target is given twice", ""),
        (
            "Substring(name, 1, utf8_safe=true)",
            1,
            "needs length",
            "Substring(target, start, length, [utf8_safe])",
        ),
        ('IsMatch(target=name, "x")', 22, "without a name follows a named one", ""),
        ('IsMatch(name, "a(?=b)")', 15, "lookahead is not part of RE2 (character 2 of a(?=b))", ""),
        ('IsMatch(name, "(a)\\\\1")', 15, "backreferences are not part of RE2", ""),
        ('HasPrefix(kind, "a")', 11, "must be a string, not an int", "String(...)"),
        ("Len(name)", 1, "Len gives an int, not a bool", "compare it with something"),
        ('attributes["x"]', 16, "expected a comparison, found the end of the rule", "== true"),
        ("1 < kind < 3", 10, "unexpected <", "comparisons do not chain"),
        ("kind == SPAN_KIND_SERVR", 9, "there is no symbol", "did you mean SPAN_KIND_SERVER?"),
        ("kind == SEVERITY_NUMBER_INFO", 9, "there is no symbol", "a span rule has no"),
        ('name == "a', 9, "not closed", 'end it with "'),
        ('name == "\\d"', 10, "\\d is not an escape", '"\\\\d"'),
        ("name == 'a'", 9, "unexpected character", "double quotes"),
        ('name == "a" && true', 13, "unexpected character '&'", "write and"),
        ("name == 0x123", 9, "two digits for each byte", ""),
        ("kind == 9223372036854775808", 9, "too large for a 64-bit int", ""),
        ("(kind == 1", 11, "expected ) to close", ""),
        ("not not true", 5, "not cannot follow not", ""),
        ('"a" + 1 == 2', 1, "only numbers, paths and functions can be calculated with", ""),
        ("start_time + 5 > end_time", 12, "a time + an int has no meaning", ""),
        ("kind == 1 where true", 11, "unexpected where", "a condition is what follows where"),
        ("Probability(2)", 13, "between 0 and 1", "one trace in ten"),
        ("Probability(kind)", 13, "must be a number written out", ""),
        ('Within("25:00", "06:00")', 8, "no time of day", "06:30"),
        ('Within("01:00", "06:00", "Mars/Base")', 8, "time zone 'Mars/Base' is not known", ""),
        ('ConvertCase(name, "kebab") == ""', 13, "is not a case", "snake"),
        ('Time("x", "%Q") < Now()', 6, "%Q is not a directive", ""),
        ('name == "a"\n  and knd == 2', 7, "knd is not a path", "did you mean"),
    ],
)
def test_a_mistake_is_shown_where_it_is_with_what_to_do(source, column, reason, hint) -> None:
    with pytest.raises(RuleError) as caught:
        Condition.parse(source)
    shown = str(caught.value)
    assert caught.value.column == column, shown
    assert reason in caught.value.reason
    assert hint in caught.value.hint
    lines = shown.split("\n")
    assert f"column {column}: " in lines[0]
    assert lines[1][2:] == source.split("\n")[caught.value.line - 1]
    assert lines[2].index("^") == 2 + column - 1


def test_syntax_and_types_are_told_apart() -> None:
    with pytest.raises(RuleSyntaxError):
        Condition.parse("name ==")
    with pytest.raises(RuleTypeError):
        Condition.parse("nope == 1")
    with pytest.raises(ValueError, match="context 'trace'"):
        Condition.parse("true", "trace")


def test_comparisons_that_can_never_hold_are_warnings() -> None:
    condition = Condition.parse('name == 5 and trace_id != 0x00 and start_time == 7 and attributes["a"] == 5')
    assert condition.warnings == [
        "always false: a string == an int",
        "always true: a trace id != bytes; write TraceID(...) around the other side",
        "always false: a time == an int; the _unix_nano path is an int",
    ]


def test_paths_may_carry_their_context_or_not() -> None:
    assert Condition.parse("name != nil") == Condition.parse("span.name != nil")
    assert Condition.parse('instrumentation_scope.name == "x"').text == 'scope.name == "x"'
    assert Condition.parse("name != nil") != Condition.parse("name != nil", "metric")
    assert "span.name" in repr(Condition.parse("name != nil")) and hash(Condition.parse("true")) is not None


def test_depth_and_length_are_bounded() -> None:
    for source in ("(" * 500 + "true" + ")" * 500, "1" + " + 1" * 500 + " > 0", "kind == " + "[" * 500):
        with pytest.raises(RuleError, match="nested deeper"):
            Condition.parse(source)
    with pytest.raises(RuleError, match="characters"):
        Condition.parse(" " * (MAX_LENGTH + 1))
    long = " or ".join(["kind == 1"] * 2000)
    assert Condition.parse(long).text.count(" or ") == 1999
    deep: object = {"bool": True}
    for _ in range(600):
        deep = {"not": deep}
    with pytest.raises(RuleError, match="nested deeper"):
        Condition.from_json({"version": 1, "context": "span", "condition": deep})


def test_json_says_where_it_is_wrong() -> None:
    wrong = {"and": [{"bool": True}, {"compare": ["~", {"nil": True}, {"nil": True}]}]}
    with pytest.raises(RuleError, match=r"condition\.and\[1\]\.compare: expected an operator and two values"):
        Condition.from_json({"version": 1, "context": "span", "condition": wrong})
    with pytest.raises(RuleError, match="version 1"):
        Condition.from_json('{"version": 2}')
    with pytest.raises(RuleError, match="not JSON"):
        Condition.from_json("{")
    with pytest.raises(RuleError, match=r"condition.compare\[1\].path: span.nope is not a path"):
        compare = {"compare": ["==", {"path": ["span", "nope"]}, {"int": 1}]}
        Condition.from_json({"version": 1, "context": "span", "condition": compare})
    for literal in (
        {"int": "x"},
        {"int": 2**63},
        {"double": "1"},
        {"bytes": "zz"},
        {"string": 5},
        {"map": [["a"]]},
    ):
        with pytest.raises(RuleError, match="expected"):
            condition = {"compare": ["==", literal, {"nil": True}]}
            Condition.from_json({"version": 1, "context": "span", "condition": condition})
