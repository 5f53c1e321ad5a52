from pathlib import Path

import pytest

from host_agent.intake.position import ORIGIN, Checkpoint, Position


def test_positions_are_ordered_as_the_log_is() -> None:
    assert ORIGIN < Position(1, 64) < Position(1, 128) < Position(2, 64)


def test_a_position_survives_its_text() -> None:
    assert Position.parse(str(Position(1764000000000, 4096))) == Position(1764000000000, 4096)
    with pytest.raises(ValueError, match="expected SEGMENT:OFFSET"):
        Position.parse("7")


@pytest.mark.parametrize("durable", [True, False])
def test_a_checkpoint_keeps_the_last_position(tmp_path: Path, durable: bool) -> None:
    checkpoint = Checkpoint(tmp_path / "followers" / "store.json")
    assert checkpoint.load() is None
    checkpoint.save(Position(1, 64), durable=durable)
    checkpoint.save(Position(1, 128), durable=durable)
    assert Checkpoint(checkpoint.path).load() == Position(1, 128)
    assert [path.name for path in checkpoint.path.parent.iterdir()] == ["store.json"]
    checkpoint.delete()
    assert checkpoint.load() is None


@pytest.mark.parametrize(
    "data",
    [b"", b"{}", b"[]", b'{"position": 7}', b'{"position": "x"}', b"\xff\xfe\x00", b"[" * 100_000],
    ids=["empty", "nothing", "a list", "a number", "no position", "not UTF-8", "nested too deep"],
)
def test_a_damaged_checkpoint_says_what_to_do(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "store.json").write_bytes(data)
    with pytest.raises(ValueError, match=r"store\.json: not a checkpoint .* delete it"):
        Checkpoint(tmp_path / "store.json").load()
