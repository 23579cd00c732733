"""Accuracies: the share of examples, or of labels, that are predicted rightly."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygrad_hw.engine.core.data import shape_of
from tinygrad_hw.nn.metrics.metric import MeanMetricWrapper, pair


def accuracy(y_true: Any, y_pred: Any) -> Any:
    """Return whether outputs are equal to targets, each by itself."""
    y_true, y_pred = _alike("accuracy", y_true, y_pred)
    return y_true == y_pred


def binary_accuracy(y_true: Any, y_pred: Any, threshold: float = 0.5) -> Any:
    """Return whether probabilities are above the threshold just where targets are 1."""
    y_true, y_pred = _alike("binary_accuracy", y_true, y_pred)
    return (y_pred > threshold) == y_true


def categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """Return whether the largest output of each example is that of its class, one-hot."""
    y_true, y_pred = _alike("categorical_accuracy", y_true, y_pred)
    return np.argmax(y_true, axis=-1) == np.argmax(y_pred, axis=-1)


def sparse_categorical_accuracy(y_true: Any, y_pred: Any) -> Any:
    """Return whether the largest output of each example is that of its class, a number."""
    labels, y_pred = _labels("sparse_categorical_accuracy", y_true, y_pred)
    return labels == np.argmax(y_pred, axis=-1)


def top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """Return whether the output of the class, one-hot, is among the k largest."""
    y_true, y_pred = _alike("top_k_categorical_accuracy", y_true, y_pred)
    return _in_top_k(np.argmax(y_true, axis=-1), y_pred, k)


def sparse_top_k_categorical_accuracy(y_true: Any, y_pred: Any, k: int = 5) -> Any:
    """Return whether the output of the class, a number, is among the k largest."""
    labels, y_pred = _labels("sparse_top_k_categorical_accuracy", y_true, y_pred)
    return _in_top_k(labels, y_pred, k)


def _in_top_k(labels: Any, y_pred: Any, k: int) -> Any:
    """Return whether fewer than k outputs are larger than that of the class."""
    is_class = labels[..., None] == np.arange(shape_of(y_pred)[-1])
    own = np.sum(np.where(is_class, y_pred, 0), axis=-1)
    return np.sum(y_pred > own[..., None], axis=-1) < k


def _alike(name: str, y_true: Any, y_pred: Any) -> list[Any]:
    both = pair(y_true, y_pred)
    shapes = [shape_of(x) for x in both]
    if shapes[0] != shapes[1]:
        raise ValueError(
            f"{name} got targets of shape {shapes[0]} and outputs of shape {shapes[1]}; give one "
            "target for each output"
        )
    return both


def _labels(name: str, y_true: Any, y_pred: Any) -> list[Any]:
    labels, y_pred = pair(y_true, y_pred)
    shape, wanted = shape_of(labels), shape_of(y_pred)
    if len(shape) == len(wanted) and shape[-1:] == (1,):
        labels, shape = labels[..., 0], shape[:-1]
    if shape != wanted[:-1]:
        raise ValueError(
            f"{name} got targets of shape {shape} and outputs of shape {wanted}; give one class "
            "number for each example"
        )
    return [labels, y_pred]


class _OfClasses(MeanMetricWrapper):
    """Base class of the accuracies that compare outputs of one example: logits tell as much."""

    fused_activations = ("softmax",)

    def sums_on_logits(self, y_true: Any, logits: Any) -> Any:
        """Return whether each example is predicted rightly, from the logits of a softmax."""
        return self.sums(y_true, logits)


class Accuracy(MeanMetricWrapper):
    """Share of outputs that are equal to their targets."""

    def __init__(self, name: str | None = "accuracy", dtype: npt.DTypeLike | None = None) -> None:
        super().__init__(accuracy, name, dtype)


class BinaryAccuracy(MeanMetricWrapper):
    """Share of labels whose probability is above the threshold just where they are 1."""

    fused_activations = ("sigmoid",)

    def __init__(
        self,
        name: str | None = "binary_accuracy",
        dtype: npt.DTypeLike | None = None,
        threshold: float = 0.5,
    ) -> None:
        if not 0 < threshold < 1:
            raise ValueError(f"a threshold of probabilities is between 0 and 1, got {threshold}")
        super().__init__(binary_accuracy, name, dtype, threshold=threshold)
        self.threshold = threshold

    def sums_on_logits(self, y_true: Any, logits: Any) -> Any:
        """Return the share of each example's labels, from the logits of a sigmoid."""
        cut = math.log(self.threshold / (1 - self.threshold))
        return self._of_examples(binary_accuracy(y_true, logits, cut), logits)


class CategoricalAccuracy(_OfClasses):
    """Share of examples whose largest output is that of their class, one-hot."""

    def __init__(
        self, name: str | None = "categorical_accuracy", dtype: npt.DTypeLike | None = None
    ) -> None:
        super().__init__(categorical_accuracy, name, dtype)


class SparseCategoricalAccuracy(_OfClasses):
    """Share of examples whose largest output is that of their class, a number."""

    def __init__(
        self, name: str | None = "sparse_categorical_accuracy", dtype: npt.DTypeLike | None = None
    ) -> None:
        super().__init__(sparse_categorical_accuracy, name, dtype)


class TopKCategoricalAccuracy(_OfClasses):
    """Share of examples whose class, one-hot, has one of the k largest outputs."""

    def __init__(
        self,
        k: int = 5,
        name: str | None = "top_k_categorical_accuracy",
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__(top_k_categorical_accuracy, name, dtype, k=k)
        self.k = k


class SparseTopKCategoricalAccuracy(_OfClasses):
    """Share of examples whose class, a number, has one of the k largest outputs."""

    def __init__(
        self,
        k: int = 5,
        name: str | None = "sparse_top_k_categorical_accuracy",
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__(sparse_top_k_categorical_accuracy, name, dtype, k=k)
        self.k = k
