"""Runs inside Pyodide, so that its own CPython compiles: sources in, a zip of `.pyc` files out."""

import importlib.util
import io
import marshal
import os
import struct
import sys
import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

# Imported late or only when something goes wrong, so what boots does not show them.
LATE = [
    "traceback",
    "linecache",
    "tokenize",
    "encodings.ascii",
    "encodings.latin_1",
    "encodings.idna",
    "email.utils",
    "zlib",
]


def standard_library(needed: set[str]) -> bytes:
    """The modules of the standard library and Pyodide's own that are needed, or may be on errors."""
    before = set(sys.modules)
    for name in LATE:
        importlib.import_module(name)
    needed = needed | (set(sys.modules) - before) | set(LATE)
    archive = next(path for path in sys.path if path.endswith(".zip"))
    with zipfile.ZipFile(archive) as shipped:
        sources = [
            (name, shipped.read(name))
            for name in shipped.namelist()
            if name.endswith(".py") and module(name) in needed
        ]
    return compiled(sorted(sources), prefix=archive)


def package(root: str, needed: set[str]) -> bytes:
    """The needed modules whose files lie below `root`."""
    return compiled(sorted(below(root, needed)), prefix="/spanweave.zip")


def below(root: str, needed: set[str]) -> Iterator[tuple[str, bytes]]:
    """Relative path and source of each needed module whose file lies below `root`."""
    for name in needed:
        path = getattr(sys.modules[name], "__file__", None) or ""
        if path.startswith(root + "/"):
            yield os.path.relpath(path, root), Path(path).read_bytes()


def module(path: str) -> str:
    """`a/b/__init__.py` is the module `a.b`."""
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def compiled(sources: Iterable[tuple[str, bytes]], prefix: str) -> bytes:
    """A stored (servers compress), reproducible zip of unchecked-hash `.pyc` files without docstrings."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as out:
        for path, source in sources:
            code = compile(source, f"{prefix}/{path}", "exec", dont_inherit=True, optimize=2)
            header = importlib.util.MAGIC_NUMBER + struct.pack("<I", 1) + importlib.util.source_hash(source)
            out.writestr(zipfile.ZipInfo(f"{path}c", (2020, 1, 1, 0, 0, 0)), header + marshal.dumps(code))
    return buffer.getvalue()
