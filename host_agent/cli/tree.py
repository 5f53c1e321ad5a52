"""A trace as an indented tree of text: what `spanweave show` and the demo print."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from wasm_sdk.otlp import Span, SpanKind, StatusCode, TracesData

BAR_WIDTH = 24
NAME_WIDTH = 58
KINDS: dict[int, str] = {
    SpanKind.SERVER: "server",
    SpanKind.CLIENT: "client",
    SpanKind.PRODUCER: "producer",
    SpanKind.CONSUMER: "consumer",
}


@dataclass
class Node:
    """A span with its service and its children, ordered by start."""

    span: Span
    service: str
    children: list["Node"] = field(default_factory=list)

    def walk(self) -> Iterator["Node"]:
        """This node and all below it, parents first."""
        pending = [self]
        while pending:
            node = pending.pop()
            yield node
            pending.extend(reversed(node.children))


def build_forest(trace: TracesData) -> list[Node]:
    """The spans of one trace by parent; one whose parent is not there, or is below it, stands as a root."""
    nodes: dict[bytes, Node] = {}
    for resource_spans in trace.resource_spans:
        attributes = resource_spans.resource.attributes if resource_spans.resource else None
        service = str(attributes.get("service.name", "unknown_service")) if attributes else "unknown_service"
        for scope_spans in resource_spans.scope_spans:
            for span in scope_spans.spans:
                nodes[span.span_id] = Node(span, service)
    roots: list[Node] = []
    for node in sorted(nodes.values(), key=lambda node: node.span.start_time_unix_nano):
        parent = nodes.get(node.span.parent_span_id)
        if parent is None or any(below is parent for below in node.walk()):
            roots.append(node)
        else:
            parent.children.append(node)
    return roots


def format_duration(nanoseconds: int) -> str:
    """`850 ns`, `12.3 us`, `4.56 ms`, `1.20 s`."""
    for unit, size in (("s", 1e9), ("ms", 1e6), ("us", 1e3)):
        if nanoseconds >= size:
            return f"{nanoseconds / size:.3g} {unit}"
    return f"{nanoseconds} ns"


def render_tree(trace: TracesData) -> list[str]:
    """A line a span: name and kind, service, duration, and a bar on the trace's own time axis."""
    roots = build_forest(trace)
    nodes = [node for root in roots for node in root.walk()]
    if not nodes:
        return ["(no spans)"]
    start = min(node.span.start_time_unix_nano for node in nodes)
    length = max(1, max(node.span.end_time_unix_nano for node in nodes) - start)
    services = max(len(printable(node.service)) for node in nodes)
    lines = []
    for node, lead in indent(roots):
        span = node.span
        kind = f" · {KINDS[span.kind]}" if span.kind in KINDS else ""
        failed = "  ✗" if span.status and span.status.code == StatusCode.ERROR else ""
        label = printable(f"{lead}{span.name}{kind}")
        if len(label) > NAME_WIDTH:
            label = label[: NAME_WIDTH - 1] + "…"
        duration = span.end_time_unix_nano - span.start_time_unix_nano
        first = min(round((span.start_time_unix_nano - start) / length * BAR_WIDTH), BAR_WIDTH - 1)
        bar = (" " * first + "█" * max(1, round(duration / length * BAR_WIDTH)))[:BAR_WIDTH]
        lines.append(
            f"{label:<{NAME_WIDTH}}  {printable(node.service):<{services}}"
            f"  {format_duration(duration):>8}  {bar}{failed}".rstrip()
        )
    return lines


def indent(roots: list[Node]) -> Iterator[tuple[Node, str]]:
    """Each node, parents first, with the branch that leads to it."""
    pending = [(root, "", "") for root in reversed(roots)]
    while pending:
        node, lead, below = pending.pop()
        yield node, lead
        for child in reversed(node.children):
            last = child is node.children[-1]
            pending.append((child, below + ("└─ " if last else "├─ "), below + ("   " if last else "│  ")))


def printable(text: str) -> str:
    """`text` with what would move the cursor or colour the terminal made visible."""
    return "".join(c if c.isprintable() else f"\\x{ord(c):02x}" for c in text)
