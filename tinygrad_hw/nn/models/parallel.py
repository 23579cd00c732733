"""How many threads compute a batch: BLAS's for wide layers, else one; or a chunk of rows each."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

import numpy.typing as npt
from threadpoolctl import ThreadpoolController

from tinygrad_hw.engine import Value
from tinygrad_hw.program import Captured

EVALUATION_ROWS = 500  # of a chunk: enough for fast products, few enough to stay in the cache
THREADED_MULTIPLICATIONS = 20_000_000
"""Number of multiplications from which a matrix product is faster on two threads than on one.

The curves of benchmarks/ by batch size and by width cross between 13 and 26 million.
"""


@functools.cache
def _blas() -> ThreadpoolController:
    controller = ThreadpoolController()  # takes a millisecond: looks through the loaded libraries
    return controller.select(user_api="blas")


def thread_limit(rows: int, weights: Sequence[Value]) -> Any:
    """Return a context that limits BLAS to one thread, if batches of ``rows`` rows are small.

    For the products of a batch of 32, a second thread gains little, and costs much when another
    process needs that core.
    """
    widest = max([p.size for p in weights if p.ndim > 1], default=0)
    limit = 1 if rows * widest < THREADED_MULTIPLICATIONS else None
    return _blas().limit(limits=limit)


def in_chunks(
    captured: Captured, weights: Sequence[Value], chunk: int, *arrays: npt.NDArray[Any]
) -> list[Any]:
    """Return the results of a captured function, called with a chunk of rows at a time.

    Where BLAS would use several threads for a product, several chunks are computed in parallel
    instead, each on one thread: no thread waits for another, and elementwise work is parallel, too.
    """
    rows = len(arrays[0])
    calls = [tuple([x[i : i + chunk] for x in arrays]) for i in range(0, rows, chunk)]
    whole = rows // chunk  # the last call may have fewer rows
    with thread_limit(min(rows, chunk), weights):
        threads = max([blas["num_threads"] for blas in _blas().info()], default=1)
        if not 1 < threads <= whole:
            return [captured(*arguments) for arguments in calls]
        with _blas().limit(limits=1):
            results = captured.map_threads(calls[:whole], threads)
            return results + [captured(*arguments) for arguments in calls[whole:]]
