"""Callbacks that save: models as they are trained, and a training to go on with."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

from tinygrad_hw.errors import InputError
from tinygrad_hw.files import write_files
from tinygrad_hw.nn.callbacks.callback import Callback, Logs
from tinygrad_hw.nn.callbacks.monitor import MonitorCallback
from tinygrad_hw.nn.storage.state import restore_training_state, training_state
from tinygrad_hw.nn.storage.tensor_file import ENDING, Tensors, read_tensors, write_tensors


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

    saved_attributes = ("best",)

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
        if not self.filepath.endswith(ENDING):
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


class BackupAndRestore(Callback):
    """Callback that saves a training after each epoch, and goes on with one that was broken off.

    A second ``fit`` with the same model, data and arguments, in this process or another, begins
    after the last epoch that was saved, and ends with the weights of a training that was never
    interrupted, bit for bit. Saved are the weights, the optimizer's states and learning rate,
    random generators, and what the other callbacks name in ``saved_attributes`` (Keras saves the
    first two), in one file that is replaced at once. It is called after all other callbacks. As in
    Keras, the History that ``fit`` returns begins where the training was broken off.

    Parameters
    ----------
    backup_dir
        The folder; made if it is not there, and used by one training at a time.
    save_freq
        "epoch". (Keras also takes a number of batches, and begins the epoch anew.)
    double_checkpoint
        Whether to keep the file of the epoch before as well, for the case that the last is damaged.
    delete_checkpoint
        Whether to delete the files when the training is complete; after an exception and Ctrl-C
        they stay.

    Raises
    ------
    ValueError
        For another ``save_freq``, or no folder.
    InputError
        In training, for a file of another model, or a damaged one.
    """

    def __init__(
        self,
        backup_dir: str | os.PathLike[str],
        save_freq: str = "epoch",
        double_checkpoint: bool = False,
        delete_checkpoint: bool = True,
    ) -> None:
        if not os.fspath(backup_dir):
            raise ValueError("backup_dir is empty; give the name of a folder")
        if save_freq != "epoch":
            raise ValueError(
                f'save_freq should be "epoch", got {save_freq!r}: a training is saved at the end '
                "of epochs alone"
            )
        self.backup_dir = os.fspath(backup_dir)
        self.save_freq = save_freq
        self.double_checkpoint = double_checkpoint
        self.delete_checkpoint = delete_checkpoint
        self.others: list[Callback] = []
        self._is_in_epoch, self._epochs = False, 0

    @property
    def _files(self) -> tuple[Path, Path]:
        """Return the files of the last epoch and of the one before."""
        folder = Path(self.backup_dir)
        return folder / f"latest{ENDING}", folder / f"previous{ENDING}"

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Restore the training that the folder holds, if it holds one."""
        self._is_in_epoch, self._epochs = False, 0
        found = [path for path in self._files if path.exists()]
        for path in found:
            try:
                tensors, data = read_tensors(path)
            except InputError:
                if path is found[-1]:
                    raise
                continue
            self._restore(tensors, data, path)
            return

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Note that an epoch is not complete."""
        self._is_in_epoch = True

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Save the training."""
        latest, previous = self._files
        if self.double_checkpoint and latest.exists():
            write_files({previous: latest.read_bytes()})
        self._is_in_epoch, self._epochs = False, epoch + 1
        tensors, data = training_state(self.model)
        data |= {"epoch": self._epochs, "stopped": bool(self.model.stop_training), "callbacks": []}
        for i, callback in enumerate(self._with_state()):
            attributes = {name: getattr(callback, name) for name in callback.saved_attributes}
            for name, value in attributes.items():
                if isinstance(value, list):
                    tensors |= {f"callback.{i}.{name}.{j}": x for j, x in enumerate(value)}
                    attributes[name] = {"arrays": len(value)}
            data["callbacks"].append([type(callback).__name__, attributes])
        write_tensors(latest, tensors, data)

    def _restore(self, tensors: Tensors, data: dict[str, Any], path: Path) -> None:
        """Set the model and the other callbacks to what they were at the end of an epoch."""
        callbacks = self._with_state()
        try:
            names = [name for name, _ in data["callbacks"]]
            if names != [type(callback).__name__ for callback in callbacks]:
                raise InputError(
                    f"{path} is of a training with the callbacks {', '.join(names) or 'none'}; "
                    "give fit() the same"
                )
            restore_training_state(self.model, tensors, data, path)
            for i, (callback, (_, saved)) in enumerate(
                zip(callbacks, data["callbacks"], strict=True)
            ):
                for name in callback.saved_attributes:
                    value = saved[name]
                    if isinstance(value, dict):
                        count = range(value["arrays"])
                        value = [tensors[f"callback.{i}.{name}.{j}"] for j in count]
                    setattr(callback, name, value)
            self._epochs, epochs = int(data["epoch"]), self.params["epochs"]
            self.model.stop_training = bool(data["stopped"])
        except (KeyError, TypeError):
            raise InputError(
                f"{path} holds no training to go on with; delete it, or give another folder"
            ) from None
        self.model._initial_epoch = epochs if self.model.stop_training else self._epochs

    def _with_state(self) -> list[Callback]:
        return [callback for callback in self.others if callback.saved_attributes]

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Delete the files, if training is complete."""
        is_complete = self.model.stop_training or self._epochs >= self.params["epochs"]
        if not self.delete_checkpoint or not is_complete or self._is_in_epoch or sys.exception():
            return
        for path in self._files:
            path.unlink(missing_ok=True)
            for part in path.parent.glob(f".{path.name}.*.part"):  # of a process that was killed
                part.unlink(missing_ok=True)
        with suppress(OSError):  # there is none, or something else is in it
            os.rmdir(self.backup_dir)
