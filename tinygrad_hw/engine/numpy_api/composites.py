"""Composites: functions recorded inside a group of their name, which a drawing folds."""

import math
from typing import Any

import numpy as np

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.composite import Composite
from tinygrad_hw.engine.core import numerics
from tinygrad_hw.engine.core.data import shape_of
from tinygrad_hw.engine.numpy_api.joining import concatenate
from tinygrad_hw.engine.numpy_api.shaping import moveaxis


def _std(x: Any, axis: Any, ddof: float, keepdims: bool) -> Any:
    """Return the norm of the deviations over √(n - ddof); if all are 0, its derivative is 0."""
    deviations = ops.norm(x - ops.mean(x, axis, True), axis, keepdims=keepdims)
    return ops.div(deviations, numerics.degrees_of_freedom(x, deviations, ddof) ** 0.5)


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


def _clip(x: Any, a_min: Any, a_max: Any, min: Any, max: Any) -> Any:
    """Clip to a lower and an upper bound, or None; NumPy has two names for each."""
    if (a_min is not None or a_max is not None) and (min is not None or max is not None):
        raise ValueError("clip got bounds by both of their names; give a_min, a_max or min, max")
    low, high = (a_min if min is None else min), (a_max if max is None else max)
    x = x if low is None else ops.maximum(x, low)
    return x if high is None else ops.minimum(x, high)


# fmt: off
softmax = Composite("softmax", lambda x, axis: ops.exp(x - ops.logsumexp(x, axis, True)),
                    defaults={"axis": -1})
log_softmax = Composite("log_softmax", lambda x, axis: x - ops.logsumexp(x, axis, True),
                        symbol="log softmax", defaults={"axis": -1})
std = Composite("std", _std, numpy=np.std, defaults=ops.DEVIATION)
prod = Composite("prod", _prod, symbol="Π", numpy=np.prod, defaults=ops.REDUCTION)
clip = Composite("clip", _clip, numpy=np.clip,
                 defaults={"a_min": None, "a_max": None, "min": None, "max": None})
# fmt: on
