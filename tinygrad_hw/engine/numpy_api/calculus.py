"""Differences, sums under curves, and interpolation along an axis."""

from typing import Any

import numpy as np

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.core.data import shape_of
from tinygrad_hw.engine.core.node import read_data
from tinygrad_hw.engine.numpy_api.elementwise import remainder
from tinygrad_hw.engine.numpy_api.joining import concatenate
from tinygrad_hw.engine.numpy_api.shaping import as_arrays, expand_dims, moveaxis, ravel

__all__ = [  # each stands for NumPy's function of its name
    "diff", "ediff1d", "geomspace", "gradient", "interp", "linspace", "logspace", "polyval",
    "trapezoid", "vander",
]  # fmt: skip


def diff(x: Any, n: int = 1, axis: int = -1, prepend: Any = None, append: Any = None) -> Any:
    """Return the differences of neighbors along an axis, n times over."""
    if n < 0:
        raise ValueError(f"differences are taken 0 times or more, got n={n}")
    [x] = as_arrays(x)
    if not x.ndim:
        raise ValueError("a number has no neighbors; give an array of one dimension or more")
    if n == 0:
        return x  # NumPy's, too, has no use for the ends then
    ends = [_as_slice(end, x, axis) if end is not None else None for end in (prepend, append)]
    parts = [part for part in (ends[0], x, ends[1]) if part is not None]
    x = concatenate(parts, axis) if len(parts) > 1 else x
    for _ in range(n):
        length = shape_of(x)[axis]
        x = ops.slice_axis(x, axis, 1, length) - ops.slice_axis(x, axis, 0, max(length - 1, 0))
    return x


def _as_slice(end: Any, x: Any, axis: int) -> Any:
    """Return what stands at an end: a number as a slice of x's shape, an array as it is."""
    [end] = as_arrays(end)
    if end.ndim:
        return end
    shape = list(shape_of(x))
    shape[axis] = 1
    return ops.broadcast_to(end, tuple(shape))


def ediff1d(x: Any, to_end: Any = None, to_begin: Any = None) -> Any:
    """Return the differences of neighbors in the flattened x, on request with ends."""
    [x] = as_arrays(x)
    parts = [to_begin, diff(ravel(x)), to_end]
    return concatenate([ravel(part) for part in parts if part is not None], dtype=x.dtype)


def gradient(x: Any, *spacings: Any, axis: Any = None, edge_order: int = 1) -> Any:
    """Return the slope along each axis by central differences, at the ends by one-sided ones."""
    ndim = len(shape_of(x))
    axes = range(ndim) if axis is None else axis
    axes = np.lib.array_utils.normalize_axis_tuple(axes, ndim)
    if len(spacings) not in (0, 1, len(axes)):
        raise TypeError(f"give one spacing, or one for each of {len(axes)} axes")
    if edge_order not in (1, 2):
        raise ValueError(f"edge_order is 1 or 2, got {edge_order!r}")
    spacings = spacings or (1.0,)
    if len(spacings) == 1:
        spacings = spacings * len(axes)
    slopes = [
        moveaxis(_slopes(moveaxis(x, i, 0), spacing, edge_order), 0, i)
        for i, spacing in zip(axes, spacings, strict=True)
    ]
    return slopes[0] if len(slopes) == 1 else tuple(slopes)


def _slopes(x: Any, spacing: Any, edge_order: int) -> Any:
    """Return the slopes along the first axis; ``spacing`` is a step or the coordinates."""
    n = len(x)
    if n <= edge_order:
        raise ValueError(f"an axis of length {n} is too short for edge_order={edge_order}")
    steps = diff(spacing) if np.ndim(spacing) else ops.broadcast_to(spacing, (n - 1,))
    if shape_of(steps) != (n - 1,):
        raise ValueError(f"{len(steps) + 1} coordinates for {n} elements along an axis")
    column = (-1, *[1] * (x.ndim - 1))
    steps = ops.reshape(ops.astype(steps, x.dtype if x.dtype.kind == "f" else float), column)
    rise = (x[1:] - x[:-1]) / steps
    before, after = steps[:-1], steps[1:]
    inner = (after * rise[:-1] + before * rise[1:]) / (before + after)
    first, last = rise[:1], rise[-1:]
    if edge_order == 2:
        first = first + (first - rise[1:2]) * (steps[:1] / (steps[:1] + steps[1:2]))
        last = last + (last - rise[-2:-1]) * (steps[-1:] / (steps[-1:] + steps[-2:-1]))
    return concatenate([first, inner, last])


def trapezoid(y: Any, x: Any = None, dx: float = 1.0, axis: int = -1) -> Any:
    """Return the area under y along an axis by trapezoids, over x or in steps of dx."""
    [y] = as_arrays(y)
    widths = dx
    if x is not None:
        [x] = as_arrays(x)
        widths = diff(x, axis=axis if x.ndim > 1 else 0)
        if x.ndim == 1:
            widths = ops.reshape(widths, (-1, *[1] * (y.ndim - 1 - axis % y.ndim)))
    n = shape_of(y)[axis]
    ahead, behind = ops.slice_axis(y, axis, 1, n), ops.slice_axis(y, axis, 0, max(n - 1, 0))
    return ops.sum(widths * (ahead + behind) / 2.0, axis)


def interp(
    x: Any, xp: Any, fp: Any, left: Any = None, right: Any = None, period: float | None = None
) -> Any:
    """Return at x the broken line through the points (xp, fp).

    At a point its slope is that of the interval to the right.
    """
    [x, xp, fp] = [ops.astype(operand, np.float64) for operand in (x, xp, fp)]
    if period is not None:
        x, xp = remainder(x, abs(period)), remainder(xp, abs(period))
        order = np.argsort(read_data(xp))
        xp, fp = ops.take(xp, order), ops.take(fp, order)
        xp = concatenate([xp[-1:] - abs(period), xp, xp[:1] + abs(period)])
        fp = concatenate([fp[-1:], fp, fp[:1]])
        left = right = None
    at, points = read_data(x), read_data(xp)
    n = len(points)
    if n == 0 or shape_of(xp) != shape_of(fp):
        raise ValueError(f"fp needs one value for each xp, got {shape_of(fp)} for {shape_of(xp)}")
    above = np.clip(np.searchsorted(points, at, side="right"), 1, max(n - 1, 1))
    low, high = above - 1, np.minimum(above, n - 1)
    run = ops.take(xp, high) - ops.take(xp, low)
    run = ops.where(low == high, 1.0, run)
    share = (x - ops.take(xp, low)) / run
    inside = ops.take(fp, low) + share * (ops.take(fp, high) - ops.take(fp, low))
    result = ops.where(at < points[0], fp[0] if left is None else left, inside)
    return ops.where(at > points[-1], fp[-1] if right is None else right, result)


def linspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, retstep: bool = False,
    dtype: Any = None, axis: int = 0,
) -> Any:  # fmt: skip
    """Return evenly spaced numbers from start to stop, which may be Values."""
    start, stop = [x if np.isscalar(x) else as_arrays(x)[0] for x in (start, stop)]
    difference = stop - start
    share = np.linspace(0.0, 1.0, num, endpoint).astype(difference.dtype)
    share = share.reshape(-1, *[1] * difference.ndim)
    numbers = moveaxis(start * (1.0 - share) + stop * share, 0, axis)
    if dtype is not None:
        numbers = ops.astype(numbers, dtype)
    intervals = num - 1 if endpoint else num
    step = difference / (intervals or np.nan)
    return (numbers, step) if retstep else numbers


def logspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, base: Any = 10.0,
    dtype: Any = None, axis: int = 0,
) -> Any:  # fmt: skip
    """Return numbers in even ratios, from one power of the base to another."""
    numbers = ops.pow(base, linspace(start, stop, num, endpoint, axis=axis))
    return numbers if dtype is None else ops.astype(numbers, dtype)


def geomspace(
    start: Any, stop: Any, num: int = 50, endpoint: bool = True, dtype: Any = None, axis: int = 0
) -> Any:
    """Return numbers in even ratios from start to stop, which have the same sign."""
    start, stop = [ops.astype(end, np.float64) for end in (start, stop)]
    first, last = read_data(start), read_data(stop)
    if np.any(np.sign(first) * np.sign(last) <= 0):
        raise ValueError("geomspace is between two numbers of the same sign, neither of them 0")
    start, stop = [ops.log10(ops.abs(end)) for end in (start, stop)]
    numbers = logspace(start, stop, num, endpoint, axis=axis)
    sign = np.expand_dims(np.sign(first) + 0.0 * last, axis)
    numbers = numbers * sign
    return numbers if dtype is None else ops.astype(numbers, dtype)


def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """Return the matrix whose columns are powers of a vector, the highest first."""
    [x] = as_arrays(x)
    if x.ndim != 1:
        raise ValueError(f"the powers of a vector make a matrix, got shape {x.shape}")
    powers = np.arange(len(x) if N is None else N)
    return ops.pow(expand_dims(x, 1), powers if increasing else powers[::-1])


def polyval(p: Any, x: Any) -> Any:
    """Return the polynomial with the coefficients p, the highest power first, at x."""
    value = ops.mul(x, 0.0)
    for coefficient in as_arrays(p)[0]:
        value = value * x + coefficient
    return value
