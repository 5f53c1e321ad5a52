"""`python -m benchmarks [group...]`: runs groups, prints a table, merges results into build/bench.json."""

import importlib
import sys
import traceback
from pathlib import Path

from benchmarks.result import Result, merge, table

FOLDER = Path(__file__).parent
RESULTS = FOLDER.parent / "build" / "bench.json"


def groups() -> list[str]:
    """Every module here with a `run() -> list[Result]`."""
    mark = "\ndef run() -> list[Result]:"
    return sorted(path.stem for path in FOLDER.glob("*.py") if mark in path.read_text(encoding="utf-8"))


def main(names: list[str]) -> int:
    known = groups()
    unknown = [name for name in names if name not in known]
    if unknown:
        print(f"no benchmark group {', '.join(unknown)}; there are: {', '.join(known)}", file=sys.stderr)
        return 2
    results: list[Result] = []
    failed: list[str] = []
    for name in names or known:
        print(f"{name} ...", file=sys.stderr, flush=True)
        try:
            found: list[Result] = importlib.import_module(f"benchmarks.{name}").run()
        except Exception:  # noqa: BLE001 - the other groups still run; the exit status tells
            traceback.print_exc()
            failed.append(name)
            continue
        merge(found, RESULTS)
        results += found
    print(table(results))
    if failed:
        print(f"failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
