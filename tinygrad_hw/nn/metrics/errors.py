"""Errors and other losses as metrics, and the coefficient of determination."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygrad_hw.nn.losses import functions
from tinygrad_hw.nn.metrics.metric import MeanMetricWrapper, Metric


class MeanSquaredError(MeanMetricWrapper):
    """Mean of (y_pred - y_true)²."""

    def __init__(
        self, name: str | None = "mean_squared_error", dtype: npt.DTypeLike | None = None
    ) -> None:
        super().__init__(functions.mean_squared_error, name, dtype)


class RootMeanSquaredError(MeanSquaredError):
    """Square root of the mean of (y_pred - y_true)²."""

    def __init__(
        self, name: str | None = "root_mean_squared_error", dtype: npt.DTypeLike | None = None
    ) -> None:
        super().__init__(name, dtype)

    def result(self) -> float:
        """Return the root of the mean; 0 of no examples."""
        return math.sqrt(super().result())


class MeanAbsoluteError(MeanMetricWrapper):
    """Mean of abs(y_pred - y_true)."""

    def __init__(
        self, name: str | None = "mean_absolute_error", dtype: npt.DTypeLike | None = None
    ) -> None:
        super().__init__(functions.mean_absolute_error, name, dtype)


class MeanAbsolutePercentageError(MeanMetricWrapper):
    """Mean of 100 · abs(y_pred - y_true) / abs(y_true)."""

    def __init__(
        self,
        name: str | None = "mean_absolute_percentage_error",
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__(functions.mean_absolute_percentage_error, name, dtype)


class MeanSquaredLogarithmicError(MeanMetricWrapper):
    """Mean of (log(1 + y_pred) - log(1 + y_true))²."""

    def __init__(
        self,
        name: str | None = "mean_squared_logarithmic_error",
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        super().__init__(functions.mean_squared_logarithmic_error, name, dtype)


class R2Score(Metric):
    """Coefficient of determination: 1 - Σ (y_pred - y_true)² / Σ (y_true - mean)².

    Parameters
    ----------
    class_aggregation
        Of several outputs: "uniform_average" for the mean, "variance_weighted_average" for the mean
        by their variances, None for each.
    num_regressors
        Number of inputs for the adjusted score; 0 for the plain one.
    """

    def __init__(
        self,
        class_aggregation: str | None = "uniform_average",
        num_regressors: int = 0,
        name: str | None = "r2_score",
        dtype: npt.DTypeLike | None = None,
    ) -> None:
        known = ("uniform_average", "variance_weighted_average", None)
        if class_aggregation not in known or num_regressors < 0:
            raise ValueError(
                f"R2Score got class_aggregation={class_aggregation!r}, "
                f"num_regressors={num_regressors}; give one of {', '.join(map(str, known))}, and "
                "0 regressors or more"
            )
        super().__init__(dtype, name)
        self.class_aggregation = class_aggregation
        self.num_regressors = num_regressors
        self.reset_state()

    _sums: Any
    _size: int

    def update_state(self, y_true: Any, y_pred: Any, sample_weight: Any = None) -> None:
        """Add a batch of targets and outputs of shape (n, outputs), or (n,)."""
        y_true, y_pred, weights = self.arrays(y_true, y_pred, sample_weight)
        if y_true.ndim == 1:
            y_true, y_pred, weights = y_true[:, None], y_pred[:, None], weights[:, None]
        if y_true.ndim != 2:
            raise ValueError(f"{self.name} is of shapes (n, outputs), got {y_true.shape}")
        y_true, y_pred = y_true.astype(np.float64), y_pred.astype(np.float64)
        parts = [weights, y_true * weights, y_true**2 * weights, (y_true - y_pred) ** 2 * weights]
        sums = np.stack([part.sum(axis=0) for part in parts])
        self._sums = sums if self._sums is None else self._sums + sums
        self._size += y_true.size

    def result(self) -> Any:
        """Return the score; an array of scores for ``class_aggregation=None``."""
        if self._sums is None:
            raise ValueError(f"{self.name} got no examples: there is no score of none")
        count, total, squares, residual = self._sums
        spread = squares - total**2 / count
        with np.errstate(divide="ignore", invalid="ignore"):
            scores = 1 - residual / spread
        scores = np.where(np.isinf(scores), 0.0, scores)
        if self.class_aggregation == "uniform_average":
            scores = scores.mean()
        elif self.class_aggregation == "variance_weighted_average":
            scores = (spread * scores).sum() / spread.sum()
        free = self._size - self.num_regressors - 1
        if self.num_regressors and free > 0:
            scores = 1 - (1 - scores) * (self._size - 1) / free
        return scores if self.class_aggregation is None else float(scores)

    def reset_state(self) -> None:
        """Forget all batches."""
        self._sums = None
        self._size = 0


class CosineSimilarity(MeanMetricWrapper):
    """Mean of the cosine of the angle between y_true and y_pred: 1 for one direction."""

    def __init__(
        self,
        name: str | None = "cosine_similarity",
        dtype: npt.DTypeLike | None = None,
        axis: int = -1,
    ) -> None:
        super().__init__(_cosine, name, dtype, axis=axis)
        self.axis = axis


def _cosine(y_true: Any, y_pred: Any, axis: int) -> Any:
    return -functions.cosine_similarity(y_true, y_pred, axis)
