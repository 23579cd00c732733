"""Accuracy in its kinds, and functions as metrics."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tinygrad_hw.nn.losses import BinaryCrossentropy, Loss, SparseCategoricalCrossentropy


class MeanMetric:
    """Mean over examples of a function of targets and outputs."""

    def __init__(self, name: str, function: Callable[[Any, Any], Any] | None = None) -> None:
        self.name, self.function = name, function

    def sums(self, y_true: Any, y_pred: Any) -> Any:
        """Return the number of each example that is averaged."""
        return self.function(y_true, y_pred) if self.function else None

    def reset_state(self) -> None:
        """Forget nothing: the model adds up."""


class BinaryAccuracy(MeanMetric):
    """Mean over labels of whether the output is above a half just where the label is 1."""

    def sums(self, y_true: Any, y_pred: Any) -> Any:
        """Return the fraction of right labels of each example."""
        return _over_labels((y_pred > 0.5) == (y_true > 0.5))

    def sums_on_logits(self, y_true: Any, logits: Any) -> Any:
        """Return the fraction of right labels of each example."""
        return _over_labels((logits > 0) == (y_true > 0.5))


def _over_labels(correct: Any) -> Any:
    rows = correct.reshape(correct.shape[0], -1)
    return rows[:, 0] if rows.shape[1] == 1 else np.mean(rows, axis=1)


class ClassAccuracy(MeanMetric):
    """Fraction of examples whose largest output is that of their class."""

    def __init__(self, name: str, one_hot: bool) -> None:
        super().__init__(name)
        self.one_hot = one_hot

    def sums(self, y_true: Any, y_pred: Any) -> Any:
        """Return whether the class of each example is right."""
        classes = np.argmax(y_true, axis=-1) if self.one_hot else y_true
        return np.argmax(y_pred, axis=-1) == classes

    def sums_on_logits(self, y_true: Any, logits: Any) -> Any:
        """Return whether the class of each example is right."""
        return self.sums(y_true, logits)


def get(identifier: Any, loss: Loss | None, output_shape: tuple[int | None, ...]) -> Any:
    """Return a metric for "accuracy", "acc", or a function of targets and outputs."""
    if hasattr(identifier, "update_state"):
        return identifier
    if callable(identifier):
        return MeanMetric(getattr(identifier, "__name__", "metric"), identifier)
    if identifier not in ("accuracy", "acc"):
        raise ValueError(f"unknown metric {identifier!r}; known is accuracy")
    if output_shape[-1] == 1 or isinstance(loss, BinaryCrossentropy):
        return BinaryAccuracy(identifier)
    return ClassAccuracy(identifier, not isinstance(loss, SparseCategoricalCrossentropy))
