"""Patterns: RE2's language, one answer from both matchers, and no work beyond the bound that is claimed."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from wasm_sdk.rules.errors import EvaluationError
from wasm_sdk.rules.patterns import Pattern, PatternError, dynamic_search
from wasm_sdk.rules.patterns.automaton import MAX_STATES, Automaton
from wasm_sdk.rules.patterns.backtracking import BUDGET, essence, longest_safe, python_pattern
from wasm_sdk.rules.patterns.charset import LAST, fold, negate, normal, overlaps
from wasm_sdk.rules.patterns.syntax import Assertion, Chars, Choice, Repeat, Sequence, parse

RECORDED = json.loads((Path(__file__).parent / "patterns.json").read_text())


def test_recorded_patterns_match_what_go_matches() -> None:
    wrong = []
    for source, subjects, wanted in RECORDED:
        try:
            pattern = Pattern(source)
        except PatternError:
            got = None
        else:
            got = [pattern.search(subject) for subject in subjects]
            assert [pattern.search_bytes(subject.encode()) for subject in subjects] == got
            assert [pattern.automaton.search(subject) for subject in subjects] == got
        if got != wanted:
            wrong.append((source, got, wanted))
    assert wrong == []


chars = st.sampled_from(
    [((97, 97),), ((98, 98),), ((97, 98),), negate(((10, 10),)), ((49, 49),), ((233, 233),)]
)
kinds = ["text-start", "text-end", "line-start", "line-end", "word-edge", "not-word-edge"]
regexes = st.recursive(
    st.builds(Chars, chars) | st.builds(Assertion, st.sampled_from(kinds)),
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda items: Sequence(tuple(items)))
        | st.lists(inner, min_size=1, max_size=3).map(lambda items: Choice(tuple(items)))
        | st.builds(Repeat, inner, st.integers(0, 2), st.none())
        | st.builds(
            lambda item, least, more: Repeat(item, least, least + more),
            inner,
            st.integers(0, 2),
            st.integers(0, 2),
        )
    ),
    max_leaves=6,
)
subjects = st.text(alphabet="ab1é_ \n", max_size=8)


@given(regexes, st.lists(subjects, min_size=1, max_size=6))
@settings(max_examples=250, deadline=None)
def test_both_matchers_agree_wherever_re_is_trusted(regex, texts) -> None:
    essential = essence(regex)
    automata = Automaton(regex), Automaton(essential)
    longest = longest_safe(essential)
    compiled = re.compile(python_pattern(essential), re.ASCII) if longest >= 0 else None
    for text in texts:
        answers = {automaton.search(text) for automaton in automata}
        if compiled and len(text) <= longest:
            answers.add(compiled.search(text) is not None)
        assert len(answers) == 1


def backtracking_steps(regex, text: str, limit: int) -> int:
    """Steps that a plain backtracking search takes when it never succeeds, as `re` does them one by one."""
    steps = 0

    def run(node, at: int, then) -> None:
        nonlocal steps
        steps += 1
        if steps > limit:
            return
        match node:
            case Chars(ranges):
                if at < len(text) and any(low <= ord(text[at]) <= high for low, high in ranges):
                    then(at + 1)
            case Assertion():
                then(at)
            case Sequence(items):
                if not items:
                    then(at)
                else:
                    run(items[0], at, lambda place: run(Sequence(items[1:]), place, then))
            case Choice(items):
                for item in items:
                    run(item, at, then)
            case Repeat(item, least, most):
                if most is None or most > 0:
                    fewer = Repeat(item, max(least - 1, 0), None if most is None else most - 1)
                    run(item, at, lambda place: run(fewer, place, then) if place > at or least > 0 else None)
                if least == 0:
                    then(at)

    for start in range(len(text) + 1):
        run(regex, start, lambda _: None)
    return steps


@given(regexes, st.text(alphabet="ab1", min_size=1, max_size=10), st.integers(1, 12))
@settings(max_examples=150, deadline=None)
def test_what_is_claimed_to_be_within_the_budget_is(regex, unit, times) -> None:
    essential = essence(regex)
    longest = longest_safe(essential)
    text = (unit * times)[:40]
    assume(longest >= len(text))
    from wasm_sdk.rules.patterns.backtracking import _anchored, _bound, _times

    bound = _bound(essential, ())
    steps = bound.steps if _anchored(essential) else _times(bound.steps, (1.0, 1.0))
    claimed = sum(c * float(len(text)) ** degree for degree, c in enumerate(steps))
    assume(claimed < 3000)
    # A place of the pattern costs some of the reference's steps: for its repeat, its sequence, its choice.
    allowed = 8 * (claimed + 1) * (1 if not _anchored(essential) else len(text) + 1)
    assert backtracking_steps(essential, text, int(allowed) + 1) <= allowed


@pytest.mark.parametrize(
    "source",
    [
        r"(a+)+$",
        r"(a|a)*b",
        r"(a|aa)+$",
        r"(.*a){12}",
        r"^(([a-z])+.)+[A-Z]([a-z])+$",
        r"(x+x+)+y",
        r"(\w+\s?)*\z",
        r"(a?){30}a{30}",
        r"^(a|b|ab)*c",
        r"([a-z]+)*[a-z0-9]*@",
        r"(.*)*(.*)*x",
    ],
)
def test_patterns_that_hang_backtracking_engines_are_answered(source: str) -> None:
    pattern = Pattern(source)
    for text in ("a" * 5000, "a" * 5000 + "!", "x" * 5000, "ab" * 2500 + "é"):
        pattern.search(text)
        pattern.search_bytes(text.encode())


def test_quadratic_patterns_use_re_only_on_short_values() -> None:
    pattern = Pattern("foo.*bar")
    assert 100 < pattern.longest_safe < 1000
    assert pattern.search("foo" * 20_000 + "bar") and not pattern.search("foo" * 20_000)
    assert Pattern("^/api/v[0-9]+/users/[^/]+$").longest_safe > 20_000
    assert Pattern("health").longest_safe > 5_000


def test_states_that_never_repeat_stay_within_memory_and_work() -> None:
    pattern = Pattern("(a|b)*a(a|b){60}c")
    chaotic = "".join("ab"[bin(i * 2654435761).count("1") % 2] for i in range(60_000))
    with pytest.raises(EvaluationError, match="too much for this pattern"):
        pattern.search(chaotic)
    assert len(pattern.automaton._states) <= MAX_STATES
    assert pattern.search("a" * 61 + "c")


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("(?=a)", "lookahead"),
        ("(?!a)", "negative lookahead"),
        ("(?<=a)", "lookbehind"),
        ("(?<!a)", "negative lookbehind"),
        ("(?>a)", "an atomic group"),
        (r"(a)\1", "backreferences"),
        (r"(?P=x)", "a backreference"),
        (r"\Z", r"\Z is not part"),
        ("a++", "repeat of a repeat"),
        ("*a", "nothing to repeat"),
        ("a{2,1}", "from small to large"),
        ("a{1001}", "to 1000"),
        ("(a{500}){500}", "repeats of repeats go to 1000"),
        ("(", "not closed"),
        (")", "unexpected )"),
        ("[a", "not closed"),
        ("[z-a]", "wrong way round"),
        ("[[:nope:]]", "not known"),
        (r"\p{Greek}", "Greek is not known"),
        (r"\pX", "not known"),
        (r"\p", "wants a category"),
        ("\\", "a backslash ends"),
        (r"\xg", "two hexadecimal digits"),
        ("\ud800", "not UTF-8"),
        ("a{99999999999}", "to 1000"),
        ("(" * 60 + ")" * 60, "deeper than 50"),
        ("(abc){400}", "more than 1000 characters"),
        ("(?z)", "this group"),
        ("(?#x)", "a comment"),
        (r"[\b]", r"\b is not part"),
        (r"\8", "backreferences"),
    ],
)
def test_what_re2_has_not_is_refused_by_name(source: str, reason: str) -> None:
    with pytest.raises(PatternError) as caught:
        Pattern(source)
    assert reason in caught.value.reason


def test_patterns_from_data_are_compiled_once_and_judged_softly() -> None:
    assert dynamic_search("^a")("abc") and dynamic_search("^a") is dynamic_search("^a")
    with pytest.raises(EvaluationError, match="not closed"):
        dynamic_search("(")


def test_bytes_that_are_no_text_count_as_one_replacement_character_each() -> None:
    assert Pattern("^a.b$").search_bytes(b"a\xffb")
    assert Pattern("^a\ufffdb$").search("a\udcffb")
    assert Pattern("^a..b$").search_bytes(b"a\xff\xfeb")


def test_case_folds_as_unicode_does() -> None:
    assert Pattern("(?i)^k$").search("\u212a") and Pattern("(?i)^ſ$").search("S")
    assert Pattern("(?i)^straße$").search("STRAẞE") and not Pattern("(?i)[^k]").search("\u212a")
    assert fold(()) == () and fold(((65, 65),)) == ((65, 65), (97, 97))


@given(
    st.lists(
        st.tuples(st.integers(0, 300), st.integers(0, 40)).map(lambda p: (p[0], p[0] + p[1])), max_size=5
    )
)
def test_sets_of_characters_are_sets(ranges) -> None:
    whole = normal(ranges)
    inside = {c for low, high in ranges for c in range(low, high + 1)}
    assert {c for low, high in whole for c in range(low, high + 1)} == inside
    assert negate(negate(whole)) == whole
    assert not overlaps(whole, negate(whole))
    assert not whole or negate(whole) == () or negate(whole)[-1][1] == LAST
    assert parse("a") == Chars(((97, 97),)) and BUDGET > 0
