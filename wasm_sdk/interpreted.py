"""SPANWEAVE_INTERPRETED=1: the package's sources, also where compiled modules stand beside them.

An extension module wins over the source of the same name. Here sources are looked for first, which is what
tests and measurements of the interpreted core ask for, and a way out should a compiled module misbehave.
"""

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import SOURCE_SUFFIXES, FileFinder, ModuleSpec, SourceFileLoader
from types import ModuleType

_PACKAGE = __name__.partition(".")[0]


class SourceFinder(MetaPathFinder):
    """Finds the modules of this package as sources only."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if path is None or not fullname.startswith(_PACKAGE + "."):
            return None
        for folder in path:
            spec = FileFinder(folder, (SourceFileLoader, SOURCE_SUFFIXES)).find_spec(fullname)
            if spec is not None:
                return spec
        return None


def install() -> None:
    """Puts a `SourceFinder` before Python's own finders; once is enough."""
    if not any(isinstance(finder, SourceFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, SourceFinder())
