"""Callbacks watch a training run and may stop it. Keras's names and conventions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, Protocol

from rich.console import Console
from rich.progress import Progress

Logs = dict[str, float]
"""The metrics of an epoch by name, such as "loss" and "val_accuracy"."""
REFRESH_SECONDS = 0.1  # between two pictures of the bar


class TrainedModel(Protocol):
    """What a callback may ask of the model in training."""

    stop_training: bool

    def get_weights(self) -> list[Any]: ...  # noqa: D102
    def set_weights(self, weights: Sequence[Any]) -> None: ...  # noqa: D102


class Callback:
    """The base of callbacks, whose methods do nothing; a subclass overrides some.

    Attributes
    ----------
    model
        The model in training.
    epochs
        The number of epochs that it is trained for at most.
    batches
        The number of steps in an epoch.
    """

    model: TrainedModel
    epochs: int
    batches: int

    def on_train_begin(self) -> None:
        """Act before the first epoch; the attributes are set."""

    def on_train_batch_end(self) -> None:
        """Act after a step."""

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Act after epoch number ``epoch``, counted from 0, with its metrics."""

    def on_train_end(self) -> None:
        """Act at the end, however training ended: by an exception or Ctrl-C, too."""


class CallbackList:
    """The callbacks of one training run, called together."""

    def __init__(self, callbacks: Sequence[Callback]) -> None:
        self.callbacks = callbacks

    @contextmanager
    def training(self, model: TrainedModel, epochs: int, batches: int) -> Iterator[None]:
        """Call ``on_train_begin``, and ``on_train_end`` however the block ends."""
        with ExitStack() as ends:
            for callback in self.callbacks:
                callback.model, callback.epochs, callback.batches = model, epochs, batches
                callback.on_train_begin()
                ends.callback(callback.on_train_end)
            yield

    def on_train_batch_end_methods(self) -> list[Callable[[], None]]:
        """Return the methods to call after a step: those overridden, since steps are many."""
        return [
            callback.on_train_batch_end
            for callback in self.callbacks
            if type(callback).on_train_batch_end is not Callback.on_train_batch_end
        ]

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Pass the end of an epoch on."""
        for callback in self.callbacks:
            callback.on_epoch_end(epoch, logs)


class History(Callback):
    """Every epoch's metrics: ``history["val_loss"]`` is a list, one number an epoch."""

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {}

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Append the epoch's metrics."""
        for name, value in logs.items():
            self.history.setdefault(name, []).append(value)


class EarlyStopping(Callback):
    """Stop when a metric has not improved for ``patience`` epochs.

    Parameters
    ----------
    monitor
        Name of the metric. One whose name ends in "accuracy" should rise, any other fall.
    patience
        Number of epochs without improvement after which training stops.
    min_delta
        An improvement smaller than this is none.
    restore_best_weights
        Put back the weights of the best epoch, however training ends.
    """

    def __init__(
        self,
        monitor: str = "val_loss",
        *,  # Keras's order of the rest is another one
        patience: int = 0,
        min_delta: float = 0.0,
        restore_best_weights: bool = False,
    ) -> None:
        self.monitor = monitor
        self.patience = patience
        self.min_delta = abs(min_delta)
        self.restore_best_weights = restore_best_weights

    def on_train_begin(self) -> None:
        """Forget what an earlier run has left."""
        self.best: float | None = None
        self.best_epoch = 0
        self.wait = 0
        self._best_weights: list[Any] | None = None

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Keep the weights of the best epoch; count the epochs since."""
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
        """Restore the weights of the best epoch, if that was asked for."""
        if self._best_weights is not None:
            self.model.set_weights(self._best_weights)


class ProgressBar(Callback):
    """A bar while training, and a line after each epoch; in a file only the lines."""

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(highlight=False)

    def on_train_begin(self) -> None:
        """Show an empty bar."""
        self._progress = Progress(
            console=self.console, transient=True, disable=not self.console.is_terminal
        )
        self._bar = self._progress.add_task("training", total=self.epochs * self.batches)
        self._progress.start()
        self._steps, self._shown = 0, time.monotonic()

    def on_train_batch_end(self) -> None:
        """Move the bar on by a step; redraw it only a few times a second."""
        self._steps += 1
        if time.monotonic() - self._shown > REFRESH_SECONDS:
            self._show()

    def _show(self) -> None:
        self._progress.update(self._bar, completed=self._steps)
        self._shown = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Print the epoch's metrics."""
        self._show()
        self._progress.console.print(epoch_line(epoch, self.epochs, logs), soft_wrap=True)

    def on_train_end(self) -> None:
        """Take the bar away."""
        self._progress.stop()


def epoch_line(epoch: int, epochs: int, logs: Logs) -> str:
    """Return an epoch's metrics as Keras prints them; ``epoch`` counts from 0."""
    metrics = " - ".join(f"{name}: {value:.4f}" for name, value in logs.items())
    return f"Epoch {epoch + 1}/{epochs} - {metrics}"
