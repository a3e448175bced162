"""All figures of planning: accuracy and coverage of forecasts, cost of policies, budgets, formulas, speed.

    python -m bench.planning --data DIR [--json FILE] [--only forecasts,stock]

Each part is a module of this package with `measure(folder) -> dict[str, float]`, its keys the figures' names.
"""

from __future__ import annotations

import argparse
import json
import os
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from bench.planning.sets import WANTED, Folder

PARTS = ("formulas", "budget", "forecasts", "game", "million", "stock")


def measured(folder: Folder, parts: tuple[str, ...]) -> dict[str, float]:
    figures: dict[str, float] = {}
    for name in parts:
        if find_spec(f"bench.planning.{name}") is None:
            print(f"{name}: not there yet")
            continue
        print(f"\n== {name}", flush=True)
        figures |= import_module(f"bench.planning.{name}").measure(folder)
    return figures


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("HOLDFAST_BENCH_DATA"), help="folder of the sets")
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    parser.add_argument("--only", default=",".join(PARTS), help=f"of {', '.join(PARTS)}")
    asked = parser.parse_args()
    if asked.data is None or not Path(asked.data).is_dir():
        raise SystemExit(f"Say where the data is.\n{WANTED}")
    figures = measured(Folder(Path(asked.data)), tuple(asked.only.split(",")))
    print()
    for name, value in figures.items():
        print(f"{name:40} {value:12.4f}")
    if asked.json:
        asked.json.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
