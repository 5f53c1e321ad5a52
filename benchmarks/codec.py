"""The codec: spans with 10 attributes, batches of 512, CPU time, median of interleaved rounds on fresh data.

The core runs interpreted (in a process of its own, since that is chosen at import), except where a name says
compiled.
The peers are Google's protobuf (upb, C) and opentelemetry-sdk with its OTLP encoder; the SDK has no decoder.
"""

import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.result import Result

ROUNDS = 9
BATCHES = 2
SPANS = 512
PROTOBUF = "protobuf (upb)"
SDK = "opentelemetry-sdk"


def run() -> list[Result]:
    found: list[Result] = []
    for interpreted in ("1", ""):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.codec"],
            env=os.environ | {"SPANWEAVE_INTERPRETED": interpreted},
            stdout=subprocess.PIPE,
            check=True,
        )
        found += [Result(**each) for each in json.loads(done.stdout)]
    return found


def spans(chance: random.Random) -> list[dict[str, Any]]:
    """A shop's spans: of ten attribute values two are never the same, one seldom, seven repeat."""
    start = 1_700_000_000_000_000_000 + chance.randrange(10**15)
    return [
        {
            "trace_id": chance.randbytes(16),
            "span_id": chance.randbytes(8),
            "parent_span_id": chance.randbytes(8),
            "name": chance.choice(["GET /cart", "POST /checkout", "GET /items/{id}", "SELECT shop.items"]),
            "kind": chance.randrange(1, 4),
            "start": start + number * 1_000_003,
            "end": start + number * 1_000_003 + chance.randrange(10**9),
            "attributes": {
                "http.request.method": chance.choice(["GET", "POST"]),
                "http.route": chance.choice(["/cart", "/checkout", "/items/{id}"]),
                "http.response.status_code": chance.choice([200, 200, 200, 404, 500]),
                "url.path": f"/items/{chance.randrange(10**8)}",
                "server.address": "shop.example.com",
                "server.port": 443,
                "network.protocol.version": "1.1",
                "user.id": f"u{chance.randrange(5000)}",
                "cache.hit": chance.random() < 0.5,
                "db.duration_ms": chance.random() * 100,
            },
        }
        for number in range(SPANS)
    ]


def rates(
    tasks: dict[str, Callable[[Any], object]], inputs: Callable[[], dict[str, Sequence[Any]]]
) -> dict[str, float]:
    """Spans per second of CPU time of each task: the median of rounds in which all take turns on new data."""
    times: dict[str, list[float]] = {name: [] for name in tasks}
    for round_number in range(ROUNDS + 1):
        batches = inputs()
        for name, task in tasks.items():
            began = time.process_time()
            for batch in batches[name]:
                task(batch)
            if round_number:  # the first one warms up
                times[name].append(time.process_time() - began)
    return {name: BATCHES * SPANS / statistics.median(each) for name, each in times.items()}


def interpreted() -> list[Result]:
    from wasm_sdk.otlp import decode_traces, decode_traces_json

    chance = random.Random(1)
    encode = our_encoder()
    read_json = json_format_reader()
    encoded = rates(
        {"ours": encode, PROTOBUF: protobuf_encoder(), SDK: sdk_encoder()},
        lambda: encoder_inputs([spans(chance) for _ in range(BATCHES)]),
    )
    decoded = rates(
        {
            "ours": decode_traces,
            PROTOBUF: protobuf_reader(),
            f"{PROTOBUF}, parsed but not read": protobuf_parser(),
        },
        lambda: same_for_all(encode, chance, ["ours", PROTOBUF, f"{PROTOBUF}, parsed but not read"]),
    )
    from wasm_sdk.otlp import Signal
    from wasm_sdk.otlp.transcode import protobuf_to_json

    def texts() -> dict[str, Sequence[Any]]:
        batches = [protobuf_to_json(Signal.TRACES, encode(spans(chance))) for _ in range(BATCHES)]
        return {"ours": batches, "json_format": batches}

    read = rates({"ours": decode_traces_json, "json_format": read_json}, texts)
    return [
        *against("encode_spans_per_s", encoded),
        *against("decode_spans_per_s", decoded),
        *against("decode_json_spans_per_s", read),
    ]


def compiled() -> list[Result]:
    from wasm_sdk.otlp import Signal
    from wasm_sdk.otlp.screen import screen
    from wasm_sdk.otlp.wire import iter_spans

    chance = random.Random(2)
    names = ["screen", "slices", f"{PROTOBUF}, parsed but not read"]
    measured = rates(
        {
            "screen": lambda data: screen(Signal.TRACES, data),
            "slices": lambda data: list(iter_spans(data)),
            names[2]: protobuf_parser(),
        },
        lambda: same_for_all(our_encoder(), chance, names),
    )
    peer = (names[2], round(measured[names[2]]))
    return [
        Result("screen_compiled_spans_per_s", round(measured["screen"]), "spans/s", *peer),
        Result("slice_compiled_spans_per_s", round(measured["slices"]), "spans/s", *peer),
    ]


def against(name: str, measured: dict[str, float]) -> list[Result]:
    value = round(measured.pop("ours"))
    return [Result(name, value, "spans/s", peer, round(rate)) for peer, rate in measured.items()]


def same_for_all(
    encode: Callable[[Any], bytes], chance: random.Random, names: list[str]
) -> dict[str, Sequence[Any]]:
    batches = [encode(spans(chance)) for _ in range(BATCHES)]
    return {name: batches for name in names}  # noqa: C420 - shared and only read


def our_encoder() -> Callable[[list[dict[str, Any]]], bytes]:
    from wasm_sdk.otlp.spans import SpanEncoder, encode_resource, encode_scope, wrap

    encode = SpanEncoder().encode
    resource, scope = encode_resource({"service.name": "shop"}), encode_scope("benchmark", "1")
    return lambda batch: wrap(resource, scope, [encode(**span) for span in batch])


def protobuf_encoder() -> Callable[[list[dict[str, Any]]], bytes]:
    from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource
    from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, TracesData

    field = {str: "string_value", bool: "bool_value", int: "int_value", float: "double_value"}
    resource = Resource(attributes=[KeyValue(key="service.name", value=AnyValue(string_value="shop"))])
    scope = InstrumentationScope(name="benchmark", version="1")

    def encode(batch: list[dict[str, Any]]) -> bytes:
        encoded = [
            Span(
                trace_id=span["trace_id"],
                span_id=span["span_id"],
                parent_span_id=span["parent_span_id"],
                name=span["name"],
                kind=span["kind"],
                start_time_unix_nano=span["start"],
                end_time_unix_nano=span["end"],
                attributes=[
                    KeyValue(key=key, value=AnyValue(**{field[type(value)]: value}))
                    for key, value in span["attributes"].items()
                ],
            )
            for span in batch
        ]
        scopes = [ScopeSpans(scope=scope, spans=encoded)]
        data: bytes = TracesData(
            resource_spans=[ResourceSpans(resource=resource, scope_spans=scopes)]
        ).SerializeToString()
        return data

    return encode


def sdk_encoder() -> Callable[[list[Any]], bytes]:
    from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

    def encode(batch: list[Any]) -> bytes:
        data: bytes = encode_spans(batch).SerializeToString()
        return data

    return encode


def encoder_inputs(batches: list[list[dict[str, Any]]]) -> dict[str, Sequence[Any]]:
    """The same spans as each encoder takes them: the SDK gets its own span objects, ended."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import SpanContext, SpanKind, TraceFlags

    resource, scope = Resource({"service.name": "shop"}), InstrumentationScope("benchmark", "1")

    def context(trace_id: bytes, span_id: bytes) -> SpanContext:
        return SpanContext(int.from_bytes(trace_id), int.from_bytes(span_id), False, TraceFlags(1))

    own = [
        [
            ReadableSpan(
                span["name"],
                context(span["trace_id"], span["span_id"]),
                context(span["trace_id"], span["parent_span_id"]),
                resource,
                span["attributes"],
                kind=SpanKind(span["kind"] - 1),
                start_time=span["start"],
                end_time=span["end"],
                instrumentation_scope=scope,
            )
            for span in batch
        ]
        for batch in batches
    ]
    return {"ours": batches, PROTOBUF: batches, SDK: own}


def protobuf_parser() -> Callable[[bytes], object]:
    from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

    parse: Callable[[bytes], object] = TracesData.FromString
    return parse


def protobuf_reader() -> Callable[[bytes], object]:
    """Parses, and reads every field into Python values, as a program has to that works with them."""
    from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

    def value(any_value: Any) -> Any:
        kind = any_value.WhichOneof("value")
        return getattr(any_value, kind) if kind else None

    def read(data: bytes) -> object:
        return [
            (
                span.trace_id,
                span.span_id,
                span.parent_span_id,
                span.trace_state,
                span.name,
                span.kind,
                span.start_time_unix_nano,
                span.end_time_unix_nano,
                [(item.key, value(item.value)) for item in span.attributes],
                [(event.time_unix_nano, event.name) for event in span.events],
                [(link.trace_id, link.span_id) for link in span.links],
                span.status.code,
                span.status.message,
                span.flags,
            )
            for resource in TracesData.FromString(data).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    return read


def json_format_reader() -> Callable[[bytes], object]:
    """Parses proto3 JSON (which takes the hexadecimal ids for base64, at the same cost)."""
    from google.protobuf import json_format  # type: ignore[import-untyped]
    from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

    return lambda text: json_format.Parse(text, TracesData())


if __name__ == "__main__":
    results = interpreted() if os.environ.get("SPANWEAVE_INTERPRETED") else compiled()
    print(json.dumps([vars(each) for each in results]))
