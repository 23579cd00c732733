"""The base class of losses: reduction, weights of examples, and the check of the targets."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygrad_hw.engine import group, ops
from tinygrad_hw.engine.core.data import as_array, dtype_of, shape_of
from tinygrad_hw.engine.core.node import Node, raw
from tinygrad_hw.engine.numpy_api.shaping import as_arrays
from tinygrad_hw.nn.losses.on_logits import without_trailing_ones
from tinygrad_hw.nn.registry import Configurable, snake_case

MEANS = ("sum_over_batch_size", "mean")
REDUCTIONS = (*MEANS, "mean_with_sample_weight", "sum", "none", None)


class Loss(Configurable):
    """Base class of losses; a subclass has ``call``, the loss of each example.

    Parameters
    ----------
    name
        By default the class's name, in snake case.
    reduction
        "sum_over_batch_size" or "mean": the mean of the weighted losses; "sum": their sum;
        "mean_with_sample_weight": their sum by the sum of the weights; "none" or None: all of them.
    dtype
        The dtype to compute in. By default it is that of the outputs; Keras has float32 there.

    Attributes
    ----------
    fused_activation
        Name of the last activation with which the loss is computed from the logits, exactly:
        "sigmoid", "softmax" or None.
    """

    fused_activation: str | None = None

    def __init__(
        self,
        name: str | None = None,
        reduction: str | None = "sum_over_batch_size",
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        if reduction not in REDUCTIONS:
            raise ValueError(
                f"unknown reduction {reduction!r}; known are {', '.join(map(str, REDUCTIONS))}"
            )
        self.name = name or snake_case(type(self).__name__)
        self.reduction = reduction
        self.dtype = None if dtype is None else np.dtype(dtype)

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the reduced loss of a batch.

        Parameters
        ----------
        y_true, y_pred
            Targets and outputs of a batch, as arrays or Values.
        sample_weight
            A weight for each example, of shape (n,), or for each loss, shaped like ``call``'s.
        """
        if self.dtype is not None:
            y_true, y_pred = [ops.astype(x, self.dtype) for x in as_arrays(y_true, y_pred)]
        with group(self.name):
            return self.reduce(self.call(y_true, y_pred), sample_weight)

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each example, from the targets and the outputs of a batch."""
        raise NotImplementedError(f"{type(self).__name__} is to define call(y_true, y_pred)")

    def on_logits(self, y_true: Any, logits: Any, sample_weight: Any = None) -> Any:
        """Return what a call would on ``fused_activation`` of the logits, without losing digits."""
        with group(self.name):
            return self.reduce(self.call_on_logits(y_true, logits), sample_weight)

    def call_on_logits(self, y_true: Any, logits: Any) -> Any:
        """Return the loss of each example from the logits, if there is a ``fused_activation``."""
        raise NotImplementedError(f"{self.name} is computed from the outputs, not from logits")

    def reduce(self, losses: Any, sample_weight: Any = None) -> Any:
        """Return the losses of the examples, weighted and reduced."""
        divisor = None
        if sample_weight is not None:
            sample_weight = self._weights(sample_weight, losses)
            losses = losses * sample_weight
            if self.reduction == "mean_with_sample_weight":
                total = ops.sum(sample_weight)
                divisor = ops.where(total == 0, 1.0, total)
        if self.reduction in (None, "none") or shape_of(losses) in ((), (0,)):
            return losses
        if self.reduction == "sum":
            return ops.sum(losses)
        return ops.mean(losses) if divisor is None else ops.sum(losses) / divisor

    def _weights(self, weights: Any, losses: Any) -> Any:
        """Return weights in the dtype of the losses, with as many dimensions."""
        (weights,) = as_arrays(weights)
        shape, wanted = shape_of(weights), shape_of(losses)
        short = without_trailing_ones(shape)
        if short != wanted[: len(short)]:
            raise ValueError(
                f"{self.name} got sample_weight of shape {shape} for losses of shape {wanted}; "
                "give one weight for each example"
            )
        weights = ops.astype(weights, dtype_of(raw(losses)))
        full = short + (1,) * (len(wanted) - len(short))
        return weights if shape == full else ops.reshape(weights, full)

    def check(self, y_true: Any, output_shape: tuple[int | None, ...]) -> npt.NDArray[Any]:
        """Return all targets of a data set in the dtype and shape that ``call`` takes.

        Parameters
        ----------
        y_true
            Targets as the user has them.
        output_shape
            Shape of the model's outputs, with the number of examples in front: (None, 10).

        Raises
        ------
        ValueError
            For targets that are no numbers, or that do not fit the outputs.
        """
        targets = as_array(y_true)
        if targets.dtype.kind not in "biuf":
            raise ValueError(f"{self.name} got targets of {targets.dtype.name}; give numbers")
        wanted = tuple(output_shape[1:])
        targets = targets.astype(self.dtype or np.float32, copy=False)
        if _fits((*targets.shape[1:], 1), wanted):
            return targets[..., None]
        return targets[..., 0] if _fits(targets.shape[1:], (*wanted, 1)) else targets

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal loss, as plain data."""
        return {"name": self.name, "reduction": self.reduction}


class LossFunctionWrapper(Loss):
    """A loss made of a function ``(y_true, y_pred)`` that returns the loss of each example.

    Parameters
    ----------
    fn
        The function, on arrays and Values.
    reduction, name, dtype
        As in ``Loss``; the name is the function's by default.
    settings
        Further arguments of the function.
    """

    def __init__(
        self,
        fn: Callable[..., Any],
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: npt.DTypeLike | None = None,
        **settings: Any,
    ) -> None:
        super().__init__(name or getattr(fn, "__name__", "loss"), reduction, dtype)
        functools.update_wrapper(self, fn)  # its module is the function's: not ours
        self.fn = fn
        self.settings = settings

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the function's result."""
        return self.fn(*same_rank(y_true, y_pred), **self.settings)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal loss."""
        return {"fn": self.fn, **super().get_config(), **self.settings}


def _fits(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    """Return whether a shape is the wanted one, where None stands for any length."""
    return len(shape) == len(wanted) and all(
        [b in (None, a) for a, b in zip(shape, wanted, strict=True)]
    )


def same_rank(y_true: Any, y_pred: Any) -> list[Any]:
    """Return targets and outputs with as many dimensions, as Keras does: (n,) beside (n, 1)."""
    pair = as_arrays(y_true, y_pred)
    ranks = [len(shape_of(x)) for x in pair]
    for short, long in ((0, 1), (1, 0)):
        if ranks[long] == ranks[short] + 1 and shape_of(pair[long])[-1] == 1:
            if ranks[short] == 1:
                pair[short] = ops.reshape(pair[short], (*shape_of(pair[short]), 1))
            else:
                pair[long] = ops.reshape(pair[long], shape_of(pair[long])[:-1])
    return pair


def aligned(name: str, y_true: Any, y_pred: Any) -> tuple[Any, Any]:
    """Return targets and outputs of one shape, in the dtype of the outputs.

    Raises
    ------
    ValueError
        For other shapes. Keras broadcasts them, which makes n² losses of (n, 1, 1) beside (n,).
    """
    y_true, y_pred = same_rank(y_true, y_pred)
    if not isinstance(y_pred, Node) and y_pred.dtype.kind != "f":
        y_pred = ops.astype(y_pred, float)
    shapes = [shape_of(x) for x in (y_true, y_pred)]
    if shapes[0] != shapes[1] or not shapes[0]:
        raise ValueError(
            f"{name} got targets of shape {shapes[0]} and outputs of shape {shapes[1]}; "
            "give one target for each output, of a batch of examples"
        )
    dtype = dtype_of(raw(y_pred))
    return y_true if dtype_of(raw(y_true)) == dtype else ops.astype(y_true, dtype), y_pred
