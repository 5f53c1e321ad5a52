"""Balancing: shares follow the weights, and a member that leaves moves nothing but its own."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from wasm_sdk.rules.balance import ConsistentHash, LeastOutstanding, RoundRobin
from wasm_sdk.rules.failover import Failover

KEYS = [number.to_bytes(16, "big") for number in range(4000)]
weights = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from([1.0, 2.0, 5.0]), min_size=2)


def test_turns_follow_the_weights_without_bunches() -> None:
    turns = RoundRobin({"a": 5, "b": 1, "c": 1})
    assert "".join(turns.pick() or "" for _ in range(7)) == "aabacaa"
    assert Counter(turns.pick() for _ in range(700)) == {"a": 500, "b": 100, "c": 100}
    assert {turns.pick(healthy={"b", "c"}) for _ in range(4)} == {"b", "c"}
    assert turns.pick(healthy=()) is None


def test_the_least_busy_for_its_weight_is_picked() -> None:
    least = LeastOutstanding({"a": 1, "b": 2})
    for _ in range(30):
        least.begin(least.pick() or "")
    assert least._outstanding == {"a": 10, "b": 20}
    least.end("a", 6)
    assert least.pick() == "a" and least.pick(healthy=["b"]) == "b" and least.pick(healthy=[]) is None


@given(weights, st.data())
@settings(max_examples=15, deadline=None)
def test_a_member_that_leaves_moves_its_own_keys_only(members, data) -> None:
    gone = data.draw(st.sampled_from(sorted(members)))
    before = ConsistentHash(members, slots=512)
    after = ConsistentHash({name: weight for name, weight in members.items() if name != gone}, slots=512)
    for key in KEYS[:500]:
        owner = before.pick(key)
        assert after.pick(key) == (owner if owner != gone else before.pick(key, set(members) - {gone}))


def test_keys_spread_by_weight_and_agents_agree() -> None:
    first = ConsistentHash({"a": 1, "b": 1, "c": 2})
    second = ConsistentHash({"c": 2, "a": 1, "b": 1})
    owners = Counter(first.pick(key) for key in KEYS)
    assert [second.pick(key) for key in KEYS] == [first.pick(key) for key in KEYS]
    shares = {name: count / len(KEYS) for name, count in owners.items()}
    assert shares == pytest.approx({"a": 0.25, "b": 0.25, "c": 0.5}, abs=0.03)
    assert first.pick(KEYS[0], healthy=()) is None
    moved = sum(first.pick(key) != ConsistentHash({"a": 1, "c": 2}).pick(key) for key in KEYS[:40])
    assert moved == sum(first.pick(key) == "b" for key in KEYS[:40])


@pytest.mark.parametrize("members", [{}, {"a": 0}, {"a": float("nan")}, {"a": 1, "b": -1}])
def test_weights_are_above_zero(members) -> None:
    for kind in (RoundRobin, LeastOutstanding, ConsistentHash):
        with pytest.raises(ValueError, match=r"weight|member"):
            kind(members)


def test_the_first_healthy_level_serves() -> None:
    levels = Failover([["a", "b"], ["c"]], failures=2, ramp=10)
    assert levels.candidates(0.5, 0) == ("a", "b")
    levels.failed("a", 1)
    assert levels.candidates(0.5, 1) == ("a", "b"), "one failure is none"
    levels.failed("a", 2)
    assert levels.candidates(0.5, 2) == ("b",)
    for _ in range(2):
        levels.failed("b", 3)
    assert levels.candidates(0.5, 3) == ("c",)
    for _ in range(2):
        levels.failed("c", 3)
    assert levels.candidates(0.5, 3) == ()


def test_what_comes_back_gets_its_share_gradually() -> None:
    levels = Failover([["a"], ["b"]], failures=1, ramp=10)
    levels.failed("a", 0)
    levels.succeeded("a", 100)
    assert [levels.share("a", 100 + after) for after in (0, 2.5, 10, 60)] == [0, 0.25, 1, 1]
    assert levels.candidates(0.2, 102.5) == ("a",) and levels.candidates(0.3, 102.5) == ("b",)
    assert levels.candidates(0.3, 110) == ("a",)
    levels.failed("b", 101)
    assert levels.candidates(0.99, 101) == ("a",), "a destination that returns is better than none"
    levels.succeeded("a", 120)
    assert levels.share("a", 120) == 1, "success without a failure starts no ramp"
    with pytest.raises(ValueError, match="each in one level"):
        Failover([["a"], ["a"]])
    assert Failover([["a"]], ramp=0).share("a", 0) == 1
