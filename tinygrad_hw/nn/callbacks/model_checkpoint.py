"""ModelCheckpoint: save the model after each epoch, or the best one."""

from __future__ import annotations

import os
from typing import Any

from tinygrad_hw.nn.callbacks.callback import Logs
from tinygrad_hw.nn.callbacks.monitor import MonitorCallback


class ModelCheckpoint(MonitorCallback):
    """Callback that saves the model, or its weights, at the end of epochs or of batches.

    Parameters
    ----------
    filepath
        The file. ``{epoch}`` stands for the number of the epoch, counted from 1, ``{batch}`` for
        that of the batch, and the name of a metric for its value: "{epoch:02d}-{val_loss:.3f}".
        It ends in ".safetensors", other than in Keras.
    monitor
        Name of the metric that says which model is best.
    verbose
        1 prints what is saved; 0 prints nothing.
    save_best_only
        Whether to save only where the metric is better than at every saving before.
    save_weights_only
        Whether to call ``model.save_weights(filepath)``, and not ``model.save(filepath)``.
    mode
        "min" if the metric should fall, "max" if it should rise, "auto" if its name says so.
    save_freq
        "epoch", or a number of batches after which the model is saved.
    initial_value_threshold
        With ``save_best_only``, the value to improve on at first.

    Attributes
    ----------
    best
        The best value so far, or ``initial_value_threshold``. It stays in a second ``fit``.

    Raises
    ------
    ValueError
        For another mode, ``save_freq`` or ending. In training: for a ``filepath`` with the name of
        no metric; with ``save_best_only``, if ``monitor`` is not among the metrics.
    TypeError
        In training, for a model that cannot be saved.
    """

    def __init__(
        self,
        filepath: str | os.PathLike[str],
        monitor: str = "val_loss",
        verbose: int = 0,
        save_best_only: bool = False,
        save_weights_only: bool = False,
        mode: str = "auto",
        save_freq: str | int = "epoch",
        initial_value_threshold: float | None = None,
    ) -> None:
        super().__init__(monitor, mode, initial_value_threshold)
        self.filepath = os.fspath(filepath)
        if not self.filepath.endswith(".safetensors"):
            raise ValueError(f'filepath should end in ".safetensors", got {self.filepath!r}')
        is_count = isinstance(save_freq, int) and not isinstance(save_freq, bool) and save_freq > 0
        if save_freq != "epoch" and not is_count:
            raise ValueError(f'save_freq should be "epoch" or a number of batches, got {save_freq}')
        self.verbose = verbose
        self.save_best_only = save_best_only
        self.save_weights_only = save_weights_only
        self.save_freq = save_freq
        self._epoch = 0
        self._batches = 0  # since the last saving

    def set_model(self, model: Any) -> None:
        """Set ``model``; refuse one that cannot be saved."""
        name = "save_weights" if self.save_weights_only else "save"
        if not callable(getattr(model, name, None)):
            raise TypeError(
                f"ModelCheckpoint needs a model with a method {name}; {model!r} has none"
            )
        super().set_model(model)

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Note the number of the epoch."""
        self._epoch = epoch

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Save the model if ``save_freq`` is a number, after so many batches."""
        if self.save_freq == "epoch":
            return
        self._batches += 1
        if self._batches >= int(self.save_freq):
            self._batches = 0
            self._save(self._epoch, logs or {}, batch)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Save the model if ``save_freq`` is "epoch"."""
        if self.save_freq == "epoch":
            self._save(epoch, logs or {})

    def _save(self, epoch: int, logs: Logs, batch: int | None = None) -> None:
        """Save the model, or do not where it is not the best."""
        better = ""
        if self.save_best_only:
            current = self.monitored(epoch, logs)
            if current is None or not self.improves(current, self.best):
                return
            better = f"{self.monitor} improved from {self.best} to {current}, "
            self.best = current
        path = self._path(epoch, logs, batch)
        save = self.model.save_weights if self.save_weights_only else self.model.save
        save(path, overwrite=True)
        if self.verbose:
            print(f"Epoch {epoch + 1}: {better}saved to {path}")

    def _path(self, epoch: int, logs: Logs, batch: int | None) -> str:
        names = {"epoch": epoch + 1} | ({} if batch is None else {"batch": batch + 1}) | logs
        try:
            return self.filepath.format(**names)
        except (KeyError, IndexError, ValueError):
            raise ValueError(
                f"filepath {self.filepath!r} cannot be filled in; there are {', '.join(names)}"
            ) from None
