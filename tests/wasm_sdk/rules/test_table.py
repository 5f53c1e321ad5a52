"""Conditions judge as the collector's own OTTL does, over decoded items and over encoded spans.

The suite runs this with the compiled and with the interpreted core; `test_in_pyodide` runs the same table
there.
"""

import importlib.util
import json
import os
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CASES = (HERE / "cases.json").read_text()


def _table():
    spec = importlib.util.spec_from_file_location("rules_table", HERE / "table.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


table = _table()
ITEMS, ALL = table.cases(CASES)


@pytest.mark.parametrize("context", ["span", "spanevent", "log", "metric", "datapoint", "scope", "resource"])
def test_every_case_of_a_context_has_the_collectors_verdict(context: str) -> None:
    wrong = []
    for where, name, condition, wanted in ALL:
        if where == context and table.verdict(context, ITEMS[name], condition) != wanted:
            wrong.append(f"{name}: {condition}: wanted {wanted}")
    assert wrong == []


def test_encoded_spans_are_judged_like_decoded_ones() -> None:
    wrong = []
    for context, name, condition, wanted in ALL:
        if context in ("span", "scope", "resource"):
            got = table.encoded_verdict(context, ITEMS[name], condition)
            if got != wanted:
                wrong.append(f"{name}: {condition}: wanted {wanted}, got {got}")
    assert wrong == []


def test_the_table_covers_every_function_and_every_path() -> None:
    from wasm_sdk.rules.functions import FUNCTIONS
    from wasm_sdk.rules.paths import FIELDS

    everything = "\n".join(text for _, _, text, _ in ALL)
    assert [name for name in FUNCTIONS if f"{name}(" not in everything] == []
    accepted: set[str] = set()
    for context, _, text, wanted in ALL:
        if wanted != "rejected":
            accepted |= _paths(json.dumps(table.Condition.parse(text, context).to_json()))
    known = {f"{context}.{field}" for context, fields in FIELDS.items() for field in fields}
    assert sorted(known - accepted) == []


def _paths(text: str) -> set[str]:
    found: set[str] = set()

    def walk(node: object) -> None:
        if isinstance(node, dict):
            if "path" in node:
                found.add(".".join(node["path"]))
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(json.loads(text))
    return found


@pytest.mark.skipif(
    "SPANWEAVE_OTTL_ORACLE" not in os.environ, reason="set SPANWEAVE_OTTL_ORACLE to the built oracle"
)
def test_recorded_verdicts_are_those_of_the_oracle(tmp_path: Path) -> None:
    import runpy
    import shutil

    copy = tmp_path / "oracle"
    shutil.copytree(HERE / "oracle", copy)
    record = runpy.run_path(str(copy / "record.py"))
    record["main"](os.environ["SPANWEAVE_OTTL_ORACLE"])
    assert json.loads((tmp_path / "cases.json").read_text()) == json.loads(CASES)
