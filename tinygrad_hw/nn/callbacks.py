"""Callbacks: what watches a training run, and may stop it. Keras's names and conventions."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import Progress

if TYPE_CHECKING:
    from tinygrad_hw.nn.models import Sequential

Logs = dict[str, float]
REFRESH = 0.1  # seconds between two pictures of the bar


class Callback:
    """Does nothing, at every moment; a subclass does something at some."""

    model: Sequential
    epochs: int
    batches: int

    def on_train_begin(self) -> None:
        """Before the first epoch; ``model``, ``epochs`` and ``batches`` (an epoch) are known."""

    def on_train_batch_end(self) -> None:
        """After each step."""

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """After epoch number ``epoch``, counted from 0, with its metrics."""

    def on_train_end(self) -> None:
        """At the end, however training ended: an exception and Ctrl-C included."""


class History(Callback):
    """Every epoch's metrics: ``history["val_loss"]`` is a list, one number an epoch."""

    def __init__(self) -> None:
        self.history: dict[str, list[float]] = {}

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Append."""
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
        """Forget an earlier run."""
        self.best: float | None = None
        self.best_epoch = 0
        self.wait = 0
        self._best_weights: list[Any] | None = None

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Keep the best weights; count the epochs since."""
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
        """Put the best weights back."""
        if self._best_weights is not None:
            self.model.set_weights(self._best_weights)


class ProgressBar(Callback):
    """A bar while training and one line an epoch, on the terminal or, as plain lines, in a file."""

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
        """Move on by one, which is shown a few times a second: a step may be shorter than that."""
        self._steps += 1
        if time.monotonic() - self._shown > REFRESH:
            self._show()

    def _show(self) -> None:
        self._progress.update(self._bar, completed=self._steps)
        self._shown = time.monotonic()

    def on_epoch_end(self, epoch: int, logs: Logs) -> None:
        """Print the metrics."""
        self._show()
        self._progress.console.print(epoch_line(epoch, self.epochs, logs), soft_wrap=True)

    def on_train_end(self) -> None:
        """Take the bar away."""
        self._progress.stop()


def epoch_line(epoch: int, epochs: int, logs: Logs) -> str:
    """One epoch's metrics as Keras prints them; ``epoch`` counts from 0."""
    metrics = " - ".join(f"{name}: {value:.4f}" for name, value in logs.items())
    return f"Epoch {epoch + 1}/{epochs} - {metrics}"
