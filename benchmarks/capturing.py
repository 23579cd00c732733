"""What capturing costs: until a function is replayed, and beside the program in every call."""

import time
from collections.abc import Callable

import numpy as np
import steps
from measuring import Result, median_time

REPLAYED = 5  # the call that is the first replay: those before it run the function, three recorded


def until_replay(threads: int, jit: bool) -> Result:
    """Seconds from the ten-class step's first call to its first replay.

    numba has been started before, and what it compiled in an earlier process is on the disk.
    """
    from tinygrad_hw import capture

    other = capture(lambda x: np.sqrt(x) * 2.0 + 1.0, jit=jit)
    for _ in range(4):
        other(np.ones(1000))
    captured = capture(steps.own_step(steps.TEN_CLASSES), jit=jit)
    x, y = steps.TEN_CLASSES.examples()
    start = time.perf_counter()
    for _ in range(REPLAYED):
        captured(x, y)
    return Result(time.perf_counter() - start)


def beside_the_program(threads: int, jit: bool) -> Result:
    """Seconds that a call of the captured ten-class step takes beside its replay: the guards'."""
    from tinygrad_hw import capture
    from tinygrad_hw.engine.transforms.pytree import leaves_of

    captured = capture(steps.own_step(steps.TEN_CLASSES), jit=jit)
    x, y = steps.TEN_CLASSES.examples()
    for _ in range(40):
        captured(x, y)
    replay, leaves = captured.program.replay, list(leaves_of(((x, y), {})))
    differences = [
        _difference(lambda: captured(x, y), lambda: replay.run(leaves)) for _ in range(9)
    ]
    return Result(sorted(differences)[4])


def _difference(whole: Callable[[], object], part: Callable[[], object]) -> float:
    return median_time(whole, 0.1) - median_time(part, 0.1)
