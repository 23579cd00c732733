"""Reductions along axes: of all elements, of those that ``where`` names, of those that are no nan.

``where=`` puts the neutral element in place of those left out, so no gradient reaches them.
"""

import math
import warnings
from typing import Any

import numpy as np

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.composite import Composite
from tinygrad_hw.engine.core import numerics
from tinygrad_hw.engine.core.data import shape_of
from tinygrad_hw.engine.core.node import Node, raw, read_data
from tinygrad_hw.engine.numpy_api.joining import concatenate
from tinygrad_hw.engine.numpy_api.shaping import moveaxis, named_like, ravel, refuse_out

__all__ = [  # each stands for NumPy's function of its name
    "cumprod", "cumsum", "cumulative_prod", "cumulative_sum", "max", "mean", "min",
    "nancumprod", "nancumsum", "nanmax", "nanmean", "nanmin", "nanprod", "nanstd", "nansum",
    "nanvar", "prod", "ptp", "std", "sum", "var",
]  # fmt: skip

# --- Composites: recorded inside a group of their name, which a drawing folds ---------------------


def _std(x: Any, axis: Any, ddof: float, keepdims: bool) -> Any:
    """Return the norm of the deviations over √(n - ddof); if all are 0, its derivative is 0."""
    mean = ops.mean(x, axis, True)
    deviations = x - mean if np.size(raw(x)) > np.size(raw(mean)) else 0.0 * x  # of one: none
    length = ops.norm(deviations, axis, keepdims=keepdims)
    return ops.div(length, numerics.degrees_of_freedom(x, length, ddof) ** 0.5)


def _prod(x: Any, axis: Any, keepdims: bool) -> Any:
    """Multiply one half of the factors by the other, repeatedly: exact with zeros."""
    shape = shape_of(x)
    if not shape:
        np.add.reduce(0.0, axis=axis)  # raises if a scalar lacks the axis
        return ops.pos(x)
    reduced = range(len(shape)) if axis is None else axis
    axes = np.lib.array_utils.normalize_axis_tuple(reduced, len(shape))
    first = moveaxis(x, axes, range(len(axes)))
    lengths, others = shape_of(first)[: len(axes)], shape_of(first)[len(axes) :]
    factors = ops.reshape(first, (math.prod(lengths), *others))
    while len(factors) > 1:
        half = len(factors) // 2
        odd = factors[2 * half :]
        factors = factors[:half] * factors[half : 2 * half]
        factors = concatenate([factors, odd]) if len(odd) else factors
    out = factors[0] if len(factors) else 1.0 + ops.sum(factors, 0)
    if keepdims:
        return ops.reshape(out, tuple([1 if i in axes else n for i, n in enumerate(shape)]))
    return out


plain_std = Composite("std", _std, defaults=ops.DEVIATION)
plain_prod = Composite("prod", _prod, symbol="Π", defaults=ops.REDUCTION)

# --- NumPy's arguments ----------------------------------------------------------------------------


def _prepared(name: str, x: Any, dtype: Any, out: Any, where: Any, neutral: float) -> Any:
    """Return x in the dtype asked for, with the neutral element where ``where`` does not hold."""
    refuse_out(out, name)
    if dtype is not None:
        x = ops.astype(x, dtype)
    return x if where is True else ops.where(_mask_for(x, where), x, neutral)


def _mask_for(x: Any, where: Any) -> Any:
    """Return ``where`` broadcast to the shape of x, which must not be stretched by it."""
    return np.broadcast_to(read_data(where), shape_of(x))


def sum(
    x: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False,
    initial: Any = None, where: Any = True,
) -> Any:  # fmt: skip
    """Return the sum of the elements along an axis."""
    total = ops.sum(_prepared("sum", x, dtype, out, where, 0.0), axis, keepdims)
    return total if initial is None else total + _weak(initial)


def prod(
    x: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False,
    initial: Any = None, where: Any = True,
) -> Any:  # fmt: skip
    """Return the product of the elements along an axis; exact with zeros."""
    total = plain_prod(_prepared("prod", x, dtype, out, where, 1.0), axis, keepdims)
    return total if initial is None else total * _weak(initial)


def max(
    x: Any, axis: Any = None, out: None = None, keepdims: bool = False, initial: Any = None,
    where: Any = True,
) -> Any:  # fmt: skip
    """Return the largest element along an axis; equals share the gradient."""
    x = _prepared("max", x, None, out, where, -np.inf)
    return _extreme(ops.max, ops.maximum, x, axis, keepdims, initial, where)


def min(
    x: Any, axis: Any = None, out: None = None, keepdims: bool = False, initial: Any = None,
    where: Any = True,
) -> Any:  # fmt: skip
    """Return the smallest element along an axis; equals share the gradient."""
    x = _prepared("min", x, None, out, where, np.inf)
    return _extreme(ops.min, ops.minimum, x, axis, keepdims, initial, where)


def _extreme(
    reduction: Any, of_two: Any, x: Any, axis: Any, keepdims: bool, initial: Any, where: Any
) -> Any:
    if initial is None:
        if where is not True:
            raise ValueError("the extreme of nothing has no value: where= needs initial= too")
        return reduction(x, axis, keepdims)
    if 0 in shape_of(x):
        return ops.sum(x, axis, keepdims) + _weak(initial)
    return of_two(reduction(x, axis, keepdims), _weak(initial))


def _weak(number: Any) -> Any:
    """Return a number as one of Python's, which leaves float32 as it is; a Value as it is."""
    return number if isinstance(number, Node) else float(number)


def ptp(x: Any, axis: Any = None, out: None = None, keepdims: bool = False) -> Any:
    """Return the largest element less the smallest along an axis."""
    return max(x, axis, out, keepdims) - min(x, axis, None, keepdims)


# --- Means and deviations -------------------------------------------------------------------------


def mean(
    x: Any, axis: Any = None, dtype: Any = None, out: None = None, keepdims: bool = False, *,
    where: Any = True,
) -> Any:  # fmt: skip
    """Return the mean of the elements along an axis."""
    x = _prepared("mean", x, dtype, out, where, 0.0)
    if where is True:
        return ops.mean(x, axis, keepdims)
    return ops.sum(x, axis, keepdims) / _count(x, axis, keepdims, where)


def _count(x: Any, axis: Any, keepdims: bool, where: Any) -> Any:
    """Return the number of elements that ``where`` names along an axis, in the dtype of x."""
    mask = _mask_for(x, where)
    return np.sum(mask, axis=axis, keepdims=keepdims, dtype=np.result_type(raw(x)))


def var(
    x: Any, axis: Any = None, dtype: Any = None, out: None = None, ddof: float = 0,
    keepdims: bool = False, *, where: Any = True, mean: Any = None, correction: Any = None,
) -> Any:  # fmt: skip
    """Return the variance along an axis: the mean of the squared deviations."""
    x, ddof = _prepared("var", x, dtype, out, True, 0.0), _ddof(ddof, correction)
    if where is True and mean is None:
        return ops.var(x, axis, ddof, keepdims)
    squares = ops.square(_deviations(x, axis, where, mean))
    freedom = np.maximum(_count(x, axis, keepdims, where) - ddof, 0)
    return ops.sum(squares, axis, keepdims) / freedom


def std(
    x: Any, axis: Any = None, dtype: Any = None, out: None = None, ddof: float = 0,
    keepdims: bool = False, *, where: Any = True, mean: Any = None, correction: Any = None,
) -> Any:  # fmt: skip
    """Return the standard deviation along an axis: the root of the variance."""
    x, ddof = _prepared("std", x, dtype, out, True, 0.0), _ddof(ddof, correction)
    if where is True and mean is None:
        return plain_std(x, axis, ddof, keepdims)
    length = ops.norm(_deviations(x, axis, where, mean), axis, keepdims=keepdims)
    return length / np.sqrt(np.maximum(_count(x, axis, keepdims, where) - ddof, 0))


def _ddof(ddof: float, correction: Any) -> Any:
    if correction is None:
        return ddof
    if ddof != 0:
        raise ValueError("ddof and correction are two names of one number; give one of them")
    return correction


def _deviations(x: Any, axis: Any, where: Any, mean: Any) -> Any:
    """Return x less its mean, and 0 for elements that ``where`` does not name."""
    if mean is None:
        named = _prepared("mean", x, None, None, where, 0.0)
        mean = ops.sum(named, axis, True) / _count(x, axis, True, where)
    return _prepared("var", x - mean, None, None, where, 0.0)


# --- Without nan ----------------------------------------------------------------------------------


def _without_nan(function: Any, reduction: Any, sentence: str) -> Any:
    """Return our form of a function of NumPy's that leaves every nan out."""

    def reduced(x: Any, *arguments: Any, where: Any = True, **options: Any) -> Any:
        present = np.logical_not(np.isnan(read_data(x)))
        if where is not True:
            present = present & _mask_for(x, where)
        return reduction(x, *arguments, where=present, **options)

    return named_like(function, reduced, sentence)


nansum = _without_nan(np.nansum, sum, "Return the sum along an axis of elements that are no nan.")
nanprod = _without_nan(np.nanprod, prod, "Return the product of the elements that are no nan.")
nanmean = _without_nan(np.nanmean, mean, "Return the mean of the elements that are no nan.")
nanvar = _without_nan(np.nanvar, var, "Return the variance of the elements that are no nan.")
nanstd = _without_nan(np.nanstd, std, "Return the deviation of the elements that are no nan.")


def nanmax(
    x: Any, axis: Any = None, out: None = None, keepdims: bool = False, initial: Any = None,
    where: Any = True,
) -> Any:  # fmt: skip
    """Return the largest element along an axis that is no nan."""
    return _extreme_but_nan(max, -np.inf, x, axis, out, keepdims, initial, where)


def nanmin(
    x: Any, axis: Any = None, out: None = None, keepdims: bool = False, initial: Any = None,
    where: Any = True,
) -> Any:  # fmt: skip
    """Return the smallest element along an axis that is no nan."""
    return _extreme_but_nan(min, np.inf, x, axis, out, keepdims, initial, where)


def _extreme_but_nan(
    reduction: Any, neutral: float, x: Any, axis: Any, out: Any, keepdims: bool, initial: Any,
    where: Any,
) -> Any:  # fmt: skip
    absent = np.isnan(read_data(x))
    result = reduction(ops.where(absent, neutral, x), axis, out, keepdims, initial, where)
    nothing = np.all(absent, axis=axis, keepdims=keepdims)
    if initial is not None or not np.any(nothing):
        return result
    warnings.warn("all elements along an axis are nan", RuntimeWarning, stacklevel=2)
    return ops.where(nothing, np.nan, result)


# --- Cumulative -----------------------------------------------------------------------------------


def cumsum(x: Any, axis: int | None = None, dtype: Any = None, out: None = None) -> Any:
    """Return the cumulative sum of the elements along an axis."""
    return ops.cumsum(_prepared("cumsum", x, dtype, out, True, 0.0), axis)


def cumprod(x: Any, axis: int | None = None, dtype: Any = None, out: None = None) -> Any:
    """Return the cumulative product of the elements along an axis; exact with zeros."""
    x = _prepared("cumprod", x, dtype, out, True, 1.0)
    if axis is None or not shape_of(x):
        x, axis = ravel(x), axis or 0
    axis = np.lib.array_utils.normalize_axis_index(axis, len(shape_of(x)))
    n = shape_of(x)[axis]
    done = 1  # each element is the product of so many before it, and its own
    while done < n:
        head = ops.slice_axis(x, axis, 0, done)
        tail = ops.slice_axis(x, axis, done, n) * ops.slice_axis(x, axis, 0, n - done)
        x, done = concatenate([head, tail], axis), 2 * done
    return x


def nancumsum(x: Any, axis: int | None = None, dtype: Any = None, out: None = None) -> Any:
    """Return the cumulative sum along an axis, with 0 for nan."""
    return cumsum(ops.where(np.isnan(read_data(x)), 0.0, x), axis, dtype, out)


def nancumprod(x: Any, axis: int | None = None, dtype: Any = None, out: None = None) -> Any:
    """Return the cumulative product along an axis, with 1 for nan."""
    return cumprod(ops.where(np.isnan(read_data(x)), 1.0, x), axis, dtype, out)


def cumulative_sum(
    x: Any, /, *, axis: int | None = None, dtype: Any = None, out: None = None,
    include_initial: bool = False,
) -> Any:  # fmt: skip
    """Return the cumulative sum along an axis, on request with the 0 before it."""
    return _cumulative(cumsum, 0.0, x, axis, dtype, out, include_initial)


def cumulative_prod(
    x: Any, /, *, axis: int | None = None, dtype: Any = None, out: None = None,
    include_initial: bool = False,
) -> Any:  # fmt: skip
    """Return the cumulative product along an axis, on request with the 1 before it."""
    return _cumulative(cumprod, 1.0, x, axis, dtype, out, include_initial)


def _cumulative(
    function: Any, first: float, x: Any, axis: Any, dtype: Any, out: Any, include_initial: bool
) -> Any:
    if axis is None:
        if len(shape_of(x)) != 1:
            raise ValueError(f"give the axis of an array of shape {shape_of(x)}")
        axis = 0
    result = function(x, axis, dtype, out)
    if not include_initial:
        return result
    shape = list(shape_of(result))
    shape[axis] = 1
    return concatenate([np.full(shape, first, np.result_type(raw(result))), result], axis)
