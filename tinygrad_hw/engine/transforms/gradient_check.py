"""Check of a gradient against central differences of the function itself.

The check does not use the rules: it calls the function a little to the left and a little to the
right. A tensor result is reduced with random weights, so that no element can hide behind
another one of opposite sign. Forward mode is held against the same slopes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinygrad_hw.engine import numpy_api, ops
from tinygrad_hw.engine.core.data import Array, shape_of
from tinygrad_hw.engine.core.node import Node, raw, to_data
from tinygrad_hw.engine.core.trace import no_grad, setting
from tinygrad_hw.engine.transforms.flatten import flatten
from tinygrad_hw.engine.transforms.grad import Argnums, grad, jvp
from tinygrad_hw.engine.transforms.pytree import leaves_of, unflatten
from tinygrad_hw.engine.value import Value


class GradientError(AssertionError):
    """Error for a gradient that differs from the function's own slope."""


def gradcheck(
    function: Callable[..., Any],
    *points: Any,
    order: int = 1,
    step: float = 6e-6,
    tolerance: float = 1e-6,
    seed: int = 0,
) -> float:
    """Compare ``backward()`` with (f(x + h) - f(x - h)) / 2h in every element of every argument.

    Parameters
    ----------
    function
        A function of one Value for each point; it returns one Value of any shape.
    points
        Numbers or arrays, computed with in float64.
    order
        2 to compare the second derivatives, too, with central differences of the first; and so on.
    step
        h, relative to ``abs(x)`` where that is above 1. The default is near the cube root of
        float64's precision, where the errors of the formula (h²) and of rounding (1/h) are alike.
    tolerance
        Allowed difference, relative to the larger of 1 and the slopes' own size.
    seed
        Seed of the random weights for a result that is not a scalar.

    Returns
    -------
    float
        The largest difference seen, on the scale of ``tolerance``.

    Raises
    ------
    GradientError
        If a gradient differs; the message has the argument, the element and both numbers.
    """
    arrays = [np.array(to_data(point), dtype=np.float64) for point in points]
    random = np.random.default_rng(seed)
    with no_grad():
        shape = shape_of(function(*map(Value, arrays)))
    weights: Any = random.uniform(0.5, 1.5, shape) if shape else 1.0

    def weighted(*values: Any) -> Any:
        result = function(*values)
        if not isinstance(result, Node) or result.constant:
            raise GradientError(
                "the function's result does not depend on its arguments: was a number taken out of "
                "a Value, by float(), math or .data, or is a return missing?"
            )
        return ops.sum(result * weights)

    of = "of the sum of all results, each by a random weight, " if shape else ""
    worst = _compare(weighted, arrays, step, tolerance, random, f"{of}backward() gives")
    compared = weighted
    for n in range(2, order + 1):
        compared = _mixed_slopes(compared, [random.uniform(0.5, 1.5, x.shape) for x in arrays])
        ordinal = {2: "second", 3: "third"}.get(n, f"{n}th")
        text = f"{ordinal} derivative: backward() gives"
        worst = max(worst, _compare(compared, arrays, step, tolerance, random, text))
    return worst


def _mixed_slopes(function: Callable[..., Any], mixes: list[Array]) -> Callable[..., Any]:
    """Return the sum of all slopes of a scalar function, each multiplied by a number."""
    slope = grad(function, tuple(range(len(mixes))))

    def mixed_slopes(*values: Any) -> Any:
        products = [ops.sum(a * b) for a, b in zip(slope(*values), mixes, strict=True)]
        return ops.sum(numpy_api.stack(products))

    return mixed_slopes


def check_grads(
    function: Callable[..., Any],
    argnum: Argnums = 0,
    modes: Sequence[str] = ("fwd", "rev"),
    order: int = 2,
) -> Callable[..., None]:
    """Return a function of the same arguments that checks derivatives there, by ``gradcheck``.

    That of HIPS autograd, for arguments and results of any structure. Forward and reverse mode are
    always compared both, and every element: ``modes`` is for programs that give it.

    Raises
    ------
    GradientError
        When called, if a derivative differs from the function's own slope: an AssertionError. In a
        structure, each number or array counts as an argument.
    """
    if not {"fwd", "rev"}.issuperset(modes):
        raise ValueError(f"modes are 'fwd' and 'rev', got {modes!r}")

    def check(*args: Any, **options: Any) -> None:
        chosen = [i % len(args) for i in ((argnum,) if isinstance(argnum, int) else argnum)]
        inputs = [args[i] for i in chosen]

        def of_leaves(*leaves: Any) -> Any:
            replaced = dict(zip(chosen, unflatten(inputs, leaves), strict=True))
            result = function(*[replaced.get(i, x) for i, x in enumerate(args)], **options)
            return result if isinstance(result, Node) else flatten(result)[0]

        gradcheck(of_leaves, *leaves_of(inputs), order=order)

    return check


def _compare(
    function: Callable[..., Any],
    arrays: list[Array],
    step: float,
    tolerance: float,
    random: np.random.Generator,
    found_by: str,
) -> float:
    """Compare the derivatives of a scalar function, backward and forward, with its slopes."""
    values = [Value(array, label=f"argument {i}") for i, array in enumerate(arrays)]
    with setting(nested=True):  # a grad inside of the function gives Values, by those around it too
        root = function(*values)
    if not root.constant:
        try:
            root.backward()
        except ValueError as error:  # a contribution of another shape than its operand
            raise GradientError(str(error)) from None
    worst, directional, directions = 0.0, 0.0, []

    def check(found: float, slope: float, place: str, by: str) -> float:
        difference = abs(found - slope) / max(1.0, abs(slope), abs(found))
        if not difference <= tolerance:  # a nan is a difference too
            raise GradientError(f"{place}: {by} {found:.8g}, central differences give {slope:.8g}")
        return difference

    for position, array in enumerate(arrays):
        gradient = values[position].grad
        analytic = np.zeros(array.shape) if gradient is None else np.asarray(gradient)
        if analytic.shape != array.shape:
            raise GradientError(
                f"argument {position} has shape {array.shape}, its gradient {analytic.shape}"
            )
        directions.append(random.uniform(0.5, 1.5, array.shape))
        for index in np.ndindex(array.shape):
            h = step * max(1.0, abs(float(array[index])))
            slope = _slope(function, arrays, position, index, h)
            place = f"argument {position}{list(index) or ''}"
            worst = max(worst, check(float(analytic[index]), slope, place, found_by))
            directional += slope * float(directions[-1][index])
    if arrays and not root.constant:
        _, moved = jvp(function, tuple(arrays), tuple(directions))
        check(float(moved), directional, "all arguments together", "forward mode gives")
    return worst


def _slope(
    function: Callable[..., Any],
    arrays: list[Array],
    position: int,
    index: tuple[int, ...],
    h: float,
) -> float:
    sides = []
    for sign in (1, -1):
        moved = [array.copy() for array in arrays]
        moved[position][index] += sign * h
        sides.append(float(raw(function(*map(Value, moved)))))
    return (sides[0] - sides[1]) / (2 * h)
