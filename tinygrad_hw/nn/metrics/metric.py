"""The base classes of metrics: a state that grows batch by batch, and means over examples."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from tinygrad_hw.engine import ops
from tinygrad_hw.engine.core.data import shape_of
from tinygrad_hw.engine.core.node import raw
from tinygrad_hw.engine.numpy_api.shaping import as_arrays
from tinygrad_hw.nn.losses.loss import same_rank
from tinygrad_hw.nn.registry import Configurable, snake_case

Array = npt.NDArray[Any]


class Metric(Configurable):
    """Base class of metrics; a subclass has ``update_state``, ``result`` and ``reset_state``.

    Parameters
    ----------
    dtype
        The dtype to compute in; by default that of the outputs. States are float64.
    name
        By default the class's name, in snake case.
    """

    def __init__(self, dtype: npt.DTypeLike | None = None, name: str | None = None) -> None:
        self.name = name or snake_case(type(self).__name__)
        self.dtype = dtype

    def update_state(self, *arguments: Any, **options: Any) -> None:
        """Add a batch: targets, outputs and, if there are any, weights of the examples."""
        raise NotImplementedError(f"{type(self).__name__} is to define update_state")

    def result(self) -> Any:
        """Return the metric of all batches so far."""
        raise NotImplementedError(f"{type(self).__name__} is to define result()")

    def reset_state(self) -> None:
        """Forget all batches."""
        raise NotImplementedError(f"{type(self).__name__} is to define reset_state()")

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Add a batch and return the result."""
        self.update_state(*arguments, **options)
        return self.result()

    def arrays(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> list[Array]:
        """Return targets, outputs and weights of a batch as arrays, targets as outputs' kind."""
        y_true, y_pred = same_rank(raw(y_true), raw(y_pred))
        if y_true.shape != y_pred.shape or not y_pred.shape:
            raise ValueError(
                f"{self.name} got targets of shape {y_true.shape} and outputs of shape "
                f"{y_pred.shape}; give one target for each output"
            )
        y_pred = y_pred.astype(self.dtype or np.result_type(y_pred, np.float32), copy=False)
        weights = np.ones(len(y_pred)) if sample_weight is None else np.asarray(sample_weight)
        weights = weights.reshape(weights.shape + (1,) * (y_pred.ndim - weights.ndim))
        return [y_true.astype(y_pred.dtype), y_pred, np.broadcast_to(weights, y_pred.shape)]


class Mean(Metric):
    """Mean of numbers, weighted or not, over all that were added."""

    def __init__(self, name: str | None = "mean", dtype: npt.DTypeLike | None = None) -> None:
        super().__init__(dtype, name)
        self.reset_state()

    def update_state(self, values: Any, sample_weight: Any = None) -> None:
        """Add numbers: one for each example, or an array of them, whose mean counts."""
        values = np.asarray(raw(values), np.float64)
        if sample_weight is None:
            values = _of_each(values)
            self.add(values.sum(), values.size)
            return
        weights = np.asarray(sample_weight, np.float64)
        if weights.shape[1:] == (1,) and values.ndim == 1:
            weights = weights[:, 0]
        if weights.shape != values.shape[: weights.ndim]:
            raise ValueError(
                f"{self.name} got sample_weight of shape {weights.shape} for values of shape "
                f"{values.shape}; give one weight for each example"
            )
        values = values.mean(axis=tuple(range(weights.ndim, values.ndim)))
        self.add(_of_each(values * weights).sum(), _of_each(weights).sum())

    def add(self, total: float, count: float) -> None:
        """Add numbers by their sum and how many there are, or the sum of their weights."""
        self.total += float(total)
        self.count += float(count)

    def result(self) -> float:
        """Return the mean; 0 of no numbers."""
        return self.total / self.count if self.count else 0.0

    def reset_state(self) -> None:
        """Forget all numbers."""
        self.total = self.count = 0.0


class MeanMetricWrapper(Mean):
    """Mean over the examples of a function ``(y_true, y_pred)``.

    Parameters
    ----------
    fn
        A function that returns a number for each example, or an array of them, whose mean counts.
        A number for the whole batch counts as that of each of its examples, where Keras takes the
        mean over batches.
    name
        By default the function's.
    settings
        Further arguments of the function.
    """

    fused_activations: ClassVar[tuple[str, ...]] = ()  # for which there is ``sums_on_logits``

    def __init__(
        self,
        fn: Callable[..., Any],
        name: str | None = None,
        dtype: npt.DTypeLike | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(name or getattr(fn, "__name__", "metric"), dtype)
        if type(self) is MeanMetricWrapper:
            functools.update_wrapper(self, fn)  # its module is the function's: not ours
        self.fn = fn
        self.settings = settings

    def sums(self, y_true: Any, y_pred: Any) -> Any:
        """Return the number of each example, of shape (n,), to be summed.

        It is made of operations that a captured function may contain.
        """
        return self._of_examples(self.fn(y_true, y_pred, **self.settings), y_pred)

    def sums_on_logits(self, y_true: Any, logits: Any) -> Any:
        """Return what ``sums`` would of the outputs that an activation makes of the logits."""
        raise NotImplementedError(f"{self.name} is computed from the outputs, not from logits")

    def _of_examples(self, values: Any, y_pred: Any) -> Any:
        values = raw(values)
        shape = shape_of(values)
        if not shape:
            return ops.broadcast_to(values, shape_of(y_pred)[:1])
        return values if len(shape) == 1 else _of_each(values)

    def update_state(  # type: ignore[override]
        self, y_true: Any, y_pred: Any, sample_weight: Any = None
    ) -> None:
        """Add a batch: targets, outputs and, if there are any, weights of the examples."""
        values = raw(self.fn(y_true, y_pred, **self.settings))
        if not shape_of(values):
            values = self._of_examples(values, y_pred)
        super().update_state(values, sample_weight)


def _of_each(values: Any) -> Any:
    """Return the mean of each example's numbers: of shape (n, ...) to (n,)."""
    shape = shape_of(values)
    if len(shape) == 2 and shape[1] == 1:
        return values[:, 0]
    return ops.mean(values, axis=tuple(range(1, len(shape)))) if len(shape) > 1 else values


def pair(y_true: Any, y_pred: Any) -> list[Any]:
    """Return targets and outputs as data with as many dimensions."""
    return same_rank(*as_arrays(raw(y_true), raw(y_pred)))
