"""The base class of callbacks, with a method for each moment of training."""

from __future__ import annotations

from typing import Any, ClassVar

Logs = dict[str, float]
"""Metrics by name, such as "loss" and "val_accuracy"."""

BATCH_HOOKS = (
    "on_batch_begin",
    "on_batch_end",
    "on_train_batch_begin",
    "on_train_batch_end",
    "on_test_batch_begin",
    "on_test_batch_end",
    "on_predict_batch_begin",
    "on_predict_batch_end",
)
HOOKS = (
    "on_train_begin",
    "on_train_end",
    "on_test_begin",
    "on_test_end",
    "on_predict_begin",
    "on_predict_end",
    "on_epoch_begin",
    "on_epoch_end",
    *BATCH_HOOKS,
)
"""The names of all methods that are called at some moment."""


class Callback:
    """Base class of callbacks. Its methods do nothing; a subclass overrides some of them.

    Numbers of epochs and batches count from 0. ``logs`` is a dict of metrics by name; what a
    callback writes into it at the end of an epoch is seen by the callbacks after it in the list,
    and by ``History``.

    As in Keras, but that ``on_train_end`` is called after an exception and after Ctrl-C, too.

    Attributes
    ----------
    model
        The model in training.
    params
        A dict: "verbose", "epochs" (the largest number to train for) and "steps" (the number of
        batches of an epoch).
    saved_attributes
        The names of the attributes that change in training, if ``BackupAndRestore`` is to save
        them: numbers, texts, None, or lists of arrays.
    """

    model: Any = None
    params: Any = None
    saved_attributes: ClassVar[tuple[str, ...]] = ()

    def set_model(self, model: Any) -> None:
        """Set ``model``."""
        self.model = model

    def set_params(self, params: dict[str, Any]) -> None:
        """Set ``params``."""
        self.params = params

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Handle the start of training; ``model`` and ``params`` are set."""

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Handle the end of training; ``logs`` has the metrics of the last epoch."""

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Handle the start of an epoch."""

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Handle the end of an epoch; ``logs`` has its metrics, "val_loss" among them."""

    def on_train_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Handle the start of a training step."""
        self.on_batch_begin(batch, logs=logs)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Handle the end of a training step; ``logs`` has means over the epoch so far."""
        self.on_batch_end(batch, logs=logs)

    def on_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Handle the start of a training step: another name of ``on_train_batch_begin``."""

    def on_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Handle the end of a training step: another name of ``on_train_batch_end``."""

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Handle the start of an evaluation, also of that at the end of an epoch."""

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Handle the end of an evaluation; ``logs`` has its metrics, without ``val_``."""

    def on_test_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Handle the start of a batch of an evaluation."""

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Handle the end of a batch of an evaluation; ``logs`` has means so far."""

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Handle the start of a prediction."""

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Handle the end of a prediction."""

    def on_predict_batch_begin(self, batch: int, logs: Logs | None = None) -> None:
        """Handle the start of a batch of a prediction."""

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Handle the end of a batch of a prediction."""


def metric_text(value: float) -> str:
    """Return a metric with four decimals, or four digits more than its first where it is small."""
    return f"{value:.4e}" if 0 < abs(value) <= 1e-3 else f"{value:.4f}"
