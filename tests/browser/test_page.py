"""What a page with the script tag records, and how it leaves: real Chromium, real Python in the worker."""

from collections.abc import Callable

from tests.browser.collector import Collector, attributes_of
from tests.browser.conftest import Visit

Open = Callable[..., Visit]


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
    assert (
        click.start_time_unix_nano
        <= fetch.start_time_unix_nano
        <= fetch.end_time_unix_nano
        <= click.end_time_unix_nano
    )
    assert attributes_of(fetch)["url.full"] == f"{page.url}/api/items?card=REDACTED&size=REDACTED"
    arrival = next(
        a for a in collector.arrivals if a.signal == "traces" and a.content_type == "application/x-protobuf"
    )
    assert arrival.encoding == "gzip"
