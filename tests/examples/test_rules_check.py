"""The example tells of a rule what it is, what is wrong with it, and what it holds for."""

import json
from pathlib import Path

import pytest

from examples import rules_check

LOGS = {
    "resourceLogs": [
        {"scopeLogs": [{"logRecords": [{"severityNumber": 17}, {"body": {"stringValue": "x"}}]}]}
    ]
}


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["rules_check", *arguments])
    return rules_check.main()


def test_a_condition_is_shown_and_tried(monkeypatch, capsys, tmp_path: Path) -> None:
    file = tmp_path / "logs.json"
    file.write_text(json.dumps(LOGS))
    assert (
        run(monkeypatch, "--context", "log", 'HasPrefix(body, "x") or severity_number == "17"', str(file))
        == 0
    )
    text, form, warning, error, count = capsys.readouterr().out.splitlines()
    assert text == 'HasPrefix(log.body, "x") or log.severity_number == "17"'
    assert json.loads(form)["version"] == 1
    assert warning == "warning: always false: an int == a string"
    assert error == "item 1: expected a string, got nil"
    assert count == "holds for 1 of 2 log items"


def test_a_mistake_is_told_without_a_traceback(monkeypatch, capsys) -> None:
    assert run(monkeypatch, 'nme == "x"') == 1
    assert (
        capsys.readouterr().err
        == 'column 1: nme is not a path of a span rule\n  nme == "x"\n  ^\ndid you mean name?\n'
    )
