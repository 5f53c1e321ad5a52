"""Check a condition, and try it on telemetry.

python -m examples.rules_check 'attributes["http.response.status_code"] >= 500'
python -m examples.rules_check 'IsMatch(name, "^GET")' traces.json
python -m examples.rules_check --context log 'severity_number >= SEVERITY_NUMBER_ERROR' logs.pb
"""

import argparse
import json
import sys
from pathlib import Path

from wasm_sdk.otlp import Signal, decode, decode_json
from wasm_sdk.rules import Condition, EvaluationError, RuleError
from wasm_sdk.rules.items import every

SIGNALS = {"metric": Signal.METRICS, "datapoint": Signal.METRICS, "log": Signal.LOGS}


def main() -> int:
    parser = argparse.ArgumentParser(description="Check a condition, and try it on OTLP (JSON or protobuf).")
    parser.add_argument("condition")
    parser.add_argument("file", nargs="?", type=Path, help="an OTLP request; .json is read as OTLP/JSON")
    parser.add_argument(
        "--context", default="span", help="span (default), spanevent, metric, datapoint, log, ..."
    )
    asked = parser.parse_args()
    try:
        condition = Condition.parse(asked.condition, asked.context)
    except RuleError as error:
        print(error, file=sys.stderr)
        return 1
    print(condition.text)
    print(json.dumps(condition.to_json()))
    for warning in condition.warnings:
        print(f"warning: {warning}")
    if asked.file is not None:
        try_on(condition, asked.file)
    return 0


def try_on(condition: Condition, file: Path) -> None:
    """Print how many items of a request the condition holds for."""
    signal = SIGNALS.get(condition.context, Signal.TRACES)
    content = file.read_bytes()
    data = decode_json(signal, content) if file.suffix == ".json" else decode(signal, content)
    holds = total = 0
    for item in every(data, condition.context):
        total += 1
        try:
            holds += condition.test(item)
        except EvaluationError as error:
            print(f"item {total}: {error}")
    print(f"holds for {holds} of {total} {condition.context} items")


if __name__ == "__main__":
    sys.exit(main())
