"""The same table where Python is WebAssembly: Pyodide under Node, without time zone data of its own."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[2]
PYODIDE = CHECKOUT / "web" / "node_modules" / "pyodide"

pytestmark = pytest.mark.slow


async def test_pyodide_judges_as_cpython_does(tmp_path: Path) -> None:
    node = shutil.which("node")
    if node is None or not PYODIDE.is_dir():
        pytest.skip("no Pyodide: run `npm ci` in web/ with Node 20 or newer")
    sources, packages = tmp_path / "sources", tmp_path / "packages"
    packages.mkdir()
    ignored = shutil.ignore_patterns("*.so", "*.pyd", "*.c", "__pycache__")
    shutil.copytree(CHECKOUT / "wasm_sdk", sources / "wasm_sdk", ignore=ignored)
    for name in ("table.py", "cases.json"):
        shutil.copy(HERE / name, sources / name)
    host = HERE.parent / "runtime" / "pyodide_host.mjs"
    process = await asyncio.create_subprocess_exec(
        node,
        host,
        PYODIDE,
        sources,
        packages,
        HERE / "table_in_pyodide.py",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, complaints = await asyncio.wait_for(process.communicate(), 90)
    assert process.returncode == 0, complaints.decode()
    result = json.loads(out.decode().splitlines()[-1])
    assert result["wrong"] == []
    assert result["cases"] > 500
