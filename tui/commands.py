"""The command palette: everything that a key does on the present screen, by name."""

from collections.abc import Iterator
from functools import partial
from typing import Any

from textual.binding import Binding
from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.dom import DOMNode
from textual.keys import format_key

_UNSAID = ("screen.", "app.focus")


def keys_of(*owners: type[DOMNode]) -> list[tuple[str, str]]:
    """Keys and what they do, as the classes themselves (not their bases) declare it."""
    found = []
    for owner in owners:
        for binding in owner.__dict__.get("BINDINGS", ()):
            if isinstance(binding, Binding):
                keys = "  ".join(format_key(key) for key in binding.key.split(","))
                found.append((keys, _meaning(binding)))
    return found


def _meaning(binding: Binding) -> str:
    return binding.tooltip or binding.description


class KeyCommands(Provider):
    """Offers the active bindings of the screen, of what has the focus, and of the program."""

    def _commands(self) -> Iterator[tuple[str, str, partial[Any]]]:
        said: set[str] = set()
        for active in self.screen.active_bindings.values():
            binding = active.binding
            meaning = _meaning(binding)
            if not meaning or not active.enabled or binding.action.startswith(_UNSAID) or meaning in said:
                continue
            said.add(meaning)
            run = partial(self.app.run_action, binding.action, active.node)
            yield meaning, f"key {format_key(binding.key)}", run

    async def discover(self) -> Hits:
        for name, keys, run in self._commands():
            yield DiscoveryHit(name, run, help=keys)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for name, keys, run in self._commands():
            score = matcher.match(name)
            if score > 0:
                yield Hit(score, matcher.highlight(name), run, help=keys)
