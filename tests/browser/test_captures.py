"""What is recorded once the page has loaded: resources, navigation, forms, frames, console, policy."""

from collections.abc import Callable

from tests.browser.collector import Collector, attributes_of
from tests.browser.conftest import Visit

Open = Callable[..., Visit]
OFF = 'data-runtime="off"'


def open_later(visit: Open, **fields: str) -> Visit:
    """A page whose later script is at work."""
    page = visit(**{"tag": OFF, **fields})
    page.page.wait_for_function("!console.error.toString().includes('native code')")
    return page


def test_resources_are_spans_below_the_load(visit: Open, collector: Collector) -> None:
    page = open_later(visit, head='<link rel="stylesheet" href="/style.css?v=1">')
    resource = collector.span("resourceFetch", browser__resource__initiator="link")
    load = collector.span("documentLoad")
    assert (resource.trace_id, resource.parent_span_id) == (load.trace_id, load.span_id)
    assert attributes_of(resource)["url.full"] == f"{page.url}/style.css?v=REDACTED"
    assert attributes_of(resource)["error.type"] == "404"
    assert load.start_time_unix_nano <= resource.start_time_unix_nano <= load.end_time_unix_nano


def test_a_navigation_in_a_click_belongs_to_the_click(visit: Open, collector: Collector) -> None:
    page = open_later(
        visit,
        body="""<button id="go">Go</button><script>
            document.querySelector("#go").onclick = () => {
                history.pushState({}, "", "/cart");
                return fetch("/api/items");
            }</script>""",
    )
    page.page.click("#go")
    click = collector.span("click button#go")
    (event,) = click.events
    assert event.name == "browser.navigation"
    assert {pair.key: pair.value.string_value for pair in event.attributes}["url.full"] == f"{page.url}/cart"
    assert collector.event("browser.navigation").span_id == click.span_id


def test_going_back_is_a_root_span_with_what_it_causes(visit: Open, collector: Collector) -> None:
    page = open_later(visit, body="<script>addEventListener('popstate', () => fetch('/api/items'))</script>")
    page.page.evaluate("history.pushState({}, '', '/cart')")
    collector.span("navigation", browser__navigation__type="push")
    page.page.evaluate("history.back()")
    back = collector.span("navigation", browser__navigation__type="traverse")
    fetch = collector.span("GET", http__response__status_code=200)
    assert not back.parent_span_id
    assert fetch.parent_span_id == back.span_id


def test_a_form_that_a_key_submits_is_an_interaction(visit: Open, collector: Collector) -> None:
    page = open_later(
        visit,
        body="""<form id="search" action="/find?q=secret" onsubmit="fetch('/api/items'); return false">
            <input name="q"></form>""",
    )
    page.page.fill("input", "what I typed")
    page.page.press("input", "Enter")
    submit = collector.span("submit form#search")
    assert collector.span("GET", http__response__status_code=200).parent_span_id == submit.span_id
    assert attributes_of(submit)["browser.form.action"] == f"{page.url}/find?q=REDACTED"
    assert "what I typed" not in str(collector.arrivals)


def test_a_blocked_frame_names_its_script(visit: Open, collector: Collector) -> None:
    page = open_later(
        visit,
        body="""<button id="jam">Jam</button><script>
            document.querySelector("#jam").addEventListener("click", function jam() {
                const end = performance.now() + 250;
                while (performance.now() < end);
            })</script>""",
    )
    page.page.click("#jam")
    attributes = attributes_of(collector.event("browser.long_animation_frame"))
    assert attributes["browser.frame.script.invoker"] == "BUTTON#jam.onclick"
    assert attributes["browser.frame.blocking_duration"] > 100


def test_console_errors_are_log_records(visit: Open, collector: Collector) -> None:
    page = open_later(visit, tag=f'{OFF} data-console="error warn"')
    page.page.evaluate("console.warn('low on', { paper: 3 })")
    page.page.evaluate("console.error('jammed:', new RangeError('tray 2'))")
    warning = collector.await_one(collector.logs, lambda record: record.severity_text == "WARN", "warning")
    assert warning.body.string_value == 'low on {"paper":3}'
    error = collector.await_one(
        collector.logs, lambda record: record.body.string_value.startswith("jammed"), "error"
    )
    assert attributes_of(error)["exception.type"] == "RangeError"


def test_violations_of_the_policy_are_events(visit: Open, collector: Collector, agent: str) -> None:
    open_later(
        visit,
        csp=f"script-src 'unsafe-inline' 'unsafe-eval' {agent}; img-src 'none'",
        body='<img src="https://elsewhere.example/pixel.gif?user=7">',
    )
    blocked = "https://elsewhere.example/pixel.gif?user=REDACTED"
    violation = collector.event("browser.csp_violation", browser__csp__blocked_url=blocked)
    assert attributes_of(violation)["browser.csp.directive"] == "img-src"


def test_a_new_session_begins_after_half_an_hour_without_activity(visit: Open, collector: Collector) -> None:
    page = visit(tag=OFF)
    first = attributes_of(collector.event("session.start"))
    assert "session.previous_id" not in first
    # The next page of the session finds that it has gone stale.
    page.page.evaluate(
        """() => {
            const session = JSON.parse(localStorage["spanweave.session"]);
            localStorage["spanweave.session"] = JSON.stringify({ ...session, last: Date.now() - 1_860_000 });
        }"""
    )
    page.goto()
    previous = first["session.id"]
    second = attributes_of(collector.event("session.start", session__previous_id=previous))
    assert second["session.id"] != previous
    collector.event("session.end", session__id=previous)


def test_hiding_a_page_is_an_event_and_sends_what_waits(visit: Open, collector: Collector) -> None:
    page = open_later(visit)
    page.page.evaluate(
        """() => {
            Object.defineProperty(document, "visibilityState", { value: "hidden" });
            spanweave.tracer.startSpan("last words", { parent: null }).end();
            document.dispatchEvent(new Event("visibilitychange"));
        }"""
    )
    collector.span("last words")
    assert attributes_of(collector.event("browser.visibility"))["browser.visibility.state"] == "hidden"
