"""One figure with its peer's, how results are shown, and how they are kept."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path


@dataclass(frozen=True)
class Result:
    """A measured figure.

    Attributes:
        name: what was measured; of one name there can be several peers, one result each.
        value: the figure, in `unit`.
        unit: "spans/s", "ms", "MB" and so on.
        peer: what did the same in the same run.
        peer_value: its figure.
    """

    name: str
    value: float
    unit: str
    peer: str | None = None
    peer_value: float | None = None


def table(results: Sequence[Result]) -> str:
    """The results as aligned text."""
    rows = [("name", "value", "unit", "peer", "peer value", "ratio")]
    for each in results:
        ratio = f"{each.value / each.peer_value:.2f}" if each.peer_value else ""
        peer_value = "" if each.peer_value is None else _number(each.peer_value)
        rows.append((each.name, _number(each.value), each.unit, each.peer or "", peer_value, ratio))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    right = {1, 4, 5}
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )


def merge(results: Sequence[Result], path: Path) -> None:
    """Writes the results into `path`, a JSON list; those of other names stay."""
    kept: list[dict[str, object]] = json.loads(path.read_text()) if path.exists() else []
    names = {each.name for each in results}
    kept = [each for each in kept if each["name"] not in names]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps([*kept, *(asdict(each) for each in results)], indent=1) + "\n")


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
