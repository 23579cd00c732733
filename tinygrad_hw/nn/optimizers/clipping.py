"""Clipping of gradients: by the size of their elements, or by their norm."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.core.data import shape_of


def clipped_by_value(gradient: Any, limit: Any) -> Any:
    """Return a gradient with each element between -limit and limit."""
    return ops.maximum(ops.minimum(gradient, limit), -limit)


def clipped_by_norm(gradient: Any, limit: Any) -> Any:
    """Return a gradient, shortened if its norm is above the limit; 0 if the norm overflows."""
    return gradient * (limit / ops.maximum(_sum_of_squares(gradient) ** 0.5, limit))


def clipped_by_global_norm(gradients: Sequence[Any], limit: Any) -> list[Any]:
    """Return gradients, shortened if their norm together is above the limit.

    All are nan if it overflows, as in Keras.
    """
    norm = sum([_sum_of_squares(gradient) for gradient in gradients]) ** 0.5
    factor = limit / ops.maximum(norm, limit) + (norm - norm)
    return [gradient * factor for gradient in gradients]


def _sum_of_squares(gradient: Any) -> Any:
    """Return the sum of the squares as a Python float, which leaves every array its dtype."""
    if not shape_of(gradient):
        return ops.astype(gradient * gradient, float)
    flat = ops.reshape(gradient, (gradient.size,))
    return ops.astype(ops.matmul(flat, flat), float)
