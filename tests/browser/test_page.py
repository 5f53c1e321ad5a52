"""What a page with the script tag records: real Chromium, real Python in the worker."""

from collections.abc import Callable

from tests.browser.collector import Collector, attributes_of
from tests.browser.conftest import Visit

Open = Callable[..., Visit]
OFF = 'data-runtime="off"'


def test_a_click_its_request_and_the_servers_span_are_one_trace(visit: Open, collector: Collector) -> None:
    page = visit()
    page.await_runtime("python")
    page.page.click("#buy")
    fetch = collector.span("GET", http__response__status_code=200)
    click = collector.span("click button#buy")
    server = page.site.server_span("GET", "/api/items")
    assert fetch.trace_id == click.trace_id == server.context.trace_id.to_bytes(16)
    assert fetch.parent_span_id == click.span_id
    assert not click.parent_span_id
    assert server.parent is not None and server.parent.span_id.to_bytes(8) == fetch.span_id
    assert click.start_time_unix_nano <= fetch.start_time_unix_nano <= fetch.end_time_unix_nano
    assert fetch.end_time_unix_nano <= click.end_time_unix_nano
    arrival = next(arrival for arrival in collector.arrivals if arrival.signal == "traces")
    assert (arrival.content_type, arrival.encoding) == ("application/x-protobuf", "gzip")


def test_a_requests_span_follows_the_semantic_conventions(visit: Open, collector: Collector) -> None:
    page = visit(tag=OFF)
    page.page.click("#buy")
    attributes = attributes_of(collector.span("GET", http__response__status_code=200))
    session = attributes.pop("session.id")
    assert isinstance(session, str) and len(session) == 32
    host, port = page.url.removeprefix("http://").split(":")
    assert attributes == {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "server.address": host,
        "server.port": int(port),
        "url.full": f"{page.url}/api/items?card=REDACTED&size=REDACTED",
    }


def test_what_follows_a_clicks_request_belongs_to_the_click(visit: Open, collector: Collector) -> None:
    page = visit(tag=OFF)
    page.page.click("#pair")
    missing = collector.span("GET", http__response__status_code=404)
    click = collector.span("click button#pair")
    assert missing.parent_span_id == click.span_id
    assert attributes_of(missing)["error.type"] == "404"
    assert missing.status.code == missing.status.STATUS_CODE_ERROR
    assert missing.end_time_unix_nano <= click.end_time_unix_nano


def test_xhr_carries_the_context_too(visit: Open, collector: Collector) -> None:
    page = visit(tag=OFF)
    page.page.click("#xhr")
    put = collector.span("PUT", http__response__status_code=200)
    server = page.site.server_span("PUT", "/api/items")
    assert server.parent is not None and server.parent.span_id.to_bytes(8) == put.span_id
    assert put.parent_span_id == collector.span("click button#xhr").span_id


def test_a_request_that_fails_says_how(visit: Open, collector: Collector) -> None:
    page = visit(tag=OFF)
    page.page.evaluate("fetch('http://127.0.0.1:9/').catch(() => 0)")
    assert attributes_of(collector.span("GET", server__port=9))["error.type"] == "TypeError"


def test_the_documents_load_joins_the_servers_trace(visit: Open, collector: Collector) -> None:
    page = visit(tag=OFF)
    load = collector.span("documentLoad")
    server = page.site.server_span("GET", "/")
    assert load.trace_id == server.context.trace_id.to_bytes(16)
    assert load.parent_span_id == server.context.span_id.to_bytes(8)
    assert collector.span("documentFetch").parent_span_id == load.span_id
    assert {"domInteractive", "domComplete", "loadEventEnd"} <= {event.name for event in load.events}


def test_a_meta_tag_joins_the_servers_trace_too(visit: Open, collector: Collector) -> None:
    meta = '<meta name="traceparent" content="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01">'
    visit(tag=OFF, head=meta, timing="")
    assert collector.span("documentLoad").trace_id.hex() == "0af7651916cd43dd8448eb211c80319c"


def test_errors_are_events_in_the_trace_of_their_click(visit: Open, collector: Collector) -> None:
    page = visit(tag=OFF)
    page.page.click("#fail")
    error = collector.event("exception", exception__type="TypeError")
    attributes = attributes_of(error)
    assert attributes["exception.message"] == "no such thread"
    assert "at HTMLButtonElement" in str(attributes["exception.stacktrace"])
    assert error.span_id == collector.span("click button#fail").span_id
    page.page.evaluate("void Promise.reject(new RangeError('too far'))")
    assert (
        attributes_of(collector.event("exception", exception__type="RangeError"))["exception.message"]
        == "too far"
    )


def test_web_vitals_are_events_in_the_trace_of_the_load(visit: Open, collector: Collector) -> None:
    page = visit(tag=OFF)
    page.page.click("#void")
    page.page.goto("about:blank")
    vital = collector.event("browser.web_vital", browser__web_vital__name="lcp")
    assert vital.trace_id == collector.span("documentLoad").trace_id
    assert isinstance(attributes_of(vital)["browser.web_vital.value"], float)
    collector.event("browser.web_vital", browser__web_vital__name="cls")


def test_clicks_into_the_void_leave_no_span(visit: Open, collector: Collector) -> None:
    page = visit(tag=OFF)
    page.page.click("#void")
    page.page.click("#buy")
    collector.span("click button#buy")
    assert not [span for span in collector.spans() if span.name == "click p#void"]


def test_other_origins_get_a_traceparent_only_when_they_are_named(visit: Open, collector: Collector) -> None:
    other = visit(tag=OFF, goto=False)
    ask = f"fetch('{other.url}/api/items').then(r => r.json()).then(j => j.traceparent)"
    assert visit(tag=OFF).page.evaluate(ask) is None
    named = visit(tag=f'{OFF} data-propagate="{other.url}"')
    span_id = named.page.evaluate(ask).split("-")[2]
    span = collector.await_one(collector.spans, lambda span: span.span_id.hex() == span_id, span_id)
    assert attributes_of(span)["url.full"] == f"{other.url}/api/items"


def test_what_a_page_has_set_itself_is_left_alone(visit: Open) -> None:
    page = visit(tag=OFF)
    own = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    ask = f"fetch('/api/items', {{headers: {{traceparent: '{own}'}}}}).then(r => r.json())"
    assert page.page.evaluate(ask) == {"traceparent": own}


def test_head_sampling_keeps_a_share_and_tells_the_server(visit: Open, collector: Collector) -> None:
    page = visit(tag=f'{OFF} data-sample="0"', timing="")
    ask = "fetch('/api/items').then(r => r.json()).then(j => j.traceparent)"
    assert page.page.evaluate(ask).endswith("-00")
    page.page.evaluate("spanweave.flush()")
    assert not collector.spans()


def test_what_cannot_be_encoded_harms_neither_the_page_nor_its_other_records(
    visit: Open, collector: Collector
) -> None:
    page = visit(tag=OFF)
    page.page.evaluate("spanweave.addAttributes({ odd: 10n })")
    page.page.click("#buy")
    assert "a record is lost" in page.await_console("a record is lost")
    page.page.evaluate("spanweave.addAttributes({ odd: 'ten' })")
    assert page.page.evaluate("fetch('/api/items').then(r => r.status)") == 200
    assert attributes_of(collector.span("GET", odd="ten"))["http.response.status_code"] == 200


def test_flush_waits_for_what_is_on_its_way(visit: Open, collector: Collector) -> None:
    page = visit()
    page.page.evaluate("spanweave.tracer.startSpan('first', { parent: null }).end()")
    assert page.page.evaluate("Promise.all([spanweave.flush(), spanweave.flush()])") == [True, True]
    assert "first" in {span.name for span in collector.spans()}
