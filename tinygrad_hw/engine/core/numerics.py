"""Numerics: functions of operations that NumPy lacks, or has less stable or slower.

Plain numbers and arrays in, the same out; derivatives are in ``ops``. An axis is NumPy's: None for
all, a number, or a tuple.
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_hw.engine.core.data import Array

_sum: Any = np.add.reduce

# On one of Python's floats the C library's function takes a tenth of the time of NumPy's. Where it
# raises, NumPy's is called after all: it has an inf or a nan for that, and a warning.
ON_FLOATS: dict[Any, Callable[..., float]] = {
    **{np.exp: math.exp, np.expm1: math.expm1, np.log: math.log, np.log1p: math.log1p},
    **{np.log2: math.log2, np.log10: math.log10, np.sqrt: math.sqrt, np.cbrt: math.cbrt},
    **{np.sin: math.sin, np.cos: math.cos, np.tan: math.tan, np.tanh: math.tanh},
    **{np.sinh: math.sinh, np.cosh: math.cosh, np.power: math.pow},
    **{np.arcsin: math.asin, np.arccos: math.acos, np.arctan: math.atan, np.arctan2: math.atan2},
    **{np.arcsinh: math.asinh, np.arccosh: math.acosh, np.arctanh: math.atanh},
}
SIMPLE_POWERS = {-1.0: np.reciprocal, 0.5: np.sqrt, 1.0: np.positive, 2.0: np.square}


def exp(x: Any) -> Any:
    """Return exp(x) of a float that cannot overflow, or of an array."""
    return math.exp(x) if type(x) is float else np.exp(x)


def maximum(x: Any, bound: float) -> Any:
    """Return x, or the bound where that is larger; nan stays nan."""
    return (bound if x <= bound else x) if type(x) is float else np.maximum(x, bound)


def where(condition: Any, x: Any, y: Any) -> Any:
    """Return x where the condition holds, else y."""
    return (x if condition else y) if type(condition) is bool else np.where(condition, x, y)


def cast(x: Any, dtype: Any) -> Any:
    """Return the same numbers in another floating dtype; ``float`` makes a Python number."""
    if np.dtype(dtype).kind != "f":
        raise TypeError(f"dtype {np.dtype(dtype).name} has no derivative; give a floating one")
    return float(x) if dtype is float and np.ndim(x) == 0 else np.asarray(x, dtype)[()]


def real_power(x: Any, p: Any) -> Any:
    """Return x**p, always real: Python's own ``(-8.0)**0.5`` is complex, NumPy's is nan."""
    simple = SIMPLE_POWERS.get(p) if type(p) is float else None
    return simple(x) if simple else np.power(x, p)


def product(x: Any, y: Any) -> Any:
    """Return x * y, where 0 times inf or nan is 0."""
    with np.errstate(invalid="ignore"):
        return np.where((x != 0) & (y != 0), x * y, 0.0)


def stable_sigmoid(x: Any) -> Any:
    """Return 1 / (1 + exp(-x)) without overflow; above 0 as 1 - σ(-x), which rounds once."""
    tail = exp(-abs(x))
    tail = tail / (1 + tail)
    return where(x < 0, tail, 1 - tail)


def degrees_of_freedom(x: Any, total: Any, ddof: float = 0) -> float:
    """Return the number of elements added for each total, less ``ddof``, but at least 0."""
    return max(np.size(x) / np.size(total) - ddof, 0.0) if np.size(total) else 1.0


def average(x: Any, axis: Any, keepdims: bool) -> Any:
    """Return the mean, in half the time that np.mean takes for a small batch."""
    total = _sum(x, axis=axis, keepdims=keepdims)
    return total / degrees_of_freedom(x, total)


def variance(x: Any, axis: Any, ddof: float, keepdims: bool) -> Any:
    """Return the sum of the squared deviations over n - ddof."""
    total = _sum(np.square(x - average(x, axis, True)), axis=axis, keepdims=keepdims)
    return total / degrees_of_freedom(x, total, ddof)


def matmul(x: Any, y: Any) -> Any:
    """Return x @ y; of a batch of matrices and one matrix in one product, which is faster."""
    if len(np.shape(x)) > 2 == len(np.shape(y)) and np.shape(x)[-1] == np.shape(y)[0] and y.size:
        return np.reshape(np.reshape(x, (-1, x.shape[-1])) @ y, (*x.shape[:-1], y.shape[-1]))
    return np.matmul(x, y)


def reshape_in_order(x: Any, shape: Any, order: Any) -> Any:
    """Reshape, in an order of the elements that does not depend on how they lie in memory."""
    if order not in ("C", "F"):
        raise ValueError(f"order {order!r} depends on memory; give 'C' or 'F'")
    return np.reshape(x, shape, order=order)


def broadcast_to_copy(x: Any, shape: Any) -> Array:
    """Return a full copy: NumPy's view with strides of 0 is slower to make and to read."""
    if np.ndim(x) > np.size(shape):
        raise ValueError(f"{np.ndim(x)} dimensions do not broadcast to shape {shape}")
    out = np.empty(shape, np.result_type(x))
    out[...] = x
    return out


def add_at(x: Any, index: Any, shape: tuple[int, ...]) -> Any:
    """Return zeros with x added at the index; an element that is picked twice gets both."""
    out = np.zeros(shape, np.result_type(x))
    parts = index if isinstance(index, tuple) else (index,)
    if all(part is None or part is ... or isinstance(part, int | slice) for part in parts):
        out[index] = x  # numbers and slices pick every element at most once
    else:
        np.add.at(out, index, x)
    return out
