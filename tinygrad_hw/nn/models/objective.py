"""What a model is compiled with: its loss and metrics, as a training step computes them."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from tinygrad_hw.engine.core.node import raw
from tinygrad_hw.nn import activations, losses, metrics
from tinygrad_hw.nn.losses import Loss
from tinygrad_hw.nn.losses.loss import MEANS
from tinygrad_hw.nn.metrics import MeanMetricWrapper


class Objective:
    """The loss and the metrics of a model.

    Parameters
    ----------
    loss
        What ``losses.get`` takes; None if layers add all that is minimized.
    means, weighted
        What ``metrics.get`` takes, in lists; ``weighted`` are weighted as the loss is.
    last_activation
        Name of the model's last activation.
    output_shape
        Shape of the model's outputs, with None in front.

    Attributes
    ----------
    on_logits
        Whether the loss is computed from the logits, which is more exact.
    """

    def __init__(
        self,
        loss: Any,
        means: Sequence[Any],
        weighted: Sequence[Any],
        last_activation: str,
        output_shape: tuple[int | None, ...],
    ) -> None:
        self.loss: Loss | None = None if loss is None else losses.get(loss)
        self.output_shape = output_shape
        fused = self.loss.fused_activation if self.loss else None
        self.on_logits = fused is not None and fused == last_activation
        self.metrics: list[Any] = [
            metrics.get(x, self.loss, output_shape) for x in (*means, *weighted)
        ]
        self.is_weighted = [False] * len(means) + [True] * len(weighted)
        self.activation = activations.get(last_activation if self.on_logits else None)
        self._is_mean = [isinstance(metric, MeanMetricWrapper) for metric in self.metrics]
        self._takes_logits = [
            self.on_logits and last_activation in getattr(metric, "fused_activations", ())
            for metric in self.metrics
        ]
        self.needs_outputs = not all(self._is_mean)

    @property
    def is_of_any_batch(self) -> bool:
        """Return whether the loss of all examples does not depend on how they come in batches."""
        return getattr(self.loss, "reduction", "mean") in (None, *MEANS)

    @property
    def names(self) -> list[str]:
        """Return the names of what is reported: "loss", and the metrics."""
        return ["loss", *[metric.name for metric in self.metrics]]

    def check(self, y: Any) -> Any:
        """Return targets in the dtype and shape that the loss takes; refuse what does not fit."""
        if self.loss is None or y is None:
            return np.asarray(0.0 if y is None else y)
        return self.loss.check(y, self.output_shape)

    def loss_of(self, y: Any, z: Any, weights: Any = None) -> Any:
        """Return the mean loss of a batch, from its outputs or logits."""
        if self.loss is None:
            return 0.0
        return (self.loss.on_logits if self.on_logits else self.loss)(y, z, weights)

    def sums_of(self, y: Any, z: Any, weights: Any = None) -> list[Any]:
        """Return the sum of each metric over the examples of a batch, if it is a mean."""
        y, z = raw(y), raw(z)
        outputs = None
        sums = []
        for i, metric in enumerate(self.metrics):
            if not self._is_mean[i]:
                continue
            if self._takes_logits[i]:
                values = metric.sums_on_logits(y, z)
            else:
                outputs = raw(self.activation(z)) if outputs is None else outputs
                values = metric.sums(y, outputs)
            values = raw(values)
            if self.is_weighted[i] and weights is not None:
                sums.append(np.sum(values * weights.reshape(-1)))
            elif values.dtype == bool:
                sums.append(np.count_nonzero(values))
            else:
                sums.append(np.sum(values))
        return sums


class Means:
    """Means of the loss and of the metrics, over the batches added so far."""

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self._loss, self.examples, self._weights = 0.0, 0, 0.0
        self._totals = [0.0] * len(objective.metrics)
        for metric in objective.metrics:
            metric.reset_state()

    def add(
        self, results: Sequence[Any], examples: int, y: Any = None, weights: Any = None
    ) -> None:
        """Add the results of a step: the mean loss, the sums, and outputs where they are needed."""
        loss, *sums = results
        self._loss += float(loss) * examples
        self.examples += examples
        if weights is not None:
            self._weights += float(weights.sum())
        if not self._objective.needs_outputs:
            self._totals = [a + b for a, b in zip(self._totals, sums, strict=True)]
            return
        outputs, objective = sums.pop(), self._objective
        remaining = iter(sums)
        for i, is_mean in enumerate(objective._is_mean):
            if is_mean:
                self._totals[i] += next(remaining)
            else:
                weight = weights if objective.is_weighted[i] else None
                objective.metrics[i].update_state(y, outputs, weight)

    def logs(self) -> dict[str, float]:
        """Return the means by name, "loss" first."""
        objective, examples = self._objective, max(self.examples, 1)
        logs = {"loss": self._loss / examples}
        for i, shared in enumerate(objective.metrics):
            metric = shared
            if objective._is_mean[i]:
                count = (objective.is_weighted[i] and self._weights) or examples
                shared.total, shared.count = self._totals[i], count
                metric = copy.copy(shared)  # another thread may evaluate, too
                metric.total, metric.count = self._totals[i], count
            result = raw(metric.result())
            if np.ndim(result):
                raise ValueError(
                    f"{metric.name} has {np.size(result)} numbers, where a log has one: choose an "
                    "average, one class or one threshold"
                )
            logs[metric.name] = float(result)
        return logs
