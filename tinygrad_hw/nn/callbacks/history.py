"""History: every epoch's metrics."""

from __future__ import annotations

from typing import Any

from tinygrad_hw.nn.callbacks.callback import Callback, Logs


class History(Callback):
    """Record of every epoch's metrics: ``history["val_loss"]`` has a number for each epoch.

    ``fit`` returns it; it is also ``model.history``.

    Attributes
    ----------
    history
        A list of numbers for each metric, by name.
    epoch
        The numbers of the epochs of the last run, counted from 0.
    params
        The dict of "verbose", "epochs" and "steps".
    """

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {}
        self.epoch: list[int] = []

    def set_model(self, model: Any) -> None:
        """Set ``model``, and become its ``history``."""
        super().set_model(model)
        model.history = self

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Begin the list of epochs anew; metrics of an earlier run stay."""
        self.epoch = []

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Append the epoch's metrics to ``history``."""
        self.epoch.append(epoch)
        for name, value in (logs or {}).items():
            self.history.setdefault(name, []).append(value)
