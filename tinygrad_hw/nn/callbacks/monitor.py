"""What callbacks that watch one metric have in common: which way is better, and by how much."""

from __future__ import annotations

import math
from typing import Any

from tinygrad_hw.nn.callbacks.callback import Callback, Logs

# How the names of metrics' classes end.
_RISING = ("Accuracy", "AUC", "CosineSimilarity", "Precision", "Recall", "Score")
_FALLING = ("Crossentropy", "Divergence", "Error", "Hinge", "Poisson")


class MonitorCallback(Callback):
    """Base class of callbacks that watch one metric, at the end of each epoch.

    Parameters
    ----------
    monitor
        Name of the metric, as in ``History.history``.
    mode
        "min" if the metric should fall, "max" if it should rise. "auto" tells from the model's
        metric of that name; a loss falls, and a name that ends in "accuracy" rises.
    best
        The value to improve on at first; by default any number improves.
    min_delta
        Smallest change that counts as an improvement; its sign does not matter.

    Raises
    ------
    ValueError
        For another mode, which Keras takes for "auto".
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        mode: str = "auto",
        best: float | None = None,
        min_delta: float = 0,
    ) -> None:
        if mode not in ("auto", "min", "max"):
            raise ValueError(f'mode should be "auto", "min" or "max", got {mode!r}')
        self.monitor = monitor
        self.mode = mode
        self.best = best
        self.min_delta = abs(min_delta)

    def monitored(self, epoch: int, logs: Logs | None) -> float | None:
        """Return the metric; None for an epoch whose validation ``validation_freq`` leaves out.

        Raises
        ------
        ValueError
            If the metric is not there. (Keras warns, and the callback does nothing.)
        """
        logs = logs or {}
        if self.monitor in logs:
            return logs[self.monitor]
        if self.monitor.startswith("val_") and not self._validates(epoch):
            return None
        raise ValueError(
            f"{type(self).__name__} monitors {self.monitor!r}, but an epoch has only "
            f"{', '.join(logs)}; give fit() a validation_split or monitor one of these"
        )

    def _validates(self, epoch: int) -> bool:
        """Return whether there is a validation after this epoch, as ``validation_freq`` says."""
        frequency = (self.params or {}).get("validation_freq", 1)
        if isinstance(frequency, int):
            return (epoch + 1) % frequency == 0
        return epoch + 1 in frequency

    def improves(self, value: float, reference: float | None) -> bool:
        """Return whether a value is better than another by ``min_delta``; nan never is.

        In Keras 3.15 a nan in the first epoch is the best for ever; here it is skipped.
        """
        if reference is None:
            return not math.isnan(value)
        if self._rises():
            return value - self.min_delta > reference
        return value + self.min_delta < reference

    def _rises(self) -> bool:
        """Return whether larger is better.

        Raises
        ------
        ValueError
            If ``mode`` is "auto" and nobody says so.
        """
        if self.mode != "auto":
            return self.mode == "max"
        name = self.monitor.removeprefix("val_")
        if name == "loss":
            return False
        for metric in getattr(self.model, "metrics", ()):
            if getattr(metric, "name", "") == name and (direction := _direction_of(metric)):
                return direction == "up"
        if name == "acc" or name.endswith("accuracy"):
            return True
        raise ValueError(
            f"{type(self).__name__} cannot tell whether {self.monitor!r} should rise or fall; "
            'give mode="max" or mode="min"'
        )


def _direction_of(metric: Any) -> str | None:
    """Return "up" or "down", where a metric improves; None for one of which nobody knows."""
    own = getattr(metric, "_direction", None)
    if own is not None:
        return str(own)
    for kind in type(metric).__mro__:
        if kind.__module__.startswith("tinygrad_hw.nn.metrics"):
            if kind.__name__.endswith(_RISING):
                return "up"
            if kind.__name__.endswith(_FALLING):
                return "down"
    return None
