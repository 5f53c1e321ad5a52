"""The npm package in a page: the same loader, as a module."""

from collections.abc import Callable

from tests.browser.collector import Collector, attributes_of
from tests.browser.conftest import Visit

Open = Callable[..., Visit]
MODULE = """<button id="buy">Buy</button><script type="module">
    import {{ init, tracer, meter, logger, withSpan, traceparent }} from "{agent}/sdk/npm/browser.js";
    init({{ service: "module", endpoint: "{agent}", runtime: "off", redact: {{ keys: ["secret"] }} }});
    const orders = meter("shop").createCounter("orders", {{ unit: "{{order}}" }});
    document.querySelector("#buy").onclick = () =>
        withSpan("checkout", (span) => {{
            span.setAttribute("user.secret", 7).setAttribute("secret.word", "open sesame");
            orders.add(2, {{ kind: "web" }});
            logger("shop", "3").emit({{ body: "sold" }});
            document.title = traceparent();
        }});
</script>"""


def test_spans_metrics_and_logs_of_a_module_arrive(visit: Open, collector: Collector, agent: str) -> None:
    page = visit(script="http://127.0.0.1:9", body=MODULE.format(agent=agent))
    page.page.click("#buy")
    checkout = collector.span("checkout")
    assert checkout.parent_span_id == collector.span("click button#buy").span_id
    assert checkout.span_id.hex() in page.page.title()
    attributes = attributes_of(checkout)
    assert (attributes["secret.word"], attributes["user.secret"]) == ("REDACTED", "REDACTED")
    sold = collector.await_one(
        collector.logs, lambda record: record.body.string_value == "sold", "log record"
    )
    assert sold.span_id == checkout.span_id
    point = collector.await_one(lambda: collector.points("orders"), lambda point: True, "metric")
    assert (point.as_int, attributes_of(point)) == (2, {"kind": "web"})
