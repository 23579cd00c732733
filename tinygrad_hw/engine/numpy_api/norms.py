"""Norms of vectors and matrices."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.core.data import shape_of
from tinygrad_hw.engine.numpy_api import matrix_functions
from tinygrad_hw.engine.numpy_api.shaping import expand_dims, moveaxis


def norm(x: Any, ord: Any = None, axis: Any = None, keepdims: bool = False) -> Any:
    """Return the norm of a vector or a matrix; by default the length of all elements."""
    axes = axis if isinstance(axis, tuple) else range(len(shape_of(x))) if axis is None else (axis,)
    if ord is None and (axis is None or len(axes) < 3):
        return ops.norm(x, axis, 2, keepdims)
    if len(axes) == 2:
        return _norm_of_matrix(x, "fro" if ord is None else ord, axes, keepdims)
    if len(axes) != 1 or isinstance(ord, str) or ord in (None, 0):
        raise ValueError(
            f"the norm of {len(axes)} dimensions with ord={ord!r} is not differentiated here; "
            "that of a vector with a number other than 0 is, and those of a matrix"
        )
    return _norm_of_vector(x, ord, axis, keepdims)


def _norm_of_vector(x: Any, ord: Any, axis: Any, keepdims: bool) -> Any:
    if np.isinf(ord):
        return (ops.max if ord > 0 else ops.min)(ops.abs(x), axis, keepdims)
    return ops.sum(ops.abs(x), axis, keepdims) if ord == 1 else ops.norm(x, axis, ord, keepdims)


def _norm_of_matrix(x: Any, ord: Any, axes: Sequence[int], keepdims: bool) -> Any:
    """Return a norm of the matrices in two axes: of Frobenius, of sums, of singular values."""
    axes = np.lib.array_utils.normalize_axis_tuple(axes, len(shape_of(x)))
    if ord in ("fro", "f"):
        return ops.norm(x, axes, 2, keepdims)
    x = moveaxis(x, axes, (-2, -1))
    if ord in (1, -1, np.inf, -np.inf):
        parts = ops.sum(ops.abs(x), -2 if abs(ord) == 1 else -1)
    elif ord in (2, -2, "nuc"):
        parts = svdvals(x)
    else:
        raise ValueError(
            f"ord={ord!r} is no norm of a matrix; give 'fro', 'nuc', 1, -1, 2, -2, inf or -inf"
        )
    reduced = ops.sum if ord == "nuc" else ops.max if ord > 0 else ops.min
    out = reduced(parts, -1)
    return expand_dims(out, axes) if keepdims else out


def vector_norm(x: Any, /, *, axis: Any = None, keepdims: bool = False, ord: Any = 2) -> Any:
    """Return the norm of all elements, or of the vectors along an axis or several."""
    if isinstance(ord, str) or ord in (None, 0):
        raise ValueError(
            f"the norm of vectors with ord={ord!r} is not differentiated here; "
            "that with a number other than 0 is"
        )
    return _norm_of_vector(x, ord, axis, keepdims)


def matrix_norm(x: Any, /, *, keepdims: bool = False, ord: Any = "fro") -> Any:
    """Return the norm of each matrix."""
    return _norm_of_matrix(x, "fro" if ord is None else ord, (-2, -1), keepdims)


def svdvals(x: Any, /) -> Any:
    """Return the singular values of each matrix in descending order."""
    return ops.abs(matrix_functions.svd(x)[..., 0, :])
