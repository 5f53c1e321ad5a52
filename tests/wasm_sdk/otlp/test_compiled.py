"""The compiled modules and their sources are one program: same results, same faults."""

import os
import random
import subprocess
import sys

import pytest

from tests.wasm_sdk.otlp.fuzz import BUILT, FOLDER, SEEDS, Differential, mutated


def test_unchanged_requests_are_read_alike() -> None:
    run = Differential()
    for data in SEEDS:
        assert list(run.differences(data)) == []
    assert run.seen == {"read": len(SEEDS)}


@pytest.mark.skipif(not BUILT, reason="no compiled modules here, or SPANWEAVE_INTERPRETED is set")
def test_mutated_requests_are_read_or_refused_alike() -> None:
    run = Differential()
    chance = random.Random(20)
    for _ in range(3000):
        data = mutated(chance.choice(SEEDS), chance)
        assert list(run.differences(data)) == [], data.hex()
    assert set(run.seen) == {"read", "refused"}


@pytest.mark.parametrize("interpreted", ["", "1"])
def test_the_environment_chooses_the_sources(interpreted: str) -> None:
    code = "from wasm_sdk.otlp import check, wire; print(*(m.__file__[-3:] == '.py' for m in (check, wire)))"
    environment = os.environ | {"SPANWEAVE_INTERPRETED": interpreted}
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    built = bool(list(FOLDER.glob("wire.*.so")) + list(FOLDER.glob("wire.*.pyd")))
    expected = bool(interpreted) or not built
    assert run.stdout.split() == [str(expected)] * 2
