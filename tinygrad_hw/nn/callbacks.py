"""Callbacks: observers of a training run that may stop it, with Keras's names and conventions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol

from rich.console import Console
from rich.progress import Progress

Logs = dict[str, float]
"""The metrics of an epoch by name, such as "loss" and "val_accuracy"."""
REFRESH_SECONDS = 0.2  # between two redraws of the progress bar


class TrainedModel(Protocol):
    """Protocol of the model in training, as far as callbacks use it."""

    stop_training: bool

    def get_weights(self) -> list[Any]:
        """Return copies of all parameters' arrays, in order."""

    def set_weights(self, weights: Sequence[Any]) -> None:
        """Set all parameters to arrays shaped like those of ``get_weights``."""


class Callback:
    """Base class of callbacks. Its methods do nothing; a subclass overrides some of them.

    Attributes
    ----------
    model
        The model in training.
    epochs
        The largest number of epochs to train for.
    batches
        The number of training steps in an epoch.
    """

    model: TrainedModel
    epochs: int
    batches: int

    def on_train_begin(self) -> None:
        """Handle the start of training; the attributes are set."""

    def on_train_batch_end(self) -> None:
        """Handle the end of a training step."""

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Handle the end of an epoch, counted from 0, with its metrics."""

    def on_train_end(self) -> None:
        """Handle the end of training, also after an exception or Ctrl-C."""


class CallbackList:
    """List of the callbacks of one training run, called in order."""

    def __init__(self, callbacks: Sequence[Callback]) -> None:
        self.callbacks = callbacks

    @contextmanager
    def training(self, model: TrainedModel, epochs: int, batches: int) -> Iterator[None]:
        """Call ``on_train_begin`` before a ``with`` block, and ``on_train_end`` after it."""
        with ExitStack() as stack:
            for callback in self.callbacks:
                callback.model, callback.epochs, callback.batches = model, epochs, batches
                callback.on_train_begin()
                stack.callback(callback.on_train_end)
            yield

    def on_train_batch_end_methods(self) -> list[Callable[[], None]]:
        """Return the overridden methods to call after a step; empty calls would cost time."""
        return [
            callback.on_train_batch_end
            for callback in self.callbacks
            if type(callback).on_train_batch_end is not Callback.on_train_batch_end
        ]

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Call ``on_epoch_end`` of every callback."""
        for callback in self.callbacks:
            callback.on_epoch_end(epoch, logs)


class History(Callback):
    """Record of every epoch's metrics: ``history["val_loss"]`` has a number for each epoch."""

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {}

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Append the epoch's metrics to ``history``."""
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)


class EarlyStopping(Callback):
    """Callback that stops training when a metric has not improved for ``patience`` epochs.

    Parameters
    ----------
    monitor
        Name of the metric. It should rise if its name ends in "accuracy", else it should fall.
    patience
        Number of epochs without improvement after which training stops.
    min_delta
        Smallest change of the metric that counts as an improvement.
    restore_best_weights
        Whether to restore the weights of the best epoch at the end, also after an exception.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        *,  # by keyword only, since Keras has them in another order
        patience: int = 0,
        min_delta: float = 0.0,
        restore_best_weights: bool = False,
    ) -> None:
        self.monitor = monitor
        self.patience = patience
        self.min_delta = abs(min_delta)
        self.restore_best_weights = restore_best_weights

    def on_train_begin(self) -> None:
        """Reset the best epoch and the count of epochs without improvement."""
        self.best: float | None = None
        self.best_epoch = 0
        self.wait = 0
        self._best_weights: list[Any] | None = None

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Save the weights of the best epoch; stop training when ``patience`` runs out."""
        if self.monitor not in logs:
            raise ValueError(
                f"EarlyStopping monitors {self.monitor!r}, but an epoch has only "
                f"{', '.join(logs)}; give fit() a validation_split or monitor one of these"
            )
        current = logs[self.monitor]
        if self._improves(current):
            self.best = current
            self.best_epoch = epoch
            self.wait = 0
            if self.restore_best_weights:
                self._best_weights = self.model.get_weights()
            return
        self.wait += 1
        if self.wait >= self.patience:
            self.model.stop_training = True

    def _improves(self, current: float) -> bool:
        if self.best is None:
            return True
        if self.monitor.endswith("accuracy"):
            return current - self.min_delta > self.best
        return current + self.min_delta < self.best

    def on_train_end(self) -> None:
        """Restore the weights of the best epoch if ``restore_best_weights`` is set."""
        if self._best_weights is not None:
            self.model.set_weights(self._best_weights)


class ProgressBar(Callback):
    """Progress bar during training, and a line after each epoch; in a file the lines alone."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)

    def on_train_begin(self) -> None:
        """Draw an empty bar."""
        self._progress = Progress(
            console=self.console,
            transient=True,
            disable=not self.console.is_terminal,
            auto_refresh=False,  # no thread that draws, too
        )
        self._bar = self._progress.add_task("training", total=self.epochs * self.batches)
        self._progress.start()
        self._steps, self._last_redraw = 0, time.monotonic()

    def on_train_batch_end(self) -> None:
        """Count a step; redraw the bar if the last redraw is ``REFRESH_SECONDS`` ago."""
        self._steps += 1
        if time.monotonic() - self._last_redraw > REFRESH_SECONDS:
            self._redraw()

    def _redraw(self) -> None:
        self._progress.update(self._bar, completed=self._steps, refresh=True)
        self._last_redraw = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Print the epoch's metrics."""
        self._redraw()
        self._progress.console.print(epoch_line(epoch, self.epochs, logs), soft_wrap=True)

    def on_train_end(self) -> None:
        """Remove the bar."""
        self._progress.stop()


def epoch_line(epoch: int, epochs: int, logs: Logs) -> str:
    """Return an epoch's metrics as Keras prints them; ``epoch`` counts from 0."""
    metrics = " - ".join(f"{name}: {value:.4f}" for name, value in logs.items())
    return f"Epoch {epoch + 1}/{epochs} - {metrics}"
