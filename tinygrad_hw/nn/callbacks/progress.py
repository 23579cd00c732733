"""ProgbarLogger: a progress bar in a terminal, and a line for each epoch."""

from __future__ import annotations

import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from tinygrad_hw.nn.callbacks.callback import Callback, Logs, metric_text

REFRESH_SECONDS = 0.2  # between two redraws of the progress bar


class ProgbarLogger(Callback):
    """Progress of ``fit``, ``evaluate`` and ``predict``, as ``params["verbose"]`` says.

    0 prints nothing. 1 draws a bar and prints a line for each epoch; 2 prints the lines alone.
    "auto" is 1. A bar is drawn in terminals only: elsewhere, as in a file, 1 is as 2.

    Parameters
    ----------
    console
        Where to print; by default standard output.
    """

    _progress: Progress | None = None
    _in_fit = False

    def __init__(self, console: Console | None = None) -> None:
        self.console = console

    def set_params(self, params: dict[str, Any]) -> None:
        """Set ``params``; refuse an unknown "verbose"."""
        super().set_params(params)
        verbose = params.get("verbose", "auto")
        if verbose not in (0, 1, 2, "auto"):
            raise ValueError(f'verbose should be 0, 1, 2 or "auto", got {verbose!r}')
        self.verbose = 1 if verbose == "auto" else int(verbose)

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Draw an empty bar."""
        self._in_fit = True
        self._start(self.params["epochs"])

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Begin to count the steps of this epoch."""
        self._text = f"Epoch {epoch + 1}/{self.params['epochs']}"
        self._steps_before = epoch * (self.params["steps"] or 0)

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Count a step; redraw the bar if the last redraw is ``REFRESH_SECONDS`` ago."""
        self._count(batch, logs)

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Print the epoch's metrics."""
        self._print(epoch_line(epoch, self.params["epochs"], logs or {}))

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Remove the bar."""
        self._in_fit = False
        self._stop()

    def on_test_begin(self, logs: Logs | None = None) -> None:
        """Draw an empty bar, but within ``fit``."""
        if not self._in_fit:
            self._start(1)

    def on_test_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Count a batch, but within ``fit``."""
        if not self._in_fit:
            self._count(batch, logs)

    def on_test_end(self, logs: Logs | None = None) -> None:
        """Print the metrics and remove the bar, but within ``fit``."""
        if not self._in_fit:
            self._print(_joined(f"{self._steps}/{self._steps}", logs or {}))
            self._stop()

    def on_predict_begin(self, logs: Logs | None = None) -> None:
        """Draw an empty bar."""
        self._start(1)

    def on_predict_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Count a batch; its results are not shown."""
        self._count(batch, {})

    def on_predict_end(self, logs: Logs | None = None) -> None:
        """Print the number of batches and remove the bar."""
        self.on_test_end()

    def __getstate__(self) -> dict[str, Any]:
        """Copy and pickle without the console and what is drawn there."""
        return {**vars(self), "console": None, "_progress": None}

    def _start(self, epochs: int) -> None:
        """Draw an empty bar for the steps of all epochs."""
        if not self.verbose:
            return
        console = self.console or Console()
        self._progress = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=20),
            TaskProgressColumn(),
            TimeRemainingColumn(),
            console=console,
            transient=True,
            disable=self.verbose != 1 or not console.is_terminal,
            auto_refresh=False,  # no thread that draws, too
        )
        steps = self.params.get("steps")
        self._bar = self._progress.add_task("", total=steps and epochs * steps)
        self._text, self._steps_before, self._steps = "", 0, steps or 0
        self._last_redraw = time.monotonic()
        self._progress.start()

    def _count(self, batch: int, logs: Logs | None) -> None:
        self._steps = batch + 1
        if self._progress and time.monotonic() - self._last_redraw > REFRESH_SECONDS:
            self._redraw(_joined(self._text, logs or {}))

    def _redraw(self, text: str) -> None:
        if self._progress:
            done = self._steps_before + self._steps
            self._progress.update(self._bar, completed=done, description=text, refresh=True)
            self._last_redraw = time.monotonic()

    def _print(self, line: str) -> None:
        if self._progress:
            self._redraw(self._text)
            self._progress.console.print(line, soft_wrap=True, markup=False, highlight=False)

    def _stop(self) -> None:
        if self._progress:
            self._progress.stop()
            self._progress = None


def epoch_line(epoch: int, epochs: int, logs: Logs) -> str:
    """Return an epoch's metrics as one line; ``epoch`` counts from 0."""
    return _joined(f"Epoch {epoch + 1}/{epochs}", logs)


def _joined(text: str, logs: Logs) -> str:
    return " - ".join([text, *(f"{name}: {metric_text(x)}" for name, x in logs.items())])
