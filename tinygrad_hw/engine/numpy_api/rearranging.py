"""Elements picked and put elsewhere: sorting, diagonals."""

from typing import Any

import numpy as np

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.core.node import read_data
from tinygrad_hw.engine.numpy_api.shaping import ravel


def trace(x: Any, offset: int = 0, axis1: int = 0, axis2: int = 1) -> Any:
    """Return the sum of a diagonal."""
    return ops.sum(ops.diagonal(x, offset, axis1, axis2), -1)


def sort(x: Any, axis: int | None = -1, kind: Any = None, **options: Any) -> Any:
    """Return the elements in ascending order along an axis; the gradient goes back to each."""
    if axis is None:
        x, axis = ravel(x), -1
    return ops.take_along_axis(x, np.argsort(read_data(x), axis, kind, **options), axis)
