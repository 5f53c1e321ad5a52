"""The exporter against a real HTTP server that accepts, refuses, throttles, hangs and hangs up."""

import asyncio
import json
import time
from email.utils import formatdate

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from wasm_sdk.export import Delivery, OTLPHTTPExporter
from wasm_sdk.export.settings import ExporterSettings
from wasm_sdk.otlp.responses import encode_response, encode_status
from wasm_sdk.otlp.signal import Signal
from wasm_sdk.version import VERSION

REQUEST = ExportTraceServiceRequest()
_span = REQUEST.resource_spans.add().scope_spans.add().spans.add()
_span.trace_id, _span.span_id, _span.name = b"t" * 16, b"s" * 8, "work"
BODY = REQUEST.SerializeToString()
PROTOBUF = {"content-type": "application/x-protobuf"}


async def test_a_request_arrives_as_it_was_encoded(collector):
    exporter = OTLPHTTPExporter(Signal.TRACES, collector.settings(headers={"Api-Key": "k"}))
    assert await exporter.send(BODY) == Delivery(True)
    (request,) = collector.requests
    assert (request.path, request.body) == ("/v1/traces", BODY)
    assert request.headers["content-type"] == "application/x-protobuf"
    assert request.headers["api-key"] == "k"
    assert request.headers["user-agent"] == f"OTel-OTLP-Exporter-Python-spanweave/{VERSION}"
    assert "content-encoding" not in request.headers


async def test_gzip(collector):
    exporter = OTLPHTTPExporter(Signal.TRACES, collector.settings(compression="gzip"))
    assert (await exporter.send(BODY)).accepted
    assert collector.requests[0].headers["content-encoding"] == "gzip"
    assert collector.requests[0].body == BODY


async def test_json(collector, answer):
    collector.answers.append(
        answer(
            headers={"content-type": "application/json; charset=utf-8"},
            body=encode_response(Signal.TRACES, 2, "two are bad", json=True),
        )
    )
    exporter = OTLPHTTPExporter(Signal.TRACES, collector.settings(protocol="http/json"))
    assert await exporter.send(BODY) == Delivery(True, 2, "two are bad")
    spans = json.loads(collector.requests[0].body)["resourceSpans"][0]["scopeSpans"][0]["spans"]
    assert spans[0]["traceId"] == (b"t" * 16).hex()
    assert collector.requests[0].headers["content-type"] == "application/json"


async def test_partial_success_is_logged_and_not_retried(collector, answer, caplog):
    collector.answers.append(answer(headers=PROTOBUF, body=encode_response(Signal.TRACES, 3, "too old")))
    exporter = OTLPHTTPExporter(Signal.TRACES, collector.settings())
    assert await exporter.send(BODY) == Delivery(True, 3, "too old")
    assert len(collector.requests) == 1
    assert "rejected 3 of them: too old" in caplog.text


@pytest.mark.parametrize("status", [429, 502, 503, 504])
async def test_transient_failures_are_retried(collector, answer, quick, status):
    collector.answers.extend([answer(status), answer(status)])
    exporter = OTLPHTTPExporter(Signal.TRACES, collector.settings(), retry=quick)
    assert (await exporter.send(BODY)).accepted
    assert [request.body for request in collector.requests] == [BODY] * 3


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 408, 413, 415, 500, 501])
async def test_other_failures_are_not(collector, answer, quick, caplog, status):
    collector.answers.append(answer(status, PROTOBUF, encode_status(3, "not like this")))
    exporter = OTLPHTTPExporter(Signal.TRACES, collector.settings(), retry=quick)
    delivery = await exporter.send(BODY)
    assert not delivery.accepted
    assert delivery.message == f"{collector.url}/v1/traces answered {status}: not like this"
    assert len(collector.requests) == 1
    assert delivery.message in caplog.text


async def test_a_connection_that_breaks_is_retried(collector, answer, quick):
    collector.answers.append(answer(disconnect=True))
    exporter = OTLPHTTPExporter(Signal.TRACES, collector.settings(), retry=quick)
    assert (await exporter.send(BODY)).accepted
    assert len(collector.requests) == 2


async def test_retry_after_in_seconds_is_honoured(collector, answer, quick):
    collector.answers.append(answer(429, {"retry-after": "1"}))
    exporter = OTLPHTTPExporter(Signal.TRACES, collector.settings(), retry=quick)
    first = asyncio.create_task(exporter.send(BODY))
    await asyncio.wait_for(asyncio.to_thread(collector.answered.wait), 5)
    second = asyncio.create_task(exporter.send(BODY))  # the next batch is throttled with the first
    assert (await first).accepted and (await second).accepted
    answered = collector.requests[0].at
    late = [request.at - answered for request in collector.requests[1:]]
    assert max(late) >= 1


async def test_retry_after_as_a_date_is_honoured(collector, answer, quick):
    collector.answers.append(answer(503, {"retry-after": formatdate(time.time() + 2, usegmt=True)}))
    exporter = OTLPHTTPExporter(Signal.TRACES, collector.settings(), retry=quick)
    assert (await exporter.send(BODY)).accepted
    assert collector.requests[1].at - collector.requests[0].at >= 0.9


async def test_a_retry_after_beyond_the_time_out_fails_at_once_and_holds_for_the_next(
    collector, answer, quick
):
    collector.answers.append(answer(429, {"retry-after": "3600"}))
    exporter = OTLPHTTPExporter(Signal.TRACES, collector.settings(), retry=quick)
    assert not (await exporter.send(BODY)).accepted
    delivery = await exporter.send(BODY)
    assert "come back later" in delivery.message
    assert len(collector.requests) == 1


async def test_a_hanging_collector_costs_the_time_out(collector, answer, quick):
    collector.answers.append(answer(hang=True))
    exporter = OTLPHTTPExporter(Signal.TRACES, collector.settings(timeout=0.2), retry=quick)
    delivery = await exporter.send(BODY)
    assert not delivery.accepted
    assert "no answer within 0.2 s" in delivery.message


async def test_an_unreachable_collector_is_tried_until_the_time_out(quick, caplog):
    exporter = OTLPHTTPExporter(
        Signal.TRACES, ExporterSettings("http://127.0.0.1:9/v1/traces", timeout=0.2), retry=quick
    )
    delivery = await exporter.send(BODY)
    assert not delivery.accepted
    assert "127.0.0.1:9" in delivery.message
    assert caplog.text.count("Could not export") == 1


async def test_repeated_failures_are_warned_of_once(collector, answer, quick, caplog):
    exporter = OTLPHTTPExporter(Signal.TRACES, collector.settings(), retry=quick)
    collector.answers.extend([answer(400), answer(400), answer(200), answer(400)])
    for _ in range(4):
        await exporter.send(BODY)
    assert caplog.text.count("WARNING") == 2


async def test_an_unreadable_success_is_a_success(collector, answer, caplog):
    collector.answers.append(answer(headers=PROTOBUF, body=b"\xff\xff"))
    assert (await OTLPHTTPExporter(Signal.TRACES, collector.settings()).send(BODY)).accepted
    assert "unreadable answer" in caplog.text


async def test_what_can_never_be_sent_fails_without_retry(quick):
    exporter = OTLPHTTPExporter(Signal.TRACES, ExporterSettings("ftp://x/y"), retry=quick)
    assert "not a URL" in (await exporter.send(BODY)).message
    exporter = OTLPHTTPExporter(Signal.TRACES, ExporterSettings("http://127.0.0.1:9/", {"x": "a\nb: c"}))
    assert "control character" in (await exporter.send(BODY)).message


async def test_a_request_beyond_the_specifications_limit_is_not_sent(collector, monkeypatch):
    monkeypatch.setattr("wasm_sdk.export.otlp_http.MAX_REQUEST_BYTES", 10)
    delivery = await OTLPHTTPExporter(Signal.TRACES, collector.settings()).send(BODY)
    assert not delivery.accepted and "more than 10" in delivery.message
    assert not collector.requests
