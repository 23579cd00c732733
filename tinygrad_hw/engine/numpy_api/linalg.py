"""``np.linalg``: norms of vectors and matrices."""

from typing import Any

import numpy as np

from tinygrad_hw.engine.core import ops
from tinygrad_hw.engine.core.data import shape_of


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the length of a vector, or a norm of another order; by default of all elements."""
    axes = axis if isinstance(axis, tuple) else shape_of(x) if axis is None else (axis,)
    if (ord is None and (axis is None or len(axes) < 3)) or (ord == "fro" and len(axes) == 2):
        return ops.norm(x, axis, 2, keepdims)
    if len(axes) != 1 or isinstance(ord, str) or ord in (None, 0):
        raise ValueError(
            f"the norm of {len(axes)} dimensions with ord={ord!r} is not differentiated here; "
            "that of a vector with a number other than 0 is, that of a matrix with 'fro'"
        )
    if np.isinf(ord):
        return (ops.max if ord > 0 else ops.min)(ops.abs(x), axis, keepdims)
    return ops.sum(ops.abs(x), axis, keepdims) if ord == 1 else ops.norm(x, axis, ord, keepdims)


NUMPY: dict[Any, Any] = {np.linalg.norm: norm}
