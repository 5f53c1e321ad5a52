"""Differential fuzzing: the compiled modules, their sources and Google's protobuf on mutated requests.

`python -m tests.wasm_sdk.otlp.fuzz --cases 1000000 --seed 1` prints counts and the first differences, in
hexadecimal, and exits 1 when there are any. `test_compiled.py` runs a few thousand cases.
"""

import argparse
import importlib.util
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

from google.protobuf.message import DecodeError
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData as OfficialTraces

from wasm_sdk import otlp
from wasm_sdk.otlp import (
    InstrumentationScope,
    KeyValues,
    MalformedOTLP,
    Resource,
    ResourceSpans,
    ScopeSpans,
    Signal,
    Span,
    SpanEvent,
    SpanLink,
    Status,
    check,
    screen,
    wire,
)

FOLDER = Path(otlp.__file__).parent
BUILT = all(not str(module.__file__).endswith(".py") for module in (wire, check))
SPAN = Span(
    trace_id=bytes(range(16)),
    span_id=bytes(range(8)),
    parent_span_id=bytes(range(1, 9)),
    name="GET /items/{id}",
    kind=2,
    start_time_unix_nano=1_700_000_000_000_000_000,
    end_time_unix_nano=1_700_000_000_100_000_000,
    attributes=KeyValues.of(
        {
            "s": "v",
            "i": -1,
            "d": 1.5,
            "b": True,
            "l": [1, {"k": b"x"}],
            "é": "ü",
            "long": "x" * 200,
            "none": None,
        }
    ),
    dropped_attributes_count=300,
    events=[SpanEvent(1, "e", KeyValues.of({"a": 1}))],
    links=[SpanLink(bytes(16), bytes(8), "a=b", flags=1)],
    status=Status("no", 2),
    flags=0x80000001,
)
SEEDS = [
    otlp.encode_traces(
        otlp.TracesData(
            [
                ResourceSpans(
                    Resource(KeyValues.of({"service.name": "shop"})),
                    [ScopeSpans(InstrumentationScope("lib", "1"), [SPAN] * spans, "url")],
                    "resource-url",
                )
            ]
            * resources
        )
    )
    for spans, resources in ((1, 1), (3, 1), (1, 2))
]


def mutated(data: bytes, chance: random.Random) -> bytes:
    """`data` with a few bytes changed, removed or put in, or its end cut off."""
    out = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 5))):
        at = chance.randrange(len(out)) if out else 0
        match chance.randrange(5):
            case 0 if out:
                out[at] = chance.randrange(256)
            case 1 if out:
                out[at] = chance.choice((0, 127, 128, 255))
            case 2:
                del out[at : at + chance.randrange(1, 30)]
            case 3:
                out[at:at] = chance.randbytes(chance.randrange(1, 12))
            case _:
                del out[at + 1 :]
    return bytes(out)


def source(name: str) -> ModuleType:
    """A module of the core as interpreted, whatever is built beside it."""
    spec = importlib.util.spec_from_file_location(f"interpreted_{name}", FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Differential:
    """Runs everything on the same bytes; `seen` counts what came out."""

    def __init__(self) -> None:
        tables = (screen._KINDS, screen._CHILDREN, screen._COUNTED, screen._ROOTS[Signal.TRACES])
        self.wires = (wire, source("wire"))
        self.walkers = tuple(module.Walker(*tables) for module in (check, source("check")))
        self.fields = [name for name in wire.SpanSlice.__dict__ if not name.startswith("_")]
        self.seen: Counter[str] = Counter()

    def differences(self, data: bytes) -> Iterator[str]:
        """What does not agree, for one request."""
        slices = [self.outcome(lambda m=module: self.described(m, data)) for module in self.wires]
        if slices[0] != slices[1]:
            yield f"slices: compiled {slices[0]}, interpreted {slices[1]}"
        counts = [
            self.outcome(lambda w=walker: (w.walk(data), w.items, w.invalid)) for walker in self.walkers
        ]
        if counts[0] != counts[1]:
            yield f"check: compiled {counts[0]}, interpreted {counts[1]}"
        decoded = self.outcome(lambda: otlp.encode_traces(otlp.decode_traces(data)))
        valid = isinstance(decoded, bytes)
        self.seen["read" if valid else "refused"] += 1
        if valid != (counts[0][0] is None):
            yield f"decoder {decoded!r}, check {counts[0]}"
        if valid:
            yield from self.unlike_protobuf(data, decoded, slices[0])

    def unlike_protobuf(self, data: bytes, decoded: bytes, slices: Any) -> Iterator[str]:
        try:
            official = OfficialTraces.FromString(data)
        except DecodeError as error:
            yield f"read here, refused by protobuf: {error}"
            return
        if OfficialTraces.FromString(decoded).SerializeToString(
            deterministic=True
        ) != official.SerializeToString(deterministic=True):
            yield "decoded to something else than protobuf"
        spans = [
            span
            for resource in official.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]
        own = slices[0] if isinstance(slices[0], list) else []
        if [(each["name"], each["trace_id"], each["flags"], each["status"]) for each in own] != [
            (span.name, span.trace_id, span.flags, span.status.code) for span in spans
        ]:
            yield "cut into other spans than protobuf's"

    def described(self, module: ModuleType, data: bytes) -> tuple[list[dict[str, Any]], bytes]:
        found = list(module.iter_spans(data))
        return [{name: getattr(each, name) for name in self.fields} for each in found], module.join_spans(
            found
        )

    @staticmethod
    def outcome(read: Callable[[], Any]) -> Any:
        try:
            return read()
        except MalformedOTLP as error:
            return error.reason, error.where


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if not BUILT:
        print(
            "the compiled modules are not built: this compares the sources with protobuf only",
            file=sys.stderr,
        )
    chance = random.Random(options.seed)
    run = Differential()
    found = 0
    for _ in range(options.cases):
        data = mutated(chance.choice(SEEDS), chance)
        for difference in run.differences(data):
            found += 1
            if found <= 5:
                print(difference, data.hex(), sep="\n")
    print(f"{options.cases} cases with seed {options.seed}: {dict(run.seen)}, {found} differences")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
