"""How many threads compute a batch: one, BLAS's for large products, or one for a chunk of rows."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any

from threadpoolctl import ThreadpoolController

from tinygrad_hw.nn.layers import Layer
from tinygrad_hw.nn.models.batches import examples_in, rows_of
from tinygrad_hw.program import Captured

MOST_ROWS, LEAST_ROWS = 500, 32  # of a chunk: enough for fast products
CACHED_NUMBERS = 1_000_000  # of an array of a chunk: few enough to stay in the cache
THREADED_MULTIPLICATIONS = 20_000_000
"""Number of multiplications from which a matrix product is faster on two threads than on one.

The curves of benchmarks/ by batch size and by width cross between 13 and 26 million.
"""


@functools.cache
def _blas() -> ThreadpoolController:
    controller = ThreadpoolController()  # takes a millisecond: looks through the loaded libraries
    return controller.select(user_api="blas")


def evaluation_rows(layers: Sequence[Layer]) -> int:
    """Return how many examples are best computed at once where no gradient is wanted."""
    windows = [
        p.size // p.shape[-1] * layer.products_per_example
        for layer in layers
        for p in layer.weights
        if p.ndim > 1 and not layer.accepts_integers
    ]
    return min(max(CACHED_NUMBERS // max(windows, default=1), LEAST_ROWS), MOST_ROWS)


def thread_limit(rows: int, layers: Sequence[Layer]) -> Any:
    """Return a context that limits BLAS to one thread, if the products of a batch are small.

    For the products of a batch of 32, a second thread gains little, and costs much when another
    process needs that core.
    """
    products = [
        p.size * layer.products_per_example for layer in layers for p in layer.weights if p.ndim > 1
    ]
    limit = 1 if rows * max(products, default=0) < THREADED_MULTIPLICATIONS else None
    return _blas().limit(limits=limit)


def in_chunks(captured: Captured, layers: Sequence[Layer], chunk: int, *arrays: Any) -> list[Any]:
    """Return the results of a captured function, called with a chunk of rows at a time.

    Where BLAS would use several threads for a product, several chunks are computed in parallel
    instead, each on one thread: no thread waits for another, and elementwise work is parallel, too.
    """
    rows = examples_in(arrays[0])
    parts = [slice(i, i + chunk) for i in range(0, rows, chunk)]
    calls = [tuple([rows_of(x, part) for x in arrays]) for part in parts]
    whole = rows // chunk  # the last call may have fewer rows
    with thread_limit(min(rows, chunk), layers):
        threads = max([blas["num_threads"] for blas in _blas().info()], default=1)
        if not 1 < threads <= whole:
            return [captured(*arguments) for arguments in calls]
        with _blas().limit(limits=1):
            results = captured.map_threads(calls[:whole], threads)
            return results + [captured(*arguments) for arguments in calls[whole:]]
