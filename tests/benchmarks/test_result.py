"""How figures are shown and kept."""

import json
from pathlib import Path

from benchmarks.__main__ import groups, main
from benchmarks.result import Result, merge, table

FAST = Result("encode_spans_per_s", 300_000, "spans/s", "protobuf", 30_000)
ALONE = Result("agent_rss_mb", 61.25, "MB")


def test_the_table_shows_the_ratio_to_the_peer() -> None:
    lines = [line.split() for line in table([FAST, ALONE]).splitlines()]
    assert lines[1] == ["encode_spans_per_s", "300,000", "spans/s", "protobuf", "30,000", "10.00"]
    assert lines[2] == ["agent_rss_mb", "61.2", "MB"]


def test_results_replace_those_of_their_name_and_keep_the_others(tmp_path: Path) -> None:
    path = tmp_path / "build" / "bench.json"
    merge([FAST, ALONE], path)
    merge([Result("encode_spans_per_s", 1, "spans/s", "sdk", 2)], path)
    kept = json.loads(path.read_text())
    assert [(each["name"], each["peer"]) for each in kept] == [
        ("agent_rss_mb", None),
        ("encode_spans_per_s", "sdk"),
    ]
    assert set(kept[0]) == {"name", "value", "unit", "peer", "peer_value"}


def test_an_unknown_group_is_named_beside_the_known_ones() -> None:
    assert "codec" in groups()
    assert main(["nonsense"]) == 2
