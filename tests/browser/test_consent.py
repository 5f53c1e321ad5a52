"""Consent and redaction hold in the loader, whatever sends."""

from collections.abc import Callable

from tests.browser.collector import Collector, attributes_of
from tests.browser.conftest import Visit

Open = Callable[..., Visit]
REQUIRED = 'data-consent="required"'
STORED = """async () => ({
    local: Object.keys(localStorage),
    databases: (await indexedDB.databases()).map((database) => database.name),
})"""
TRACEPARENT = "fetch('/api/items').then(r => r.json()).then(j => j.traceparent)"


def test_before_consent_nothing_is_sent_stored_or_propagated(visit: Open, collector: Collector) -> None:
    page = visit(tag=REQUIRED)
    page.page.click("#buy")
    assert page.page.evaluate(TRACEPARENT) is None
    assert page.page.evaluate("spanweave.traceparent()") is None
    assert page.page.evaluate("spanweave.flush()") is False
    assert page.page.evaluate(STORED) == {"local": [], "databases": []}
    page.page.goto("about:blank")
    assert not collector.arrivals


def test_consent_lets_out_what_waited_and_starts_python(visit: Open, collector: Collector) -> None:
    page = visit(tag=REQUIRED)
    page.page.click("#buy")
    page.page.evaluate("spanweave.consent(true)")
    collector.span("click button#buy")
    assert page.page.evaluate(TRACEPARENT) is not None
    page.await_runtime("python")
    stored = page.page.evaluate(STORED)
    assert stored == {"local": ["spanweave.session"], "databases": ["spanweave"]}


def test_refusal_forgets_what_waited_and_what_was_stored(visit: Open, collector: Collector) -> None:
    page = visit(tag=f'{REQUIRED} data-runtime="off"')
    page.page.click("#buy")
    page.page.evaluate("spanweave.consent(false)")
    page.page.click("#buy")
    assert page.page.evaluate("spanweave.flush()") is False
    assert page.page.evaluate("localStorage.length") == 0
    page.page.goto("about:blank")
    assert not collector.arrivals


def test_keys_patterns_and_queries_are_redacted(visit: Open, collector: Collector) -> None:
    page = visit(tag='data-runtime="off" data-redact="secret" data-redact-pattern="\\b\\d{4}-\\d{4}\\b"')
    page.page.evaluate(
        """() => {
            spanweave.addAttributes({ "user.secret.colour": "blue", "user.note": "card 1234-5678" });
            const span = spanweave.tracer.startSpan("pay 1234-5678");
            span.recordException(new Error("at https://shop.example/pay?iban=DE89 for 1234-5678")).end();
        }"""
    )
    span = collector.span("pay REDACTED")
    assert attributes_of(span)["user.secret.colour"] == "REDACTED"
    assert attributes_of(span)["user.note"] == "card REDACTED"
    text = str(span)
    assert "1234-5678" not in text and "DE89" not in text and "blue" not in text
    assert "https://shop.example/pay?iban=REDACTED for REDACTED" in text
