"""Losses as classes: each is a function of ``functions`` with its settings and a reduction."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from tinygrad_hw.engine import group, ops
from tinygrad_hw.engine.core.data import as_array
from tinygrad_hw.engine.numpy_api.shaping import as_arrays
from tinygrad_hw.nn.losses import functions, on_logits
from tinygrad_hw.nn.losses.loss import MEANS, Loss


class NamedLoss(Loss):
    """Base class of the losses below, each of one of the functions.

    Parameters
    ----------
    reduction, name, dtype
        As in ``Loss``.
    """

    function: ClassVar[Callable[..., Any]]
    settings: ClassVar[tuple[str, ...]] = ()  # the function's further arguments, by name

    def __init__(
        self,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__(name, reduction, dtype)

    def _given(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.settings}

    def call(self, y_true: Any, y_pred: Any) -> Any:
        """Return the loss of each example."""
        return self.function(y_true, y_pred, **self._given())

    def check(self, y_true: Any, output_shape: tuple[int | None, ...]) -> npt.NDArray[Any]:
        """Return the targets as floats, shaped like the outputs; refuse those that do not fit."""
        targets = super().check(y_true, output_shape)
        given, wanted = targets.shape, tuple(output_shape)
        if len(given) != len(wanted) or any(
            [b not in (None, a) for a, b in zip(given[1:], wanted[1:], strict=True)]
        ):
            raise ValueError(
                f"{self.name} got targets of shape {np.shape(y_true)} for outputs of shape "
                f"{wanted}; give one target for each output"
            )
        return targets

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal loss, as plain data."""
        return super().get_config() | self._given()


class MeanSquaredError(NamedLoss):
    """Mean of (y_pred - y_true)²."""

    function = staticmethod(functions.mean_squared_error)


class MeanAbsoluteError(NamedLoss):
    """Mean of abs(y_pred - y_true)."""

    function = staticmethod(functions.mean_absolute_error)


class MeanAbsolutePercentageError(NamedLoss):
    """Mean of 100 · abs(y_pred - y_true) / abs(y_true)."""

    function = staticmethod(functions.mean_absolute_percentage_error)


class MeanSquaredLogarithmicError(NamedLoss):
    """Mean of (log(1 + y_pred) - log(1 + y_true))², of numbers from 0."""

    function = staticmethod(functions.mean_squared_logarithmic_error)


class LogCosh(NamedLoss):
    """Mean of log(cosh(y_pred - y_true)): e² / 2 of small errors, abs(e) - log 2 of large ones."""

    function = staticmethod(functions.log_cosh)


class Huber(NamedLoss):
    """Mean of e² / 2 of errors up to delta, and of delta · (abs(e) - delta / 2) beyond."""

    function = staticmethod(functions.huber)
    settings = ("delta",)

    def __init__(
        self,
        delta: float = 1.0,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = "huber_loss",
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__(reduction, name, dtype)
        self.delta = delta


class CosineSimilarity(NamedLoss):
    """-cos of the angle between y_true and y_pred: -1 for one direction, 1 for opposite ones."""

    function = staticmethod(functions.cosine_similarity)
    settings = ("axis",)

    def __init__(
        self,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__(reduction, name, dtype)
        self.axis = axis


class KLDivergence(NamedLoss):
    """Sum of y_true · log(y_true / y_pred), of probabilities."""

    function = staticmethod(functions.kl_divergence)


class Poisson(NamedLoss):
    """Mean of y_pred - y_true · log(y_pred), of expected counts y_pred."""

    function = staticmethod(functions.poisson)


class Hinge(NamedLoss):
    """Mean of max(1 - y_true · y_pred, 0), of targets -1 and 1, or 0 and 1."""

    function = staticmethod(functions.hinge)


class SquaredHinge(NamedLoss):
    """Mean of max(1 - y_true · y_pred, 0)², of targets -1 and 1, or 0 and 1."""

    function = staticmethod(functions.squared_hinge)


class CategoricalHinge(NamedLoss):
    """max(1 + the largest output of the other classes - that of the class, 0)."""

    function = staticmethod(functions.categorical_hinge)


class Crossentropy(NamedLoss):
    """Base class of the cross-entropies, which are computed from logits where they can be."""

    from_logits: bool
    ending: ClassVar[str]  # the last activation that gives probabilities

    @property
    def fused_activation(self) -> str | None:  # type: ignore[override]
        """Return the last activation that goes with the loss on logits; None if it gets logits."""
        return None if self.from_logits else self.ending

    def call_on_logits(self, y_true: Any, logits: Any) -> Any:
        """Return the loss of each example from the logits."""
        return self.function(y_true, logits, **self._given() | {"from_logits": True})


class _Smoothed(Crossentropy):
    """Cross-entropy whose targets are probabilities; arguments as in ``functions``."""

    settings = ("from_logits", "label_smoothing", "axis")

    def __init__(
        self,
        from_logits: bool = False,
        label_smoothing: float = 0.0,
        axis: int = -1,
        reduction: str | None = "sum_over_batch_size",
        name: str | None = None,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__(reduction, name, dtype)
        if not 0 <= label_smoothing <= 1:
            raise ValueError(f"label_smoothing should be from 0 to 1, got {label_smoothing}")
        self.from_logits = from_logits
        self.label_smoothing = label_smoothing
        self.axis = axis


class BinaryCrossentropy(_Smoothed):
    """Mean of -log p for targets of 1, -log(1 - p) for 0; arguments as in the function.

    After a last activation of "sigmoid" it is computed from the logits, where Keras clips the
    probabilities to 1e-7 and 1 - 1e-7: the two differ where a network is surer than that.
    """

    function = staticmethod(functions.binary_crossentropy)
    ending = "sigmoid"

    def on_logits(self, y_true: Any, logits: Any, sample_weight: Any = None) -> Any:
        """Return the reduced loss of a batch from the logits."""
        if sample_weight is None and self.reduction in MEANS and not self.label_smoothing:
            return on_logits.binary_crossentropy(logits, y_true)  # one mean in place of two
        return super().on_logits(y_true, logits, sample_weight)

    def check(self, y_true: Any, output_shape: tuple[int | None, ...]) -> npt.NDArray[Any]:
        """Return the targets, from 0 to 1, shaped like the outputs."""
        targets = super().check(y_true, output_shape)
        if not np.all((targets >= 0) & (targets <= 1)):
            raise ValueError(
                f"binary_crossentropy got labels {targets.min():g} to {targets.max():g}; "
                "number the two classes 0 and 1, as Dataset.only() does"
            )
        return targets


class CategoricalCrossentropy(_Smoothed):
    """Sum of -y_true · log p over the classes; arguments as in the function.

    After a last activation of "softmax" it is computed from the logits, where Keras clips the
    probabilities to 1e-7 and 1 - 1e-7: the two differ where a network is surer than that.
    """

    function = staticmethod(functions.categorical_crossentropy)
    ending = "softmax"

    def check(self, y_true: Any, output_shape: tuple[int | None, ...]) -> npt.NDArray[Any]:
        """Return the targets as rows of probabilities; say what to do with numbers of classes."""
        shape = np.shape(y_true)
        if len(shape) < len(output_shape) or shape[1:] == (1,) != output_shape[1:]:
            raise ValueError(
                f"{self.name} got targets of shape {shape} for outputs of shape "
                f"{tuple(output_shape)}; give a row of zeros and a one for each example, as "
                "np.eye(classes)[y] does, or take sparse_categorical_crossentropy"
            )
        return super().check(y_true, output_shape)


class SparseCategoricalCrossentropy(Crossentropy):
    """-log p of the class of each example; arguments as in the function.

    After a last activation of "softmax" it is computed from the logits, where Keras clips the
    probabilities to 1e-7 and 1 - 1e-7: the two differ where a network is surer than that.
    """

    function = staticmethod(functions.sparse_categorical_crossentropy)
    settings = ("from_logits", "ignore_class")
    ending = "softmax"

    def __init__(
        self,
        from_logits: bool = False,
        ignore_class: int | None = None,
        reduction: str | None = "sum_over_batch_size",
        axis: int = -1,
        name: str | None = None,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__(reduction, name, dtype)
        functions.refuse_other_axes(ignore_class, axis)
        self.from_logits = from_logits
        self.ignore_class = ignore_class

    def __call__(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> Any:
        """Return the reduced loss of a batch; the targets stay whole numbers."""
        if self.dtype is not None:
            [y_pred] = as_arrays(y_pred)
            y_pred = ops.astype(y_pred, self.dtype)
        with group(self.name):
            return self.reduce(self.call(y_true, y_pred), sample_weight)

    def check(self, y_true: Any, output_shape: tuple[int | None, ...]) -> npt.NDArray[Any]:
        """Return the numbers of the classes as integers, of shape (n,) for outputs (n, classes)."""
        labels = as_array(y_true)
        shape, wanted = labels.shape, tuple(output_shape)
        if shape[1:] == (*wanted[1:-1], 1) and len(wanted) > 1:
            labels = labels[..., 0]
        if len(labels.shape) != len(wanted) - 1 or wanted[-1] is None:
            raise ValueError(
                f"{self.name} got targets of shape {shape} for outputs of shape {wanted}; give one "
                "class number for each example, or take categorical_crossentropy for rows of a one "
                "and zeros"
            )
        if labels.dtype.kind not in "biuf" or np.any(labels % 1):
            raise ValueError(
                f"{self.name} got labels of {labels.dtype.name}; give one whole number for each "
                "example: a class's number, not a row of zeros and a one"
            )
        labels, classes = labels.astype(np.intp), wanted[-1]
        if labels.size and not 0 <= labels.min() <= labels.max() < classes:
            raise ValueError(
                f"{self.name} got labels {labels.min()} to {labels.max()} for {classes} classes; "
                f"number the classes 0 to {classes - 1}"
            )
        return labels
