"""Asks the collector's own OTTL, and Go's regexp, for the verdicts that the tests compare with.

Needs Go: `go build -C tests/wasm_sdk/rules/oracle -o /tmp/ottl . && TZ=UTC python
tests/wasm_sdk/rules/oracle/record.py /tmp/ottl` rewrites cases.json and patterns.json beside the tests.
conditions.txt and items.json are the questions; nothing here is part of the test run.
"""

import base64
import json
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

from wasm_sdk.otlp import decode_json, encode

HERE = Path(__file__).parent
SIGNALS = {"resourceSpans": "traces", "resourceLogs": "logs", "resourceMetrics": "metrics"}
PATTERNS, SUBJECTS = 400, 10

_ATOMS = r"""
a b c A - 1 _ / . ^ $ \b \B \A \z \d \w \s \D \W \S [ab] [^a] [a-c] [\d_] [^\w] [[:alpha:]] [[:^digit:]] \pL
\p{Lu} \PN k K s é É ß \n \x41 \x{e9} []a] [a-] [-a] \Qa.b\E { } {,2} a{2} (?i) (?s) (?m) (?U) (?i:a) (?-i)
\. \/ \_ [^\n] [\s\S] \101 \0 \Z \1 \h [z-a] (?P<x>a) (?<y>b) (?=a) (?>a) \C ] [a-\d] [\d-z] [a-z&&[b]]
(?) (?i \ [ | \E \p{^L} \p{Foo}
"""
ATOMS = _ATOMS.split()
REPEATS = ["*", "+", "?", "{2}", "{1,3}", "{0,2}", "{2,}", "*?", "+?", "??", "{2}?", "**", "*+", "{1001}"]
LETTERS = "abcAB1_ /-\nkK\u212as\u017féÉßẞ日.{"


def ask(oracle: str, questions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    lines = "".join(json.dumps(question) + "\n" for question in questions)
    done = subprocess.run([oracle], input=lines, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()]


def conditions() -> list[tuple[str, str, str]]:
    found = []
    context = item = ""
    for line in (HERE / "conditions.txt").read_text().splitlines():
        if line.startswith("@ "):
            _, context, item = line.split()
        elif line and not line.startswith("#"):
            found.append((context, item, line))
    return found


def pattern(chance: random.Random, depth: int) -> str:
    out = ""
    for _ in range(chance.choice([1, 1, 2, 2, 3])):
        if depth and chance.random() < 0.4:
            other = "|" + pattern(chance, depth - 1) if chance.random() < 0.5 else ""
            out += chance.choice(["(", "(?:", "(?i:", "(?m:"]) + pattern(chance, depth - 1) + other + ")"
        else:
            out += chance.choice(ATOMS)
        if chance.random() < 0.3:
            out += chance.choice(REPEATS)
    return out


def main(oracle: str) -> None:
    items = json.loads((HERE / "items.json").read_text())
    data = {}
    for name, item in items.items():
        signal = SIGNALS[next(iter(item))]
        data[name] = base64.b64encode(encode(signal, decode_json(signal, json.dumps(item)))).decode()
    asked = conditions()
    answers = ask(oracle, [{"Context": c, "Condition": text, "Data": data[i]} for c, i, text in asked])
    cases = [
        [*case, "rejected" if a.get("rejected") else "error" if a.get("error") else a["result"]]
        for case, a in zip(asked, answers, strict=True)
    ]
    rows = ",\n".join(json.dumps(case, ensure_ascii=False) for case in cases)
    text = f'{{"items": {json.dumps(items, ensure_ascii=False)},\n"cases": [\n{rows}\n]}}\n'
    (HERE.parent / "cases.json").write_text(text)

    chance = random.Random(3)
    questions: list[dict[str, Any]] = []
    while len(questions) < PATTERNS:
        subjects = [
            "".join(chance.choices(LETTERS, k=chance.choice([1, 1, 2, 3, 5]))) for _ in range(SUBJECTS - 1)
        ]
        questions.append({"Pattern": pattern(chance, 2), "Subjects": ["", *subjects]})
    results = [
        [q["Pattern"], q["Subjects"], None if a.get("rejected") else a["results"]]
        for q, a in zip(questions, ask(oracle, questions), strict=True)
    ]
    rows = ",\n".join(json.dumps(row, ensure_ascii=False) for row in results)
    (HERE.parent / "patterns.json").write_text(f"[\n{rows}\n]\n")


if __name__ == "__main__":
    main(sys.argv[1])
