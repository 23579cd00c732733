"""Metrics made of counts of right and wrong positives: precision, recall, AUC, F scores."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygrad_hw.nn.metrics.metric import Array, Metric

EPSILON = 1e-7


class _AtThresholds(Metric):
    """Base class of metrics that count, for each threshold, the labels above it."""

    thresholds: Array  # ascending

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch: labels 0 and 1, their probabilities, and weights of the examples."""
        y_true, y_pred, weights = self.arrays(y_true, y_pred, sample_weight)
        self._count(y_true, y_pred, weights)

    def _count(self, y_true: Array, y_pred: Array, weights: Array) -> None:
        # A probability is above as many thresholds as are smaller; counted from the largest down.
        above = np.searchsorted(self.thresholds.astype(y_pred.dtype), y_pred.ravel(), side="left")
        is_true, size = y_true.ravel() != 0, len(self.thresholds) + 1
        for is_one, positives, negatives in (
            (is_true, "true_positives", "false_negatives"),
            (np.logical_not(is_true), "false_positives", "true_negatives"),
        ):
            counts = np.bincount(above[is_one], weights.ravel()[is_one], size)
            at = np.cumsum(counts[::-1])[::-1][1:]
            setattr(self, positives, getattr(self, positives) + at)
            setattr(self, negatives, getattr(self, negatives) + counts.sum() - at)

    def reset_state(self) -> None:
        """Forget all batches."""
        for name in ("true_positives", "false_positives", "true_negatives", "false_negatives"):
            setattr(self, name, np.zeros(len(self.thresholds)))

    true_positives: Array
    false_positives: Array
    true_negatives: Array
    false_negatives: Array


class _OfPositives(_AtThresholds):
    """Base class of precision and recall.

    Parameters
    ----------
    thresholds
        Probabilities above it are predicted to be 1; 0.5 by default. A list gives an array.
    top_k
        The k largest outputs of each example are predicted to be 1, whatever they are.
    class_id
        The column to look at; all by default.
    """

    def __init__(
        self,
        thresholds: float | Sequence[float] | None = None,
        top_k: int | None = None,
        class_id: int | None = None,
        name: str | None = None,
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__(dtype, name)
        given = [] if thresholds is None else np.ravel(thresholds).tolist()
        if not all([0 <= number <= 1 for number in given]):
            raise ValueError(f"thresholds of probabilities are from 0 to 1, got {thresholds}")
        if top_k is not None and top_k < 1:
            raise ValueError(f"{self.name} got top_k={top_k}; give 1 or more")
        self._init_thresholds, self.top_k, self.class_id = thresholds, top_k, class_id
        given = given or [0.5 if top_k is None else -np.inf]
        self._order = np.argsort(given)
        self.thresholds = np.sort(given)
        self.reset_state()

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch: labels 0 and 1, their probabilities, and weights of the examples."""
        y_true, y_pred, weights = self.arrays(y_true, y_pred, sample_weight)
        if self.top_k is not None:
            others = np.argsort(-y_pred, axis=-1, kind="stable")[..., self.top_k :]
            y_pred = y_pred.copy()
            np.put_along_axis(y_pred, others, -np.inf, axis=-1)
        if self.class_id is not None:
            if y_pred.ndim < 2 or not 0 <= self.class_id < y_pred.shape[-1]:
                raise ValueError(
                    f"{self.name} got class_id={self.class_id} and outputs of shape {y_pred.shape}"
                )
            y_true, y_pred, weights = [x[..., self.class_id] for x in (y_true, y_pred, weights)]
        self._count(y_true, y_pred, weights)

    def _share(self, others: Array) -> Any:
        whole = self.true_positives + others
        shares = np.divide(self.true_positives, whole, out=np.zeros_like(whole), where=whole > 0)
        if len(shares) == 1:
            return float(shares[0])
        in_order = np.empty_like(shares)
        in_order[self._order] = shares
        return in_order

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal metric."""
        return super().get_config() | {"thresholds": self._init_thresholds}


class Precision(_OfPositives):
    """Share of those predicted to be 1 that are 1; arguments: thresholds, top_k, class_id."""

    def result(self) -> Any:
        """Return the share; 0 where nothing was predicted to be 1."""
        return self._share(self.false_positives)


class Recall(_OfPositives):
    """Share of those that are 1 that are found; arguments: thresholds, top_k, class_id."""

    def result(self) -> Any:
        """Return the share; 0 where nothing is 1."""
        return self._share(self.false_negatives)


class AUC(_AtThresholds):
    """Area under a curve of two shares, of which each threshold makes a point.

    Parameters
    ----------
    num_thresholds
        Number of points, evenly spaced from 0 to 1.
    curve
        "ROC": recall by the share of false positives; "PR": precision by recall.
    summation_method
        "interpolation", "minoring" or "majoring": between two points the mean (for PR the
        interpolation of Davis and Goadrich, 2006), the smaller or the larger.
    thresholds
        Thresholds between 0 and 1, in place of ``num_thresholds``.
    multi_label, num_labels, label_weights
        Not supported but for the defaults.
    from_logits
        Whether outputs are logits.
    """

    def __init__(
        self,
        num_thresholds: int = 200,
        curve: str = "ROC",
        summation_method: str = "interpolation",
        name: str | None = None,
        dtype: npt.DTypeLike | None = None,
        thresholds: Sequence[float] | None = None,
        multi_label: bool = False,
        num_labels: int | None = None,
        label_weights: Any = None,
        from_logits: bool = False,
    ) -> None:
        super().__init__(dtype, name)
        if multi_label or num_labels or label_weights is not None:
            raise ValueError(
                f"AUC got multi_label={multi_label}, num_labels={num_labels}, label_weights="
                f"{label_weights}, which are not supported; make one AUC for each column"
            )
        if curve not in ("ROC", "PR"):
            raise ValueError(f"AUC got curve={curve!r}; give 'ROC' or 'PR'")
        if summation_method not in ("interpolation", "minoring", "majoring"):
            raise ValueError(
                f"AUC got summation_method={summation_method!r}; give 'interpolation', 'minoring' "
                "or 'majoring'"
            )
        if thresholds is None and num_thresholds < 2:
            raise ValueError(f"AUC got num_thresholds={num_thresholds}; give 2 or more")
        inner = np.arange(1, num_thresholds - 1) / (num_thresholds - 1)
        if thresholds is not None:
            inner = np.sort(thresholds)
            num_thresholds = len(inner) + 2
        self.num_thresholds, self.curve, self.summation_method = (
            num_thresholds,
            curve,
            summation_method,
        )
        self.from_logits = from_logits
        self._given = thresholds
        self.thresholds = np.concatenate([[-EPSILON], inner, [1 + EPSILON]])
        self.reset_state()

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch: labels 0 and 1, their probabilities, and weights of the examples."""
        y_true, y_pred, weights = self.arrays(y_true, y_pred, sample_weight)
        self._count(y_true, (1 + np.tanh(y_pred / 2)) / 2 if self.from_logits else y_pred, weights)

    def result(self) -> float:
        """Return the area; 0 where there is no example of one of the classes."""
        hits, false = self.true_positives, self.false_positives
        recall = _ratio(hits, hits + self.false_negatives)
        if self.curve == "ROC":
            x, y = _ratio(false, false + self.true_negatives), recall
        elif self.summation_method == "interpolation":
            return self._interpolated_pr()
        else:
            x, y = recall, _ratio(hits, hits + false)
        height = {"interpolation": np.add, "minoring": np.minimum, "majoring": np.maximum}
        heights = height[self.summation_method](y[:-1], y[1:])
        if self.summation_method == "interpolation":
            heights = heights / 2
        return float(np.sum((x[:-1] - x[1:]) * heights))

    def _interpolated_pr(self) -> float:
        """Return the area if true positives grow evenly with all positives between two points."""
        hits, positives = self.true_positives, self.true_positives + self.false_positives
        rise = hits[:-1] - hits[1:]
        slope = _ratio(rise, np.maximum(positives[:-1] - positives[1:], 0))
        start = hits[1:] - slope * positives[1:]
        both = (positives[:-1] > 0) & (positives[1:] > 0)
        ratio = np.where(both, _ratio(positives[:-1], positives[1:]), 1.0)
        areas = slope * (rise + start * np.log(ratio))
        return float(np.sum(_ratio(areas, hits[1:] + self.false_negatives[1:])))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments that make an equal metric."""
        return super().get_config() | {"thresholds": self._given}


def _ratio(part: Array, whole: Array) -> Array:
    ratio: Array = np.divide(part, whole, out=np.zeros_like(whole, float), where=whole > 0)
    return ratio


class FBetaScore(Metric):
    """Weighted harmonic mean of precision and recall of each class: (1 + β²)·p·r / (β²·p + r).

    Parameters
    ----------
    average
        Of several classes: "macro" for the mean, "weighted" for the mean by their numbers of
        examples, "micro" for all labels together, None for each.
    beta
        How much more recall counts than precision.
    threshold
        Outputs above it are predicted to be 1; None predicts the class of the largest output.
    """

    def __init__(
        self,
        average: str | None = None,
        beta: float = 1.0,
        threshold: float | None = None,
        name: str | None = "fbeta_score",
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        if average not in (None, "micro", "macro", "weighted") or beta <= 0:
            raise ValueError(
                f"FBetaScore got average={average!r}, beta={beta}; give 'micro', 'macro', "
                "'weighted' or None, and a beta above 0"
            )
        if threshold is not None and not 0 < threshold <= 1:
            raise ValueError(f"a threshold of probabilities is above 0, up to 1; got {threshold}")
        super().__init__(dtype, name)
        self.average, self.beta, self.threshold = average, beta, threshold
        self.reset_state()

    _sums: Any

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of one-hot targets and of outputs, of shape (n, classes)."""
        y_true, y_pred, weights = self.arrays(y_true, y_pred, sample_weight)
        if y_true.ndim != 2:
            raise ValueError(f"{self.name} is of shapes (n, classes), got {y_true.shape}")
        if self.threshold is None:
            largest = y_pred.max(axis=-1, keepdims=True)
            chosen = (y_pred >= largest) & (np.abs(y_pred) > 1e-9)
        else:
            chosen = y_pred > self.threshold
        axis = None if self.average == "micro" else 0
        parts = (chosen * y_true, chosen * (1 - y_true), np.logical_not(chosen) * y_true, y_true)
        sums = np.stack([np.sum(part * weights, axis=axis, dtype=np.float64) for part in parts])
        self._sums = sums if self._sums is None else self._sums + sums

    def result(self) -> Any:
        """Return the score; an array of scores for ``average=None``."""
        if self._sums is None:
            raise ValueError(f"{self.name} got no examples: there is no score of none")
        hits, false, missed, support = self._sums
        precision, recall = hits / (hits + false + EPSILON), hits / (hits + missed + EPSILON)
        squared = self.beta**2
        scores = (1 + squared) * precision * recall / (squared * precision + recall + EPSILON)
        if self.average is None:
            return scores
        if self.average == "weighted":
            return float(np.sum(scores * support) / (support.sum() + EPSILON))
        return float(np.mean(scores))

    def reset_state(self) -> None:
        """Forget all batches."""
        self._sums = None


class F1Score(FBetaScore):
    """Harmonic mean of precision and recall; arguments as those of ``FBetaScore``."""

    def __init__(
        self,
        average: str | None = None,
        threshold: float | None = None,
        name: str | None = "f1_score",
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__(average, 1.0, threshold, name, dtype)
