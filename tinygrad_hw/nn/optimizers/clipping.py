"""Clipping of gradients: by the size of their elements, or by their norm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.core.data import shape_of


def clipped_by_value(gradient: Any, limit: Any) -> Any:
    """Return a gradient with each element between -limit and limit."""
    return ops.maximum(ops.minimum(gradient, limit), -limit)


def clipped_by_norm(gradients: Sequence[Any], limit: Any) -> list[Any]:
    """Return gradients, shortened by one factor if their norm together is above the limit.

    If the norm overflows or is nan, all are nan, as in Keras.
    """
    norm = sum([_sum_of_squares(gradient) for gradient in gradients]) ** 0.5
    factor = limit / ops.maximum(norm, limit) + (norm - norm)
    return [gradient * factor for gradient in gradients]


def _sum_of_squares(gradient: Any) -> Any:
    """Return the squared norm as a float, which leaves every array its dtype."""
    if not shape_of(gradient):
        return gradient * gradient
    flat = ops.reshape(gradient, (gradient.size,))
    if flat.dtype.itemsize < 4:
        flat = ops.astype(flat, np.float32)
    return ops.astype(ops.matmul(flat, flat), float)
