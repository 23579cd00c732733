"""Callbacks that stop training: when a metric no longer improves, or the loss is no number."""

from __future__ import annotations

import math
from typing import Any

from tinygrad_hw.nn.callbacks.callback import Callback, Logs
from tinygrad_hw.nn.callbacks.monitor import MonitorCallback


class EarlyStopping(MonitorCallback):
    """Callback that stops training when a metric has not improved for ``patience`` epochs.

    As in Keras, but for three things: a nan never improves, also in the first epoch; a metric that
    is not there is an error; weights are restored after an exception and Ctrl-C, too.

    Parameters
    ----------
    monitor
        Name of the metric.
    min_delta
        Smallest change of the metric that counts as an improvement.
    patience
        Number of epochs without improvement after which training stops.
    verbose
        1 prints when training stopped, and which epoch's weights are restored; 0 prints nothing.
    mode
        "min" if the metric should fall, "max" if it should rise, "auto" if its name says so.
    baseline
        Value that has to be improved on within ``patience`` epochs, too.
    restore_best_weights
        Whether to restore the weights of the best epoch at the end of training: the best of all
        epochs from ``start_from_epoch``, also if it is worse than ``baseline``.
    start_from_epoch
        Number of epochs at first that do not count.

    Attributes
    ----------
    best, best_epoch
        The best value so far, and its epoch, counted from 0.
    wait
        Number of epochs since the last improvement.
    stopped_epoch
        The epoch, counted from 0, after which training was stopped; 0 if it was not.

    Raises
    ------
    ValueError
        For a negative patience, or another mode. In training: if ``monitor`` is not among the
        metrics, or "auto" does not tell whether it should rise.
    """

    saved_attributes = ("best", "best_epoch", "best_weights", "wait", "stopped_epoch")

    def __init__(
        self,
        monitor: str = "val_loss",
        min_delta: float = 0,
        patience: int = 0,
        verbose: int = 0,
        mode: str = "auto",
        baseline: float | None = None,
        restore_best_weights: bool = False,
        start_from_epoch: int = 0,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        if patience < 0:
            raise ValueError(f"patience should be 0 or more epochs, got {patience}")
        self.patience = patience
        self.verbose = verbose
        self.baseline = baseline
        self.restore_best_weights = restore_best_weights
        self.start_from_epoch = start_from_epoch
        self._reset()

    def _reset(self) -> None:
        self.best: float | None = None
        self.best_epoch = 0
        self.best_weights: list[Any] | None = None
        self.wait = 0
        self.stopped_epoch = 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forget an earlier run."""
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Save the weights of the best epoch; stop training when ``patience`` runs out."""
        current = self.monitored(epoch, logs)
        if current is None or epoch < self.start_from_epoch:
            return
        is_best = self.improves(current, self.best)
        if self.restore_best_weights and (is_best or self.best_weights is None):
            self.best_weights, self.best_epoch = self.model.get_weights(), epoch
        self.wait += 1
        if is_best:
            self.best, self.best_epoch = current, epoch
            if self.baseline is None or self.improves(current, self.baseline):
                self.wait = 0
        elif self.wait >= self.patience and epoch > 0:
            self.stopped_epoch = epoch
            self.model.stop_training = True

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Restore the weights of the best epoch if ``restore_best_weights`` is set."""
        if self.verbose and self.stopped_epoch:
            print(f"Epoch {self.stopped_epoch + 1}: early stopping")
        if self.best_weights is not None:
            if self.verbose:
                print(f"Restoring the weights of the best epoch, {self.best_epoch + 1}")
            self.model.set_weights(self.best_weights)


class TerminateOnNaN(Callback):
    """Callback that stops training after the first batch whose loss is nan or infinite.

    Parameters
    ----------
    raise_error
        True to raise an error instead. ``on_train_end`` of the callbacks is called all the same,
        other than in Keras.

    Raises
    ------
    RuntimeError
        In training, if ``raise_error`` is set and the loss is nan or infinite.
    """

    def __init__(self, raise_error: bool = False) -> None:
        self.raise_error = raise_error

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Look at the loss; ``batch`` counts from 0."""
        loss = (logs or {}).get("loss", 0.0)
        if not math.isfinite(loss):
            if self.raise_error:
                raise RuntimeError(f"the loss of batch {batch} is {loss}: training was stopped")
            print(f"Batch {batch}: the loss is {loss}, training stops")
            self.model.stop_training = True
