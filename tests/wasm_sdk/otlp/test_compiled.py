"""The compiled modules and their sources are one program: same results, same faults."""

import importlib.util
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.wasm_sdk.otlp.test_malformed import REQUEST, mutated
from wasm_sdk import otlp
from wasm_sdk.otlp import MalformedOTLP, Signal, check, screen, wire

FOLDER = Path(otlp.__file__).parent
COMPILED = [module for module in (wire, check) if not (module.__file__ or "").endswith(".py")]


def source(name: str) -> ModuleType:
    """The module as interpreted, beside the compiled one."""
    spec = importlib.util.spec_from_file_location(f"interpreted_{name}", FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def outcome(read: Callable[[], Any]) -> Any:
    try:
        return read()
    except MalformedOTLP as error:
        return error.reason, error.where


def described(slices: Any) -> list[tuple[Any, ...]]:
    names = [name for name in wire.SpanSlice.__dict__ if not name.startswith("_")]
    return [tuple((name, getattr(each, name)) for name in names) for each in slices]


@pytest.mark.skipif(
    len(COMPILED) < 2, reason="the compiled modules are not built, or SPANWEAVE_INTERPRETED is set"
)
def test_mutated_requests_give_the_same_slices_counts_and_faults() -> None:
    plain_wire, plain_check = source("wire"), source("check")
    tables = (screen._KINDS, screen._CHILDREN, screen._COUNTED, screen._ROOTS[Signal.TRACES])
    walkers = [module.Walker(*tables) for module in (check, plain_check)]
    chance = random.Random(20)
    refused = 0
    for _ in range(4000):
        data = mutated(REQUEST, chance)
        slices = [outcome(lambda m=m, d=data: described(m.iter_spans(d))) for m in (wire, plain_wire)]
        assert slices[0] == slices[1], data.hex()
        if isinstance(slices[0], list):
            joined = [module.join_spans(module.iter_spans(data)) for module in (wire, plain_wire)]
            assert joined[0] == joined[1], data.hex()
        counts = [outcome(lambda w=w, d=data: (w.walk(d), w.items, w.invalid)) for w in walkers]
        assert counts[0] == counts[1], data.hex()
        refused += isinstance(slices[0], tuple)
    assert 0 < refused < 4000


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
