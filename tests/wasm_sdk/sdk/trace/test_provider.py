"""The provider: tracers, processors, flushing, and the ends of programs."""

import asyncio
import gc
import os
import subprocess
import sys
from pathlib import Path

import pytest
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.sdk.trace import SpanProcessor as OfficialProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator as OfficialIds

from wasm_sdk.export import ExporterSettings
from wasm_sdk.sdk.ids import RandomIdGenerator
from wasm_sdk.sdk.resource import Resource
from wasm_sdk.sdk.trace import (
    ALWAYS_OFF,
    AlwaysRecord,
    BatchSpanProcessor,
    InMemorySpanExporter,
    OTLPSpanExporter,
    SimpleSpanProcessor,
    Span,
    SpanProcessor,
    Tracer,
    TracerProvider,
)

CHECKOUT = Path(__file__).parents[4]


def test_one_scope_has_one_tracer(provide):
    provider = provide()
    tracer = provider.get_tracer("lib", "1.0", "https://schema", {"a": [1]})
    assert isinstance(tracer, Tracer) and isinstance(tracer, trace.Tracer)
    assert tracer is provider.get_tracer("lib", "1.0", "https://schema", {"a": (1,)})
    others = [("lib",), ("lib", "1.1"), ("lib", "1.0", ""), ("lib", "1.0", "https://schema", {"a": [2]})]
    assert len({id(provider.get_tracer(*each)) for each in others} | {id(tracer)}) == 5
    scope = tracer.start_span("s", Context()).instrumentation_scope
    assert (scope.name, scope.version, scope.schema_url, scope.attributes) == (
        "lib",
        "1.0",
        "https://schema",
        {"a": (1,)},
    )


def test_a_missing_name_still_gives_a_tracer(provide, caplog):
    span = provide().get_tracer("").start_span("s", Context())
    assert span.is_recording() and span.instrumentation_scope.name == ""
    assert "without a name" in caplog.text


def test_processors_added_later_serve_the_tracers_that_exist(provide, keep):
    provider = provide()
    tracer = provider.get_tracer("t")
    span = tracer.start_span("s", Context())
    late = type(keep)()
    provider.add_span_processor(late)
    span.end()
    assert keep.ended == late.ended == [span]


def test_processors_get_the_parent_context(tracer, keep):
    context = Context({"key": "value"})
    span = tracer.start_span("s", context)
    assert keep.started == [(span, context)]


class Ending(SpanProcessor):
    def on_ending(self, span):
        self.end_time = span.end_time
        span.set_attribute("ending", True)
        span.add_event("ending")


def test_a_span_can_change_for_the_last_time_while_it_ends(provide, keep):
    provider = provide()
    ending = Ending()
    provider.add_span_processor(ending)
    span = provider.get_tracer("t").start_span("s", Context())
    span.end()
    span.set_attribute("late", True)
    assert dict(keep.ended[0].attributes) == {"ending": True} and len(span.events) == 1
    assert ending.end_time == span.end_time


class Broken(SpanProcessor):
    def on_start(self, span, parent_context=None):
        raise RuntimeError("start")

    def on_ending(self, span):
        raise RuntimeError("ending")

    def on_end(self, span):
        raise RuntimeError("end")

    def force_flush(self, timeout_millis=30000):
        raise RuntimeError("flush")


def test_a_broken_processor_harms_neither_the_program_nor_the_others(provide, keep, caplog):
    provider = TracerProvider(resource=Resource({}), shutdown_on_exit=False)
    provider.add_span_processor(Broken())
    provider.add_span_processor(keep)
    span = provider.get_tracer("t").start_span("s", Context())
    span.end()
    assert keep.ended == [span] and not span.is_recording()
    assert not provider.force_flush()
    for hook in ("at the start", "at the ending", "at the end of", "flush"):
        assert hook in caplog.text


class OfficialCounting(OfficialProcessor):
    def __init__(self):
        self.names = []

    def on_end(self, span):
        self.names.append((span.name, span.resource.attributes["k"], span.instrumentation_scope.name))


def test_processors_of_opentelemetry_sdk_work(provide):
    provider = provide(resource=Resource({"k": "v"}))
    counting = OfficialCounting()
    provider.add_span_processor(counting)
    provider.get_tracer("t").start_span("s", Context()).end()
    assert counting.names == [("s", "v", "t")]
    assert provider.force_flush() and provider.shutdown()


async def test_spans_reach_the_collector(provide, collector):
    provider = provide()
    provider.add_span_processor(
        BatchSpanProcessor(OTLPSpanExporter(collector.settings()), schedule_delay_millis=10)
    )
    with provider.get_tracer("t").start_as_current_span("s"):
        pass
    await asyncio.wait_for(asyncio.to_thread(collector.answered.wait), 5)
    assert [span.name for span in collector.spans()] == ["s"]


async def test_simple_processor_exports_each_span_by_itself(provide):
    provider, exporter = provide(), InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("t")
    for name in "abc":
        tracer.start_span(name, Context()).end()
    await asyncio.sleep(0)
    assert await provider.force_flush()
    assert [span.name for span in exporter.get_finished_spans()] == ["a", "b", "c"]
    exporter.clear()
    assert await provider.shutdown()
    assert exporter.get_finished_spans() == ()


async def test_several_processors_are_flushed_together(provide, collector):
    provider = provide()
    exporters = [InMemorySpanExporter(), InMemorySpanExporter()]
    for exporter in exporters:
        provider.add_span_processor(BatchSpanProcessor(exporter))
    provider.get_tracer("t").start_span("s", Context()).end()
    assert await provider.force_flush()
    assert [len(exporter.spans) for exporter in exporters] == [1, 1]


def test_only_sampled_spans_are_exported(provide):
    provider, exporter = provide(sampler=AlwaysRecord(ALWAYS_OFF)), InMemorySpanExporter()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    provider.get_tracer("t").start_span("s", Context()).end()
    assert provider.force_flush() and not exporter.spans


def test_after_shutdown_tracers_do_nothing(provide, keep):
    provider, exporter = provide(), InMemorySpanExporter()
    provider.add_span_processor(BatchSpanProcessor(exporter))
    tracer = provider.get_tracer("t")
    open_span = tracer.start_span("open", Context())
    tracer.start_span("ended", Context()).end()
    assert provider.shutdown() and provider.shutdown()
    open_span.end()
    assert [span.name for span in exporter.spans] == ["ended"]
    assert not tracer.start_span("late", Context()).is_recording()
    assert isinstance(provider.get_tracer("t"), trace.NoOpTracer)


def test_a_failed_flush_is_reported(provide):
    provider = provide()
    exporter = OTLPSpanExporter(ExporterSettings("http://127.0.0.1:9/", timeout=0.05))
    processor = BatchSpanProcessor(exporter)
    provider.add_span_processor(processor)
    provider.get_tracer("t").start_span("s", Context()).end()
    assert not provider.force_flush()
    assert (processor.failed, processor.dropped) == (1, 0)


def test_the_environment_configures_the_batch_processor(provide):
    processor = BatchSpanProcessor.from_environ(
        InMemorySpanExporter(),
        {
            "OTEL_BSP_SCHEDULE_DELAY": "100",
            "OTEL_BSP_MAX_QUEUE_SIZE": "3",
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "7",
            "OTEL_BSP_EXPORT_TIMEOUT": "500",
        },
    )
    provider = provide()
    provider.add_span_processor(processor)
    for _ in range(5):
        provider.get_tracer("t").start_span("s", Context()).end()
    assert processor.dropped == 2


def test_a_disabled_sdk_makes_no_spans(provide, monkeypatch):
    monkeypatch.setenv("OTEL_SDK_DISABLED", "TRUE")
    assert not provide().get_tracer("t").start_span("s", Context()).is_recording()


def test_scopes_can_be_switched_off(provide):
    provider = provide(enabled=lambda scope: not scope.name.startswith("noisy"))
    assert not provider.get_tracer("noisy.lib").start_span("s", Context()).is_recording()
    assert provider.get_tracer("lib").start_span("s", Context()).is_recording()


def test_identifiers_are_distinct_and_valid(tracer):
    spans = [tracer.start_span("s", Context()) for _ in range(600)]
    assert (
        len({span.context.span_id for span in spans}) == len({span.context.trace_id for span in spans}) == 600
    )
    assert all(span.context.is_valid for span in spans)


class NotRandom(OfficialIds):
    def generate_trace_id(self):
        return 5

    def generate_span_id(self):
        return 6

    def is_trace_id_random(self):
        return False


def test_identifiers_can_come_from_elsewhere(provide):
    context = provide(id_generator=NotRandom()).get_tracer("t").start_span("s", Context()).get_span_context()
    assert (context.trace_id, context.span_id) == (5, 6)
    assert not context.trace_flags.random_trace_id


def test_an_all_zero_identifier_is_not_used(monkeypatch):
    blocks = [bytes(8) * 255 + b"12345678", b"abcdefgh" * 256]
    monkeypatch.setattr(os, "urandom", lambda size: blocks.pop(0))
    ids = RandomIdGenerator()
    assert [ids.span_id(), ids.generate_trace_id()] == [b"12345678", int.from_bytes(b"abcdefgh" * 2, "big")]
    ids.forget()
    assert ids.span_id


PROGRAM = """
import os, sys
from opentelemetry import trace
from wasm_sdk.export import ExporterSettings
from wasm_sdk.sdk.resource import Resource
from wasm_sdk.sdk.trace import BatchSpanProcessor, OTLPSpanExporter, TracerProvider
provider = TracerProvider(resource=Resource({{}}))
provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(ExporterSettings("{url}"))))
trace.set_tracer_provider(provider)
tracer = trace.get_tracer("program")
{body}
"""


def run(url: str, body: str) -> None:
    program = PROGRAM.format(url=url, body=body)
    subprocess.run([sys.executable, "-c", program], check=True, cwd=CHECKOUT, timeout=30)


def test_a_program_without_a_loop_delivers_at_its_exit(collector):
    run(collector.url.replace("127.0.0.1", "localhost"), "tracer.start_span('s').end()")
    assert [span.name for span in collector.spans()] == ["s"]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_sends_its_own_spans_only(collector):
    body = """
tracer.start_span("parent").end()
child = os.fork()
tracer.start_span("child" if child == 0 else "after").end()
if child == 0:
    provider.force_flush(); os._exit(0)
os.waitpid(child, 0)
"""
    run(collector.url, body)
    spans = collector.spans()
    assert sorted(span.name for span in spans) == ["after", "child", "parent"]
    assert len({span.span_id for span in spans}) == 3


async def test_memory_holds_what_waits_and_nothing_of_what_has_left():
    provider, exporter = TracerProvider(resource=Resource({}), shutdown_on_exit=False), InMemorySpanExporter()
    provider.add_span_processor(BatchSpanProcessor(exporter, max_queue_size=600, max_export_batch_size=500))
    tracer = provider.get_tracer("t")
    context = Context()
    for number in range(10_000):
        span = tracer.start_span("link of an endless chain", context)
        span.end()
        context = trace.set_span_in_context(span, Context())  # each is the parent of the next
        if number % 100 == 0:
            await asyncio.sleep(0)
            exporter.clear()
    gc.collect()
    assert sum(type(each) is Span for each in gc.get_objects()) < 1500
    assert await provider.shutdown()
