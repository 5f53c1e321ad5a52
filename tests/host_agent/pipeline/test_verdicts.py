"""What a verdict is on disk, and what is made of it when something is missing."""

import json
from pathlib import Path

import pytest

from host_agent.pipeline.bits import destination_bits
from host_agent.pipeline.quarantine import Quarantine
from host_agent.pipeline.verdicts import VerdictFiles, Verdicts
from host_agent.tenant import DEFAULT_TENANT
from wasm_sdk.otlp import Signal

KINDS = ((0, -1), (5, 1 << 55), (2, -2))


def test_verdicts_come_back_from_their_place(tmp_path: Path) -> None:
    files = VerdictFiles(tmp_path)
    first, second = Verdicts(KINDS, [0, 1, 2, 1]), Verdicts(((1 << 63, -1),), [0])
    places = [files.append(7, first), files.append(7, second)]
    assert [files.read(7, place) for place in places] == [first, second]
    assert first.routes == 7


@pytest.mark.parametrize("damage", ["cut", "changed", "gone", "never"])
def test_damaged_verdicts_are_nobodys(tmp_path: Path, damage: str) -> None:
    files = VerdictFiles(tmp_path)
    place = files.append(7, Verdicts(KINDS, [0, 1]))
    (path,) = tmp_path.glob("*.verdicts")
    data = path.read_bytes()
    if damage == "cut":
        path.write_bytes(data[:-1])
    elif damage == "changed":
        path.write_bytes(data[:-1] + b"x")
    elif damage == "gone":
        files.trim([])
    assert files.read(7, place if damage != "never" else place + 999) is None


def test_files_go_with_their_segments(tmp_path: Path) -> None:
    files = VerdictFiles(tmp_path)
    for segment in (1, 2, 3):
        files.append(segment, Verdicts(KINDS, [0]))
    files.trim([2, 3])
    assert sorted(int(path.stem) for path in tmp_path.glob("*.verdicts")) == [2, 3]


def test_one_verdict_for_all_is_one_number() -> None:
    assert Verdicts.of([(1, -1)], [0, 0, 0]).items == [0]
    with pytest.raises(ValueError, match="verdicts"):
        Verdicts.of([(number, -1) for number in range(70_000)], [])


def test_a_destination_keeps_its_bit_when_others_come_and_go(tmp_path: Path) -> None:
    path = tmp_path / "bits.json"
    assert destination_bits(path, ["a", "b"]) == {"store": 0, "a": 1, "b": 2}
    assert destination_bits(path, ["c", "b"]) == {"store": 0, "c": 3, "b": 2}
    assert destination_bits(path, ["a"]) == {"store": 0, "a": 1}


def test_bits_of_destinations_that_are_gone_are_given_again_when_none_is_left(tmp_path: Path) -> None:
    path = tmp_path / "bits.json"
    destination_bits(path, [f"d{number}" for number in range(63)])
    assert destination_bits(path, [f"d{number}" for number in range(1, 63)] + ["new"])["new"] == 1
    with pytest.raises(ValueError, match="63"):
        destination_bits(path, [f"e{number}" for number in range(64)])


def test_the_quarantine_keeps_the_newest_within_its_bound(tmp_path: Path) -> None:
    quarantine = Quarantine(tmp_path, max_bytes=250)
    for number in range(4):
        quarantine.put("backend", DEFAULT_TENANT, Signal.LOGS, bytes([number]) * 100, 3, f"reason {number}")
    assert [each.reason for each in quarantine.list()] == ["reason 3", "reason 2"]
    assert (quarantine.count, quarantine.lost) == (2, 2)
    about = json.loads(next(iter(sorted(tmp_path.glob("*.json")))).read_text())
    assert (about["tenant"], about["items"], about["signal"]) == ("default", 3, "logs")
