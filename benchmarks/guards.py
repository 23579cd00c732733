"""Measure what the guards of captured functions see, and what they cost.

    PYTHONPATH=. OPENBLAS_NUM_THREADS=1 python benchmarks/guards.py [--draws N]

Draws random changes from the tests' catalogue of worlds: how many does the very next call take
note of? Then, in microseconds, what is compared before a call: the kinds of its arguments, what the
function has read, and its Values. And in milliseconds what the first four calls cost, which run,
record and compare the function, so that the fifth is a replay.
"""

import argparse
import random
import statistics
import sys
import time
import timeit
import types
import warnings
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from measuring import median_time
from steps import TEN_CLASSES, eager_loop, own_loop

from tinygrad_hw import Value, capture

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from world_parts import PARTS
from worlds import CaptureError, Difference, calls_until_noticed


def noticed(draws: int) -> None:
    """Print the share of random changes that the next call takes note of, and which it misses."""
    numbers = random.Random(0)
    changes = [(part, i) for part in PARTS if not part.refused for i in range(len(part.changes))]
    found: dict[str, list[int]] = defaultdict(list)
    late: dict[str, int] = {}
    for _ in range(draws):
        part, i = numbers.choice(changes)
        try:
            calls = calls_until_noticed(part, i, numbers)
        except (Difference, CaptureError):  # something else is wrong: the tests say so
            continue
        if calls is not None:
            found[part.kind].append(calls)
            if calls > 1:
                late[f"{part.kind}: {part.changes[i]}"] = calls
    total = [calls for kind in found.values() for calls in kind]
    now = sum(calls == 1 for calls in total)
    print(f"noticed at the next call: {now} of {len(total)} changes, {now / len(total):.1%}")
    print(f"{len(found)} kinds of change; not noticed at the next call:")
    for text, calls in sorted(late.items()):
        print(f"  at the {calls}. call after it   {text}")


def few_names() -> Callable[[], Any]:
    """A function that reads a number, an attribute, a list, an array and a Value."""
    k, settings, weights = 2.0, types.SimpleNamespace(scale=3.0), [0.5, 0.25, 0.125]
    table, w = np.arange(3.0), Value(0.5)
    step = capture(lambda x: np.sum(x * table) * w * k * settings.scale + sum(weights), jit=False)
    x = np.ones(3)
    return lambda: step(x)


def microseconds(call: Callable[[], object]) -> float:
    """Median time of one of a thousand calls."""
    return 1e3 * statistics.median(timeit.repeat(call, number=1000, repeat=7))


def costs() -> None:
    """Print what is compared before one call of each function takes."""
    calls = {
        "ten-class training step": own_loop(TEN_CLASSES, 1, jit=False),
        "closure with five names": few_names(),
    }
    for name, call in calls.items():
        for _ in range(5):
            call()
        cells = dict(zip(call.__code__.co_freevars, call.__closure__ or (), strict=True))
        captured = cells["step"].cell_contents
        given = tuple([cells[x].cell_contents for x in ("x", "y") if x in cells])
        empty = microseconds(lambda: None)
        parts = comparisons(captured, given).items()
        times = {what: microseconds(part) - empty for what, part in parts}
        text = ", ".join(f"{what} {time:.1f}" for what, time in times.items())
        print(f"guards of a {name}: {sum(times.values()):.1f} us ({text})")


def comparisons(captured: Any, given: tuple[Any, ...]) -> dict[str, Callable[[], Any]]:
    """What is compared before a call."""
    from tinygrad_hw.program.guards import signature

    variant = captured._variants[signature((given, {}))].known[0]
    return {
        "arguments": lambda: signature((given, {})),
        "surroundings": variant.is_current,
        "Values": lambda: variant._values.fits(given),
    }


def capturing() -> None:
    """Print what the first calls of the ten-class step cost more than plain ones."""
    plain = eager_loop(TEN_CLASSES, 1)
    for _ in range(5):
        plain()
    as_it_is = median_time(plain)
    for jit in (False, True):
        try:
            own_loop(TEN_CLASSES, 1, jit=jit)()
        except Exception as error:
            print(f"capture with jit={jit}: {error}")
            continue
        seconds = []
        for _ in range(5):
            step = own_loop(TEN_CLASSES, 1, jit=jit)
            start = time.process_time()  # other processes may be at work
            for _ in range(4):
                step()
            seconds.append(time.process_time() - start)
        taken = f"{1e3 * statistics.median(seconds):.0f} ms"
        print(f"capture of the ten-class step, jit={jit}: {taken} (plain: {4e3 * as_it_is:.1f} ms)")


def main() -> None:
    """Measure all of it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--draws", type=int, default=500)
    draws = parser.parse_args().draws
    warnings.simplefilter("ignore")
    costs()
    capturing()
    noticed(draws)


if __name__ == "__main__":
    main()
