"""Do we believe a gradient? Compare it with central differences.

The check knows nothing of the rules: it only calls the function, a little to the left and a little
to the right. A tensor result is reduced with random weights, so that no element can hide behind
another one of opposite sign.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.modes import no_grad
from tinygrad_hw.engine.node import shape_of, to_data
from tinygrad_hw.engine.value import Value


class GradientError(AssertionError):
    """A gradient that differs from the function's own slope."""


def gradcheck(
    function: Callable[..., Any],
    *points: Any,
    step: float = 6e-6,
    tolerance: float = 1e-6,
    seed: int = 0,
) -> float:
    """Compare ``backward()`` with (f(x + h) - f(x - h)) / 2h in every element of every argument.

    Parameters
    ----------
    function
        Takes one Value for each point, gives one Value of any shape.
    points
        Numbers or arrays, computed with in float64.
    step
        h, relative to |x| where that is above 1. The default is near the cube root of float64's
        precision, where the error of the formula (h²) and that of rounding (1/h) are alike.
    tolerance
        Allowed difference, relative to the larger of 1 and the slopes' own size.
    seed
        Of the random weights for a result that is not a scalar.

    Returns
    -------
    float
        The largest difference seen, on the scale of ``tolerance``.

    Raises
    ------
    GradientError
        Naming the argument, the element and both numbers.
    """
    arrays = [np.array(to_data(point), dtype=np.float64) for point in points]
    values = [Value(array, label=f"argument {i}") for i, array in enumerate(arrays)]
    result = function(*values)
    weights = np.random.default_rng(seed).uniform(0.5, 1.5, shape_of(result))
    if not isinstance(result, Value) or result.constant:
        raise GradientError("the function's result does not depend on its arguments")
    result.backward(weights)

    def weighted(moved: list[Any]) -> float:
        with no_grad():
            return float(np.sum(weights * ops.raw(function(*map(Value, moved)))))

    worst = 0.0
    for position, array in enumerate(arrays):
        gradient = values[position].grad
        analytic = np.zeros(array.shape) if gradient is None else np.asarray(gradient)
        if analytic.shape != array.shape:
            raise GradientError(
                f"argument {position} has shape {array.shape}, its gradient {analytic.shape}"
            )
        for index in np.ndindex(array.shape):
            h = step * max(1.0, abs(float(array[index])))
            slope = _slope(weighted, arrays, position, index, h)
            found = float(analytic[index])
            scale = max(1.0, abs(slope), abs(found))
            difference = abs(found - slope) / scale
            if not difference <= tolerance:  # a nan is a difference too
                raise GradientError(
                    f"argument {position}{list(index) or ''}: backward() gives "
                    f"{found:.8g}, central differences give {slope:.8g}"
                )
            worst = max(worst, difference)
    return worst


def _slope(
    weighted: Callable[[list[Any]], float],
    arrays: list[Any],
    position: int,
    index: tuple[int, ...],
    h: float,
) -> float:
    sides = []
    for sign in (1, -1):
        moved = [array.copy() for array in arrays]
        moved[position][index] += sign * h
        sides.append(weighted(moved))
    return (sides[0] - sides[1]) / (2 * h)
