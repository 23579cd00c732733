"""Callbacks that change the learning rate between epochs."""

from __future__ import annotations

import inspect
from collections.abc import Callable

import numpy as np

from tinygrad_hw.nn.callbacks.callback import Callback, Logs
from tinygrad_hw.nn.callbacks.monitor import MonitorCallback


class LearningRateScheduler(Callback):
    """Callback that sets the learning rate before each epoch; ``logs`` get a "learning_rate".

    Parameters
    ----------
    schedule
        A function of the epoch, counted from 0, and the present learning rate, or of the epoch
        alone. It returns the learning rate as a float.
    verbose
        1 prints the learning rate of each epoch; 0 prints nothing.

    Raises
    ------
    ValueError
        In training, if ``schedule`` returns something other than a float.
    """

    def __init__(self, schedule: Callable[..., float], verbose: int = 0) -> None:
        self.schedule = schedule
        self.verbose = verbose

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Set the learning rate."""
        arguments = epoch, float(self.model.optimizer.learning_rate)
        rate = self.schedule(*arguments[: _number_of_arguments(self.schedule)])
        if not isinstance(rate, float | np.floating):
            raise ValueError(f"schedule({epoch}, …) should return a float, got {rate!r}")
        self.model.optimizer.learning_rate = float(rate)
        if self.verbose:
            print(f"Epoch {epoch + 1}: learning rate {rate:g}")

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write the learning rate into ``logs``."""
        _log_learning_rate(self, logs)


def _number_of_arguments(schedule: Callable[..., float]) -> int:
    """Return 2 if a function can be called with an epoch and a learning rate, else 1."""
    try:
        inspect.signature(schedule).bind(0, 0.0)
    except TypeError:
        return 1
    except ValueError:  # a function without a signature
        return 2
    return 2


def _log_learning_rate(callback: Callback, logs: Logs | None) -> None:
    if logs is not None:
        logs["learning_rate"] = float(callback.model.optimizer.learning_rate)


class ReduceLROnPlateau(MonitorCallback):
    """Callback that reduces the learning rate when a metric has stopped improving.

    ``logs`` get a "learning_rate". As in Keras, but that a nan never improves, also in the first
    epoch, and a metric that is not there is an error.

    Parameters
    ----------
    monitor
        Name of the metric.
    factor
        What the learning rate is multiplied by; below 1.
    patience
        Number of epochs without improvement after which it is reduced.
    verbose
        1 prints each reduction; 0 prints nothing.
    mode
        "min" if the metric should fall, "max" if it should rise, "auto" if its name says so.
    min_delta
        Smallest change of the metric that counts as an improvement.
    cooldown
        Number of epochs after a reduction in which those without improvement do not count.
    min_lr
        The learning rate never falls below this.

    Attributes
    ----------
    best
        The best value so far.
    wait, cooldown_counter
        Number of epochs since the last improvement, and of those left of the cooldown.

    Raises
    ------
    ValueError
        For a factor of 1 or more, or another mode. In training: if ``monitor`` is not among the
        metrics, or "auto" does not tell whether it should rise.
    """

    saved_attributes = ("best", "wait", "cooldown_counter")

    def __init__(
        self,
        monitor: str = "val_loss",
        factor: float = 0.1,
        patience: int = 10,
        verbose: int = 0,
        mode: str = "auto",
        min_delta: float = 1e-4,
        cooldown: int = 0,
        min_lr: float = 0.0,
    ) -> None:
        super().__init__(monitor, mode, min_delta=min_delta)
        if factor >= 1:
            raise ValueError(f"factor should be below 1, to reduce the learning rate; got {factor}")
        self.factor = factor
        self.patience = patience
        self.verbose = verbose
        self.cooldown = cooldown
        self.min_lr = min_lr
        self._reset()

    def _reset(self) -> None:
        self.best: float | None = None
        self.wait = 0
        self.cooldown_counter = 0

    def in_cooldown(self) -> bool:
        """Return whether epochs without improvement do not count."""
        return self.cooldown_counter > 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Forget an earlier run."""
        self._reset()

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Reduce the learning rate when ``patience`` runs out."""
        _log_learning_rate(self, logs)
        current = self.monitored(epoch, logs)
        if current is None:
            return
        if self.in_cooldown():
            self.cooldown_counter -= 1
            self.wait = 0
        if self.improves(current, self.best):
            self.best = current
            self.wait = 0
        elif not self.in_cooldown():
            self.wait += 1
            if self.wait >= self.patience:
                self._reduce(epoch)

    def _reduce(self, epoch: int) -> None:
        optimizer = self.model.optimizer
        rate = float(optimizer.learning_rate)
        if rate > self.min_lr:
            rate = max(rate * self.factor, self.min_lr)
            optimizer.learning_rate = rate
            self.cooldown_counter = self.cooldown
            self.wait = 0
            if self.verbose:
                print(f"Epoch {epoch + 1}: learning rate reduced to {rate:g}")
