"""`python -m benchmarks`: every benchmark that needs no arguments, as a table; the figures go to a file as JSON too.

A benchmark is a module here whose `main() -> list[dict]` gives rows with `what`, `figure`, `unit` and, where there is a
target, `wanted`.
"""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
OUT = HERE.parent / "var" / "bench.json"


def found(names: list[str]) -> dict[str, list[dict]]:
    """The rows of each benchmark, by its name."""
    rows = {}
    for path in sorted(HERE.glob("[a-z]*.py")):
        if names and path.stem not in names:
            continue
        main = importlib.import_module(f"benchmarks.{path.stem}").main
        needed = [one for one in inspect.signature(main).parameters.values() if one.default is one.empty]
        if str(inspect.signature(main).return_annotation).startswith("list") and not needed:
            rows[path.stem] = main()
    return rows


def table(rows: dict[str, list[dict]]) -> str:
    """The rows for a reader."""
    lines = []
    for name, own in rows.items():
        lines.append(name)
        for row in own:
            wanted = f"  (wanted: {row['wanted']:g})" if "wanted" in row else ""
            lines.append(f"  {row['what']:<44}{row['figure']:>14,.6g} {row['unit']}{wanted}")
    return "\n".join(lines)


def run() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help="benchmarks to run; all of them by default")
    parser.add_argument("--out", type=Path, default=OUT)
    asked = parser.parse_args()
    rows = found(asked.names)
    asked.out.parent.mkdir(parents=True, exist_ok=True)
    asked.out.write_text(json.dumps(rows, indent=1) + "\n")
    sys.stdout.write(table(rows) + f"\nwritten to {asked.out}\n")


if __name__ == "__main__":
    run()
