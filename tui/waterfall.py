"""From the spans of a trace to the rows of a waterfall: the tree, its common time axis, its clock skew, its
critical path.

Nothing here trusts the data: parents may be missing, spans may name each other as parents in a circle, chains
    may be ten thousand
deep (so nothing recurses), and clocks may disagree. Nothing is moved or hidden either; what is odd about a
row is said on the row.
"""

from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field

from tui.spans import LiveSpan


@dataclass(slots=True)
class Node:
    """One row of the tree.

    Attributes:
        index: its place in the tree's order (parents before children, siblings by start).
        span: None for a parent that is missing; `span_id` is then the id that its children name.
        parent: the index of the parent node, -1 at the top.
        size: how many nodes its subtree has, itself included.
        last: no sibling follows.
        start, end: nanoseconds since the epoch; of a missing parent, the extent of its children.
        skew: nanoseconds by which the span starts before its parent: clocks differ, or it had begun already.
        circular: its parent is one of its own descendants, so it stands at the top.
        critical: the parts of its extent on the critical path.
    """

    span_id: bytes
    span: LiveSpan | None
    start: int
    end: int
    index: int = -1
    parent: int = -1
    depth: int = 0
    size: int = 1
    last: bool = True
    skew: int = 0
    circular: bool = False
    critical: list[tuple[int, int]] = field(default_factory=list)

    @property
    def critical_ns(self) -> int:
        """Nanoseconds of the critical path that this span itself accounts for."""
        return sum(end - start for start, end in self.critical)


@dataclass(slots=True)
class Waterfall:
    """A trace laid out; `start` and `end` (nanoseconds since the epoch) bound the common time axis."""

    nodes: list[Node]
    start: int
    end: int

    def visible(self, collapsed: Set[bytes]) -> list[int]:
        """Indices of the nodes that show when the subtrees below `collapsed` span ids are folded."""
        rows: list[int] = []
        index = 0
        while index < len(self.nodes):
            node = self.nodes[index]
            rows.append(index)
            index += node.size if node.span_id in collapsed else 1
        return rows

    def ancestors(self, index: int) -> Iterator[Node]:
        """The parent, its parent, and so on."""
        while (index := self.nodes[index].parent) >= 0:
            yield self.nodes[index]

    def children(self, index: int) -> Iterator[Node]:
        """The direct children in order."""
        child = index + 1
        end = index + self.nodes[index].size
        while child < end:
            yield self.nodes[child]
            child += self.nodes[child].size

    def guides(self, index: int, levels: int) -> str:
        """The lines that lead to a row, two cells a level; only the nearest `levels` levels are drawn."""
        node = self.nodes[index]
        if node.depth == 0:
            return ""
        pieces = ["└╴" if node.last else "├╴"]
        for ancestor in self.ancestors(index):
            if ancestor.depth == 0:
                break
            if len(pieces) == levels:
                pieces.append("⋯ ")
                break
            pieces.append("  " if ancestor.last else "│ ")
        return "".join(reversed(pieces))

    def self_time(self, index: int) -> int:
        """Nanoseconds of the span in which none of its children ran."""
        node = self.nodes[index]
        covered = 0
        reached = node.start
        for child in sorted(self.children(index), key=lambda child: child.start):
            start, end = max(reached, child.start), min(node.end, child.end)
            covered += max(0, end - start)
            reached = max(reached, end)
        return node.end - node.start - covered


def lay_out(spans: Iterable[LiveSpan]) -> Waterfall:
    """Lay out the spans of one trace, of which no two share an id."""
    nodes = {span.span_id: Node(span.span_id, span, span.start, span.end) for span in spans}
    children: dict[bytes, list[Node]] = {}
    tops: list[Node] = []
    for node in nodes.values():
        assert node.span is not None
        if not node.span.parent_id:
            tops.append(node)
        else:
            children.setdefault(node.span.parent_id, []).append(node)
    for parent_id in children.keys() - nodes.keys():
        orphans = children[parent_id]
        start, end = min(node.start for node in orphans), max(node.end for node in orphans)
        tops.append(Node(parent_id, None, start, end))
    for siblings in children.values():
        siblings.sort(key=_by_start)
    tops.sort(key=_by_start)

    order: list[Node] = []
    placed: set[bytes] = set()
    _place(tops, children, order, placed)
    if len(placed) < len(nodes) + sum(1 for node in tops if node.span is None):
        for node in sorted(nodes.values(), key=_by_start):
            if node.span_id not in placed:
                node.circular = True
                _place([node], children, order, placed)
    _measure(order)

    timed = [node for node in order if node.start > 0]
    start = min((node.start for node in timed), default=0)
    end = max((node.end for node in timed), default=0)
    _mark_critical_path(order)
    return Waterfall(order, start, end)


def _by_start(node: Node) -> tuple[int, int, bytes]:
    return node.start, -node.end, node.span_id


def _place(
    tops: list[Node], children: dict[bytes, list[Node]], order: list[Node], placed: set[bytes]
) -> None:
    """Append `tops` and what hangs below them, parents first; a node that was placed is not placed again."""
    stack = [(node, -1) for node in reversed(tops)]
    while stack:
        node, parent = stack.pop()
        if node.span_id in placed:
            continue
        placed.add(node.span_id)
        node.index, node.parent = len(order), parent
        if parent >= 0:
            above = order[parent]
            node.depth = above.depth + 1
            node.skew = max(0, above.start - node.start) if above.span is not None else 0
        order.append(node)
        below = [child for child in children.get(node.span_id, ()) if child.span_id not in placed]
        stack.extend((child, node.index) for child in reversed(below))


def _measure(order: list[Node]) -> None:
    """Set the size of every subtree and which sibling is the last."""
    seen: set[int] = set()
    for node in reversed(order):
        node.last = node.parent not in seen
        if node.parent >= 0:
            seen.add(node.parent)
            order[node.parent].size += node.size
        else:
            seen.add(-1)


def _mark_critical_path(order: list[Node]) -> None:
    """Mark what the duration of the first root consists of.

    Walks back from the root's end: the time belongs to the child that finished last before, and so on inside
    that child; what no
    child covers is the span's own (the algorithm of Uber's CRISP,
    https://www.usenix.org/conference/atc22/presentation/zhang-zhizhou).
    A child that outlives its parent counts up to the parent's end.
    """
    root = next((node for node in order if node.parent < 0 and node.span is not None), None)
    if root is None:
        root = order[0] if order else None
    if root is None:
        return
    children: dict[int, list[Node]] = {}
    for node in order[root.index + 1 : root.index + root.size]:
        children.setdefault(node.parent, []).append(node)
    stack = [(root, root.start, root.end)]
    while stack:
        node, floor, end = stack.pop()
        reached = end
        for child in sorted(children.get(node.index, ()), key=lambda child: (-child.end, child.start)):
            child_start, child_end = max(floor, child.start), min(reached, child.end)
            overlaps_chosen = child.end > reached and reached != end
            if overlaps_chosen or child_start >= child_end:
                continue
            if child_end < reached:
                node.critical.append((child_end, reached))
            stack.append((child, child_start, child_end))
            reached = child_start
        if floor < reached:
            node.critical.append((floor, reached))
        node.critical.reverse()
