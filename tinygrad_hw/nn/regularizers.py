"""Regularizers: penalties on large weights that a model adds to its loss, by Keras's names."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.core.data import dtype_of, shape_of
from tinygrad_hw.engine.core.node import raw
from tinygrad_hw.nn.registry import Configurable, Registry


class Regularizer(Configurable):
    """Base class of regularizers; a subclass has ``__call__``, the penalty on a weight."""

    def __call__(self, x: Any) -> Any:
        """Return the penalty, a number, on a weight, an array or a Value."""
        raise NotImplementedError(f"{type(self).__name__} is to define __call__(x)")


class L1(Regularizer):
    """l1 · Σ abs(x)."""

    def __init__(self, l1: float = 0.01) -> None:
        self.l1 = _factor("l1", l1)

    def __call__(self, x: Any) -> Any:
        """Return the penalty on a weight."""
        return self.l1 * ops.norm(x, ord=1)


class L2(Regularizer):
    """l2 · Σ x²."""

    def __init__(self, l2: float = 0.01) -> None:
        self.l2 = _factor("l2", l2)

    def __call__(self, x: Any) -> Any:
        """Return the penalty on a weight."""
        return 2.0 * self.l2 * ops.half_squared_norm(x)


class L1L2(Regularizer):
    """l1 · Σ abs(x) + l2 · Σ x²."""

    def __init__(self, l1: float = 0.0, l2: float = 0.0) -> None:
        self.l1, self.l2 = _factor("l1", l1), _factor("l2", l2)

    def __call__(self, x: Any) -> Any:
        """Return the penalty on a weight."""
        return L1(self.l1)(x) + L2(self.l2)(x)


class OrthogonalRegularizer(Regularizer):
    """factor · the mean of abs(cos) of the angles between all pairs of rows, or of columns.

    Parameters
    ----------
    factor
        Its weight in the loss.
    mode
        "rows" or "columns".
    """

    def __init__(self, factor: float = 0.01, mode: str = "rows") -> None:
        if mode not in ("rows", "columns"):
            raise ValueError(f"OrthogonalRegularizer got mode={mode!r}; give 'rows' or 'columns'")
        self.factor, self.mode = _factor("factor", factor), mode

    def __call__(self, x: Any) -> Any:
        """Return the penalty on a matrix."""
        if len(shape_of(x)) != 2:
            raise ValueError(f"OrthogonalRegularizer is of matrices, got shape {shape_of(x)}")
        rows = x if self.mode == "rows" else ops.transpose(x)
        units = rows / ops.maximum(ops.norm(rows, 1, 2, True), 1e-7)
        n = shape_of(rows)[0]
        others = (1.0 - np.eye(n)).astype(dtype_of(raw(x)))
        cosines = ops.matmul(units, ops.transpose(units)) * others
        return self.factor / (n * (n - 1.0)) * ops.sum(ops.abs(cosines))


def _factor(name: str, number: float) -> float:
    if isinstance(number, bool) or not isinstance(number, int | float | np.number):
        raise ValueError(f"a regularizer's {name} should be a number, got {number!r}")
    if not (number >= 0 and math.isfinite(number)):
        raise ValueError(f"a regularizer's {name} should be finite and at least 0, got {number}")
    return float(number)


_TABLE: Registry[Any] = Registry(
    "regularizer", Regularizer, [L1, L2, L1L2, OrthogonalRegularizer], {}
)
serialize, deserialize = _TABLE.serialize, _TABLE.deserialize


def get(identifier: Any) -> Callable[[Any], Any] | None:
    """Return the regularizer for a name or a class; one, a function and None are as they are.

    Raises
    ------
    ValueError
        For an unknown name, and for what cannot be called.
    """
    if identifier is None:
        return None
    found: Callable[[Any], Any] = _TABLE.get(identifier, lambda function: function)
    return found
