"""CSVLogger: every epoch's metrics in a file."""

from __future__ import annotations

import csv
import os
from typing import IO, Any

import numpy as np

from tinygrad_hw.nn.callbacks.callback import Callback, Logs


class CSVLogger(Callback):
    """Callback that writes the metrics of each epoch as a line of a CSV file.

    The columns are "epoch", counted from 0, and the metrics of the first epoch by name, in
    alphabetical order; if none is a validation's, the same with "val_" follow, for epochs that
    have one. A metric that an epoch does not have is "NA".

    Parameters
    ----------
    filename
        The file; its folder has to exist.
    separator
        What stands between two columns: one character.
    append
        True to add lines to a file that is there; False to replace it.
    """

    _file: IO[str] | None = None
    _writer: Any = None

    def __init__(
        self, filename: str | os.PathLike[str], separator: str = ",", append: bool = False
    ) -> None:
        self.filename = os.fspath(filename)
        self.sep = separator
        self.append = append
        self.keys: list[str] | None = None

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Open the file."""
        mode = "a" if self.append else "w"
        self._file = open(self.filename, mode, newline="", encoding="utf-8")  # noqa: SIM115
        self._writer, self.keys = None, None

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Write a line, and above the first line of a file the names."""
        logs = logs or {}
        if self._writer is None or self.keys is None:
            self.keys = sorted(logs)
            if not any(name.startswith("val_") for name in self.keys):
                self.keys += [f"val_{name}" for name in self.keys]
            self._writer = csv.writer(self._open_file(), delimiter=self.sep)
            if self._open_file().tell() == 0:
                self._writer.writerow(["epoch", *self.keys])
        self._writer.writerow([epoch, *(_cell(logs.get(name, "NA")) for name in self.keys)])
        self._open_file().flush()

    def _open_file(self) -> IO[str]:
        if self._file is None:
            raise ValueError("CSVLogger has no open file; call on_train_begin() first")
        return self._file

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()
        self._file = self._writer = None

    def __getstate__(self) -> dict[str, Any]:
        """Copy and pickle without the open file."""
        return {**vars(self), "_file": None, "_writer": None}


def _cell(value: Any) -> Any:
    """Return what a cell shows: of an array its elements."""
    if np.ndim(value):
        return f'"[{", ".join(map(str, value))}]"'
    return value
