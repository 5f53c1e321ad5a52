"""Everything a span says, as styled text for the detail pane."""

from collections.abc import Iterable, Iterator
from datetime import tzinfo

from textual.content import Content

from tui.format import format_date, format_duration, format_value
from tui.spans import LiveSpan
from tui.text import clean
from tui.traces import Trace
from tui.waterfall import Node, Waterfall
from wasm_sdk.otlp import (
    InstrumentationScope,
    KeyValue,
    MalformedOTLP,
    Span,
    SpanEvent,
    SpanKind,
    SpanLink,
    StatusCode,
)

_LONGEST_VALUE = 4_000
_MOST_ITEMS = 200
_KEY = "$accent"
_MUTED = "$foreground-muted"


def describe(trace: Trace, waterfall: Waterfall, node: Node, tz: tzinfo | None) -> Content:
    """What is known about the span of a node: its own fields, attributes, events, links, scope and
    resource.
    """
    if node.span is None:
        return _missing(waterfall, node)
    lines = [_title(node.span.name, "bold"), *_oddities(trace, waterfall, node, node.span)]
    try:
        decoded = node.span.decode()
    except MalformedOTLP as error:
        lines.append(Content.styled(f"cannot be decoded: {error}", "$error"))
        return Content("\n").join(lines)
    span = decoded.span
    lines += _fields(_facts(waterfall, node, node.span, span, tz))
    lines += _section("Attributes", span.attributes, span.dropped_attributes_count)
    lines += _events(span, node.start)
    lines += _links(span)
    lines += _section("Resource", decoded.resource.attributes, decoded.resource.dropped_attributes_count)
    lines += _scope(decoded.scope)
    return Content("\n").join(lines)


def _missing(waterfall: Waterfall, node: Node) -> Content:
    children = sum(1 for _ in waterfall.children(node.index))
    return Content("\n").join(
        [
            _title("Missing parent", "bold $warning"),
            *_fields([("span id", node.span_id.hex()), ("children", str(children))]),
            Content(""),
            Content.styled(
                "Spans name this one as their parent, and it is not here: it has not been sent yet, was "
                "sampled out, or belongs to a service that is not instrumented. r asks the agent again.",
                _MUTED,
            ),
        ]
    )


def _oddities(trace: Trace, waterfall: Waterfall, node: Node, span: LiveSpan) -> Iterator[Content]:
    """What a reader should know before trusting the bar."""
    warning = "$warning"
    if span.error:
        yield Content.styled("✗ error", "$error")
    if node.skew:
        yield Content.styled(
            f"↯ starts {format_duration(node.skew)} before its parent: their clocks differ, or it had begun "
            "when the parent did. Times are shown as they were recorded.",
            warning,
        )
    if node.circular:
        yield Content.styled("↻ its parent is one of its own descendants", warning)
    if trace.is_late(span) and span.arrived_ns is not None:
        late = format_duration(span.arrived_ns - trace.arrived_ns)
        yield Content.styled(f"◷ arrived {late} after the first span of this trace", warning)
    if span.slice.end < span.start:
        yield Content.styled("ends before it starts, or has no end; shown without a duration", warning)
    total = waterfall.end - waterfall.start
    if node.critical and total:
        share = 100 * node.critical_ns / total
        yield Content.styled(
            f"{format_duration(node.critical_ns)} of the critical path ({share:.0f} %)", "$success"
        )


def _facts(
    waterfall: Waterfall, node: Node, live: LiveSpan, span: Span, tz: tzinfo | None
) -> Iterator[tuple[str, str]]:
    yield "service", live.service
    yield "kind", _name(SpanKind, span.kind)
    message = f": {span.status.message}" if span.status.message else ""
    yield "status", _name(StatusCode, span.status.code) + message
    yield "start", f"{format_date(node.start, tz)}  (+{format_duration(node.start - waterfall.start)})"
    own = waterfall.self_time(node.index)
    of_it = f", {format_duration(own)} of it its own" if own < live.duration else ""
    yield "duration", format_duration(live.duration) + of_it
    yield "span id", span.span_id.hex()
    if span.parent_span_id:
        yield "parent id", span.parent_span_id.hex()
    if span.trace_state:
        yield "trace state", span.trace_state


def _name(kind: type[SpanKind] | type[StatusCode], number: int) -> str:
    try:
        return kind(number).name.lower()
    except ValueError:
        return f"{number} (not in OpenTelemetry)"


def _title(text: str, style: str) -> Content:
    return Content.styled(clean(text) or "(no name)", style)


def _fields(pairs: Iterable[tuple[str, str]]) -> list[Content]:
    pairs = list(pairs)
    width = max((len(key) for key, _ in pairs), default=0)
    return [
        Content.assemble((key.ljust(width) + "  ", _MUTED), _shortened(clean(value))) for key, value in pairs
    ]


def _section(
    title: str, attributes: Iterable[KeyValue], dropped: int = 0, indent: str = ""
) -> Iterator[Content]:
    items = list(attributes)
    if not items and not dropped:
        return
    if title:
        yield Content("")
        yield Content.styled(f"{title} ({len(items)})", "bold")
    for item in items[:_MOST_ITEMS]:
        yield Content.assemble(
            indent, (clean(item.key), _KEY), (" = ", _MUTED), _shortened(clean(format_value(item.value)))
        )
    if len(items) > _MOST_ITEMS:
        yield Content.styled(f"{indent}and {len(items) - _MOST_ITEMS} more", _MUTED)
    if dropped:
        yield Content.styled(f"{indent}{dropped} dropped by the sender", "$warning")


def _events(span: Span, start: int) -> Iterator[Content]:
    if not span.events and not span.dropped_events_count:
        return
    yield Content("")
    yield Content.styled(f"Events ({len(span.events)})", "bold")
    for event in span.events[:_MOST_ITEMS]:
        yield from _event(event, start)
    if len(span.events) > _MOST_ITEMS:
        yield Content.styled(f"and {len(span.events) - _MOST_ITEMS} more", _MUTED)
    if span.dropped_events_count:
        yield Content.styled(f"{span.dropped_events_count} dropped by the sender", "$warning")


def _event(event: SpanEvent, start: int) -> Iterator[Content]:
    offset = event.time_unix_nano - start
    sign = "+" if offset >= 0 else ""
    style = "$error" if event.name == "exception" else "$primary"
    yield Content.assemble(
        (f"{sign}{format_duration(offset)}".rjust(9) + "  ", _MUTED), (clean(event.name), style)
    )
    yield from _section("", event.attributes, event.dropped_attributes_count, indent=" " * 11)


def _links(span: Span) -> Iterator[Content]:
    if not span.links and not span.dropped_links_count:
        return
    yield Content("")
    yield Content.styled(f"Links ({len(span.links)})", "bold")
    for link in span.links[:_MOST_ITEMS]:
        yield from _link(link)
    if span.dropped_links_count:
        yield Content.styled(f"{span.dropped_links_count} dropped by the sender", "$warning")


def _link(link: SpanLink) -> Iterator[Content]:
    yield Content.assemble(("trace ", _MUTED), link.trace_id.hex(), (" span ", _MUTED), link.span_id.hex())
    yield from _section("", link.attributes, link.dropped_attributes_count, indent="  ")


def _scope(scope: InstrumentationScope) -> Iterator[Content]:
    if not scope.name and not scope.attributes:
        return
    yield Content("")
    yield Content.assemble(("Scope  ", "bold"), clean(f"{scope.name} {scope.version}".strip()))
    yield from _section("", scope.attributes, scope.dropped_attributes_count)


def _shortened(text: str) -> str:
    if len(text) <= _LONGEST_VALUE:
        return text
    return f"{text[:_LONGEST_VALUE]}… ({len(text):,} characters)"
