"""Measure everything beside the peers that are installed, and say which targets are reached.

    python benchmarks/run.py [--rounds N] [--only ROW ...] [--out DIR]

Writes results.md, results.json and the figures. Every measurement runs in a process of its own, so
that no library's threads are in another one's way, and the sides of a row take turns, round after
round, so that a machine whose speed drifts is unfair to nobody. A figure is the median of the
rounds, each of which is a median already. A library that is not installed is said to be missing.
Ctrl-C ends the measuring and writes what there is so far.
"""

import argparse
import json
import math
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rows import PINNED, ROWS, SETTINGS, THREADS, Row

ROOT = Path(__file__).resolve().parent.parent
ROUNDS, TIMEOUT = 5, 600
HOPELESS, TRIES = 1.5, 2  # a setting so many times slower than a side's best is tried so often

Key = tuple[str, str, str]  # row, side, setting
Found = dict[str, Any]  # a Result as JSON has it, or the reason why there is none
Results = dict[Key, list[Found]]


# --- In the process that measures -----------------------------------------------------------------


def measure(key: Key) -> Found:
    """Measure one side in this process."""
    row, name, setting = key
    side = ROWS[row].sides[name]
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    os.environ.update(SETTINGS[setting] | side.environment | {"PYTHONPATH": path, "TERM": "xterm"})
    sys.path.insert(0, str(ROOT))  # this checkout is measured, installed or not
    if setting == PINNED and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    try:
        if side.needs:
            __import__(side.needs)
        if setting not in THREADS:
            return asdict(side.measure(0))
        from threadpoolctl import threadpool_limits

        with threadpool_limits(THREADS[setting]):
            return asdict(side.measure(THREADS[setting]))
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("tinygrad_hw"):
            raise
        return {"missing": f"{error.name} is not installed"}


# --- In the process that asks ---------------------------------------------------------------------


def ask(key: Key) -> Found:
    """Have a fresh process measure one side."""
    try:
        run = subprocess.run(
            [sys.executable, __file__, "--measure", "/".join(key)],
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"failed": f"took longer than {TIMEOUT // 60} minutes"}
    if run.returncode:
        return {"failed": (run.stderr.strip().splitlines() or ["no message"])[-1]}
    return json.loads(run.stdout.splitlines()[-1])


def run_all(rows: dict[str, Row], rounds: int) -> Results:
    """Measure every side of every row, in turn, showing where it is."""
    from rich.console import Console
    from rich.progress import Progress

    results: Results = {}
    keys = list(turns(rows, rounds))
    with suppress(KeyboardInterrupt), Progress(console=Console(stderr=True)) as progress:
        bar = progress.add_task("", total=len(keys))
        for key in keys:
            if _worth_asking(key, results):
                progress.update(bar, description=" · ".join(key))
                found = ask(key)
                results.setdefault(key, []).append(found)
                if "failed" in found:
                    progress.console.print(f"{' · '.join(key)}: {found['failed']}")
            progress.advance(bar)
    return results


def turns(rows: dict[str, Row], rounds: int) -> Iterator[Key]:
    """Who is measured, in order: in each round everybody once at each setting."""
    for turn in range(rounds):
        for name, row in rows.items():
            if turn < (row.rounds or rounds):
                for side, settings in ((n, s.settings) for n, s in row.sides.items()):
                    yield from ((name, side, setting) for setting in settings)


def _worth_asking(key: Key, results: Results) -> bool:
    """Not again what is missing or failed, nor a setting that is plainly not its side's best."""
    known = {k: found for k, found in results.items() if k[:2] == key[:2]}
    if key not in known:
        return True
    if any("value" not in found for found in known[key]):
        return False
    best = {k: min(f.get("value", math.inf) for f in found) for k, found in known.items()}
    return len(known[key]) < TRIES or best[key] <= HOPELESS * min(best.values())


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--only", nargs="+", choices=ROWS, metavar="ROW", help=", ".join(ROWS))
    parser.add_argument("--out", type=Path, default=ROOT / "benchmarks" / "results")
    parser.add_argument("--measure", metavar="ROW/SIDE/SETTING", help="one, here, as JSON")
    arguments = parser.parse_args()
    if arguments.measure:
        row, name, setting = arguments.measure.split("/")
        print(json.dumps(measure((row, name, setting))))
        return
    import report

    chosen = {name: ROWS[name] for name in arguments.only or ROWS}
    report.write(chosen, run_all(chosen, arguments.rounds), arguments.out)


if __name__ == "__main__":
    main()
