"""Fixtures of the whole suite."""

import csv
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A busy machine is no failure: how long an example takes is what benchmarks are for.
settings.register_profile("spanweave", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("spanweave")

CHECKOUT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Sample:
    """One payload of `otlp_samples`: what its index says of it, and where it is."""

    path: Path
    signal: str
    encoding: str
    items: int
    note: str

    @property
    def name(self) -> str:
        return self.path.name


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the checkout (or where SPANWEAVE_SHARED_DATA says)."""
    place = Path(os.environ.get("SPANWEAVE_SHARED_DATA") or CHECKOUT.parent / "shared" / "data")
    if not place.is_dir():
        pytest.skip(f"no real data: {place} is not there (set SPANWEAVE_SHARED_DATA)")
    return place


@pytest.fixture(scope="session")
def otlp_samples(shared_data: Path) -> list[Sample]:
    """Every payload that `otlp_samples/index.csv` describes."""
    folder = shared_data / "otlp_samples"
    if not folder.is_dir():
        pytest.skip(f"no OTLP samples: {folder} is not there")
    return list(_samples(folder))


def _samples(folder: Path) -> Iterator[Sample]:
    with (folder / "index.csv").open(newline="") as index:
        for row in csv.DictReader(index):
            yield Sample(folder / row["file"], row["signal"], row["encoding"], int(row["items"]), row["note"])
