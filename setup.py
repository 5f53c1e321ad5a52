"""Compiles the hot modules of the core with Cython where a C compiler stands ready.

SPANWEAVE_PURE=1 builds the `py3-none-any` wheel (what a page or a Worker installs). Without a compiler the
build succeeds all the same and the core runs interpreted. Everything else is in pyproject.toml.
"""

import os
from pathlib import Path

from setuptools import Extension, setup

# Each has a `.pxd` beside it that gives the C types; the source stays plain Python.
COMPILED = [p.with_suffix(".py") for p in Path("wasm_sdk").rglob("*.pxd")]

extensions = []
options = {}
if not os.environ.get("SPANWEAVE_PURE") and COMPILED:
    from Cython.Build import cythonize

    extensions = cythonize(
        [
            Extension(
                ".".join(path.with_suffix("").parts),
                [str(path)],
                py_limited_api=True,
                define_macros=[("Py_LIMITED_API", "0x030B0000")],
                extra_compile_args=["-O3", "-g0"],
            )
            for path in COMPILED
        ],
        build_dir="build/cython",  # generated C beside the sources would end up in wheels
        # Bytes come from outside: bounds stay checked.
        compiler_directives={
            "language_level": 3,
            "annotation_typing": False,  # the `.pxd` types, not the annotations, which mean Python objects
            "boundscheck": True,
            "wraparound": False,
            "cdivision": True,
        },
    )
    for extension in extensions:
        extension.optional = True  # cythonize() drops the flag
    options = {"bdist_wheel": {"py_limited_api": "cp311"}}

setup(ext_modules=extensions, options=options)
