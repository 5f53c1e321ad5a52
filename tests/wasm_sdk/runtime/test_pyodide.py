"""The SDK where Python is WebAssembly: in Pyodide under Node, exporting through fetch to a real collector."""

import asyncio
import json
import shutil
import sysconfig
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CHECKOUT = HERE.parents[2]
PYODIDE = CHECKOUT / "web" / "node_modules" / "pyodide"

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a pure wheel holds: the package without what a compiler made of it here."""
    folder = tmp_path_factory.mktemp("site")
    shutil.copytree(
        CHECKOUT / "wasm_sdk",
        folder / "wasm_sdk",
        ignore=shutil.ignore_patterns("*.so", "*.pyd", "*.c", "__pycache__"),
    )
    return folder


async def run(sources: Path, program: Path, *arguments: str) -> dict:
    node = shutil.which("node")
    if node is None or not PYODIDE.is_dir():
        pytest.skip("no Pyodide: run `npm ci` in web/ with Node 20 or newer")
    process = await asyncio.create_subprocess_exec(
        node, HERE / "pyodide_host.mjs", PYODIDE, sources, sysconfig.get_path("purelib"), program, *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, complaints = await asyncio.wait_for(process.communicate(), 90)
    assert process.returncode == 0, complaints.decode()
    return json.loads(out.decode().splitlines()[-1])


async def test_spans_leave_pyodide_through_fetch(collector, answer, sources):
    collector.answers.append(answer(503))
    result = await run(sources, HERE / "program_in_pyodide.py", collector.url)
    assert result["runtime"] == "browser"
    assert (result["flushed"], result["stopped"], result["failed"], result["dropped"]) == (
        True,
        True,
        True,
        0,
    )
    assert result["traceparent"].split("-")[1] == result["trace_id"]
    assert collector.requests[0].body == collector.requests[1].body, "what was refused with 503 comes again"
    assert collector.requests[0].headers["content-encoding"] == "gzip"
    others = {request.path: request.body for request in collector.requests[-2:]}
    assert set(others) == {"/v1/metrics", "/v1/logs"}
    assert b"from pyodide" in others["/v1/logs"]
    del collector.requests[-2:]
    spans = {span.name: span for span in collector.spans()}
    assert set(spans) == {"root", "child", "flushed", "measured"}
    assert len(collector.spans()) == 2 + 2 + 1 + 2000
    child, root = spans["child"], spans["root"]
    assert child.trace_id.hex() == result["trace_id"] and child.parent_span_id == root.span_id
    assert child.end_time_unix_nano - child.start_time_unix_nano >= 4_000_000
    assert child.events[0].name == "event"
    assert {item.key: item.value.int_value or item.value.string_value for item in root.attributes} == {
        "answer": 42,
        "text": "wört",
    }
