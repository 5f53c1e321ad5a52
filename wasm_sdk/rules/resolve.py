"""From the words of a path to the field that they name, in the context of the rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from wasm_sdk.rules.errors import RuleTypeError, nearest
from wasm_sdk.rules.paths import ALIASES, CONTEXTS, FIELDS, VISIBLE, Field, Indexing, known_paths
from wasm_sdk.rules.tree import Literal, Path, Value

if TYPE_CHECKING:
    from collections.abc import Sequence

# Segments of a path as written: name, keys, place in the text.
Segment = tuple[str, tuple[Value, ...], int]


def resolve(context: str, segments: Sequence[Segment]) -> Path:
    """The path that the segments name, with its context made explicit.

    Raises:
        RuleTypeError: no such field in this context, or it cannot be indexed like this.
    """
    names = [name for name, _, _ in segments]
    at = segments[0][2]
    owner = ALIASES.get(names[0], names[0])
    rest = list(segments)
    if owner in CONTEXTS and len(names) > 1:
        if owner not in VISIBLE[context]:
            seen = ", ".join(VISIBLE[context])
            raise RuleTypeError(f"a rule about a {context} does not see a {owner}", "", at, f"it sees {seen}")
        rest = rest[1:]
    else:
        owner = context
    for name, keys, place in rest[:-1]:
        if keys:
            after = rest[[n for n, _, _ in rest].index(name) + 1][0]
            raise RuleTypeError(
                f"a value inside {name}[...] is named by another index, not by a dot",
                "",
                place,
                f'write ["{after}"]',
            )
    dotted = ".".join(name for name, _, _ in rest)
    if dotted not in FIELDS[owner]:
        raise _unknown(context, owner, rest, ".".join(names), at)
    path = Path(owner, tuple(dotted.split(".")), rest[-1][1], at)
    check_keys(path, rest[-1][2])
    return path


def field_of(path: Path) -> Field:
    """What the path holds, not counting its keys."""
    return FIELDS[path.context][".".join(path.fields)]


def check_keys(path: Path, at: int) -> None:
    """Refuse keys that can never fit."""
    if not path.keys:
        return
    dotted = ".".join(path.fields)
    indexing = field_of(path).indexing
    if indexing is Indexing.NONE:
        raise RuleTypeError(f"{path.context}.{dotted} cannot be indexed", "", at)
    if indexing is Indexing.TRACE_STATE and len(path.keys) != 1:
        raise RuleTypeError("trace_state takes one key", "", at)
    first = path.keys[0]
    if isinstance(first, Literal) and indexing is not Indexing.VALUE and not isinstance(first.value, str):
        raise RuleTypeError(
            f"{dotted} is indexed by a string", "", first.at, f'write {dotted}["{first.value!r}"]'
        )


def _unknown(context: str, owner: str, rest: Sequence[Segment], written: str, at: int) -> RuleTypeError:
    names = [name for name, _, _ in rest]
    for end in range(len(names) - 1, 0, -1):
        known = FIELDS[owner].get(".".join(names[:end]))
        if (
            known is not None
            and known.indexing is not Indexing.NONE
            and ".".join(names[: end + 1]) not in FIELDS[owner]
        ):
            key = ".".join(names[end:])
            hint = f'write {".".join(names[:end])}["{key}"]'
            return RuleTypeError(f"{written} is not a path of a {context} rule", "", at, hint)
    if names == ["cache"] or names[0] == "otelcol":
        return RuleTypeError(f"{written} exists only inside the collector's own process", "", at)
    hint = nearest(written, known_paths(context)) or f"paths of a {owner}: {', '.join(FIELDS[owner])}"
    return RuleTypeError(f"{written} is not a path of a {context} rule", "", at, hint)
