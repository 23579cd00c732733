"""Statistics: weighted averages, medians and quantiles, covariances."""

import math
from typing import Any

import numpy as np

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.core.data import shape_of
from tinygrad_hw.engine.core.node import raw, read_data
from tinygrad_hw.engine.numpy_api.joining import concatenate
from tinygrad_hw.engine.numpy_api.reductions import mean
from tinygrad_hw.engine.numpy_api.shaping import (
    as_arrays,
    atleast_2d,
    diag,
    matrix_transpose,
    moveaxis,
    refuse_out,
    sort,
    squeeze,
)

__all__ = [  # each stands for NumPy's function of its name
    "average", "corrcoef", "cov", "median", "nanmedian", "nanpercentile", "nanquantile",
    "percentile", "quantile",
]  # fmt: skip


def average(
    x: Any, axis: Any = None, weights: Any = None, returned: bool = False, *,
    keepdims: bool = False,
) -> Any:  # fmt: skip
    """Return the average along an axis, weighted on request; and the sum of the weights."""
    [x] = as_arrays(x)
    if weights is None:
        result = mean(x, axis, keepdims=keepdims)
        total: Any = np.full(shape_of(result), x.size / max(np.size(raw(result)), 1))[()]
    else:
        [weights] = as_arrays(weights)
        if weights.shape != x.shape:
            weights = _along(weights, x.shape, axis)
        total = ops.sum(ops.broadcast_to(weights, x.shape), axis, keepdims)
        if np.any(read_data(total) == 0):
            raise ZeroDivisionError("Weights sum to zero, can't be normalized")
        result = ops.sum(x * weights, axis, keepdims) / total
    return (result, ops.broadcast_to(total, shape_of(result))) if returned else result


def _along(weights: Any, shape: tuple[int, ...], axis: Any) -> Any:
    """Return weights of the axes alone in a shape that broadcasts to that of the array."""
    if axis is None:
        raise TypeError(f"weights of shape {weights.shape} for {shape}: give their axis too")
    axes = np.lib.array_utils.normalize_axis_tuple(axis, len(shape))
    if weights.shape != tuple([shape[i] for i in axes]):
        raise ValueError(f"weights of shape {weights.shape} do not fit axis {axis} of {shape}")
    ordered = ops.transpose(weights, tuple(np.argsort(axes).tolist()))
    return ops.reshape(ordered, tuple([n if i in axes else 1 for i, n in enumerate(shape)]))


# --- Quantiles ------------------------------------------------------------------------------------

_METHODS: dict[
    str, Any
] = {  # of two neighbors in order and the share of the way from one to the other
    "linear": lambda share: share,
    "lower": np.zeros_like,
    "higher": np.ceil,
    "midpoint": lambda share: np.where(share > 0, 0.5, 0.0),
}


def _quantile(
    name: str, x: Any, q: Any, axis: Any, out: Any, method: str, keepdims: bool, ignore_nan: bool
) -> Any:
    """Return the quantiles: the sorted elements at q of the way, or between two of them."""
    refuse_out(out, name)
    if method not in _METHODS:
        raise ValueError(
            f"quantiles by method {method!r} are not differentiated here; "
            f"those by {', '.join(_METHODS)} are"
        )
    places = np.asarray(q, float)
    if not np.all((places >= 0) & (places <= 1)):
        raise ValueError(f"a quantile is between 0 and 1, a percentile up to 100; got {q!r:.60}")
    [x] = as_arrays(x)
    axes = np.lib.array_utils.normalize_axis_tuple(range(x.ndim) if axis is None else axis, x.ndim)
    last = moveaxis(x, axes, range(-len(axes), 0))
    others = shape_of(last)[: x.ndim - len(axes)]
    n = math.prod(shape_of(last)[len(others) :])
    if n == 0:
        return mean(x, axis, keepdims=keepdims)  # nan, with NumPy's warning
    rows = sort(ops.reshape(last, (*others, n)))  # nan comes last
    nans = np.isnan(read_data(rows))
    most = np.maximum(n - 1 - np.sum(nans, axis=-1, keepdims=True), 0) if ignore_nan else n - 1
    way = most * places.ravel() + np.zeros((*others, 1))
    low = np.floor(way)
    kind = rows.dtype if type(q) in (float, int) else np.result_type(rows.dtype, float)
    share = _METHODS[method](way - low).astype(kind)
    found = _between(rows, low.astype(int), np.ceil(way).astype(int), share)
    if not ignore_nan and np.any(nans):
        found = ops.where(np.any(nans, axis=-1, keepdims=True), np.nan, found)
    kept = [1 if i in axes else length for i, length in enumerate(x.shape)]
    return ops.reshape(moveaxis(found, -1, 0), (*places.shape, *(kept if keepdims else others)))


def _between(rows: Any, low: Any, high: Any, share: Any) -> Any:
    """Return the elements a share of the way from those at ``low`` to those at ``high``."""
    start, end = ops.take_along_axis(rows, low, -1), ops.take_along_axis(rows, high, -1)
    same = np.isinf(read_data(start)) & (read_data(start) == read_data(end))
    if not np.any(same):
        return start + (end - start) * share
    return start + (ops.where(same, 0.0, end) - ops.where(same, 0.0, start)) * share


def quantile(
    x: Any, q: Any, axis: Any = None, out: None = None, overwrite_input: bool = False,
    method: str = "linear", keepdims: bool = False,
) -> Any:  # fmt: skip
    """Return the element below which a share q of the elements lies, or one between two."""
    return _quantile("quantile", x, q, axis, out, method, keepdims, False)


def nanquantile(
    x: Any, q: Any, axis: Any = None, out: None = None, overwrite_input: bool = False,
    method: str = "linear", keepdims: bool = False,
) -> Any:  # fmt: skip
    """Return the quantile of the elements that are no nan."""
    return _quantile("nanquantile", x, q, axis, out, method, keepdims, True)


def percentile(
    x: Any, q: Any, axis: Any = None, out: None = None, overwrite_input: bool = False,
    method: str = "linear", keepdims: bool = False,
) -> Any:  # fmt: skip
    """Return the element below which q percent of the elements lie, or one between two."""
    return _quantile("percentile", x, _shares(q), axis, out, method, keepdims, False)


def nanpercentile(
    x: Any, q: Any, axis: Any = None, out: None = None, overwrite_input: bool = False,
    method: str = "linear", keepdims: bool = False,
) -> Any:  # fmt: skip
    """Return the percentile of the elements that are no nan."""
    return _quantile("nanpercentile", x, _shares(q), axis, out, method, keepdims, True)


def _shares(percents: Any) -> Any:
    return percents / 100 if type(percents) in (float, int) else np.asarray(percents) / 100


def median(
    x: Any, axis: Any = None, out: None = None, overwrite_input: bool = False,
    keepdims: bool = False,
) -> Any:  # fmt: skip
    """Return the middle element in order along an axis, or the mean of two."""
    return _quantile("median", x, 0.5, axis, out, "linear", keepdims, False)


def nanmedian(
    x: Any, axis: Any = None, out: None = None, overwrite_input: bool = False,
    keepdims: bool = False,
) -> Any:  # fmt: skip
    """Return the median of the elements that are no nan."""
    return _quantile("nanmedian", x, 0.5, axis, out, "linear", keepdims, True)


# --- Covariances ----------------------------------------------------------------------------------


def cov(
    m: Any, y: Any = None, rowvar: bool = True, bias: bool = False, ddof: int | None = None,
    fweights: Any = None, aweights: Any = None, *, dtype: Any = None,
) -> Any:  # fmt: skip
    """Return the matrix of covariances of variables, one a row, observed in columns."""
    rows = _variables(m, rowvar)
    if y is not None:
        rows = concatenate([rows, _variables(y, rowvar)])
    rows = ops.astype(rows, np.result_type(rows.dtype, float) if dtype is None else dtype)
    ddof = (0 if bias else 1) if ddof is None else ddof
    weights = np.ones(shape_of(rows)[1], rows.dtype)
    for given in (fweights, aweights):
        weights = weights if given is None else weights * np.asarray(given)
    total = weights.sum()
    lost = ddof if aweights is None else ddof * (weights * np.asarray(aweights)).sum() / total
    deviations = rows - ops.sum(rows * weights, 1, True) / total
    products = ops.matmul(deviations * weights, matrix_transpose(deviations))
    return squeeze(products / np.maximum(total - lost, 0))


def _variables(m: Any, rowvar: bool) -> Any:
    [m] = as_arrays(m)
    if m.ndim > 2:
        raise ValueError(f"observations of variables are a matrix, got shape {m.shape}")
    return atleast_2d(m) if rowvar or m.ndim < 2 else matrix_transpose(m)


def corrcoef(x: Any, y: Any = None, rowvar: bool = True, *, dtype: Any = None) -> Any:
    """Return the matrix of correlation coefficients of variables, one a row."""
    covariances = cov(x, y, rowvar, dtype=dtype)
    if not shape_of(covariances):
        return covariances / covariances
    lengths = ops.sqrt(diag(covariances))
    scaled = covariances / ops.reshape(lengths, (-1, 1)) / lengths
    return ops.minimum(ops.maximum(scaled, -1.0), 1.0)
