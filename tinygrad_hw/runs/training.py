"""One run: a network trained by its settings, and how it came out."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygrad_hw.nn.callbacks import Callback, EarlyStopping
from tinygrad_hw.nn.datasets import Examples
from tinygrad_hw.nn.models import Model
from tinygrad_hw.runs.settings import Settings, SettingsError, network


@dataclass(frozen=True, slots=True)
class Outcome:
    """The outcome of one run.

    Attributes
    ----------
    epochs, best_epoch
        Epochs trained, and the one, counted from 1, whose weights the network has.
    measured_on
        "test", "validation" or "training": the first of these that there is.
    examples, correct, loss
        Number of examples that were measured on, of those the ones whose class was found, and
        their mean loss.
    seconds
        Time of training and measuring.
    interrupted
        Whether Ctrl-C has ended the training.
    """

    epochs: int
    best_epoch: int
    measured_on: str
    examples: int
    correct: int
    loss: float
    seconds: float
    interrupted: bool

    @property
    def accuracy(self) -> float:
        """The share of examples whose class was found."""
        return self.correct / self.examples


def train(
    settings: Settings,
    examples: Examples,
    verbose: int | str = 0,
    callbacks: Sequence[Callback] = (),
    model: Model | None = None,
) -> tuple[Model, Outcome]:
    """Train a network; return it and the outcome.

    Parameters
    ----------
    settings, examples
        How, and what on.
    verbose, callbacks
        As those of ``fit``.
    model
        A compiled model to train; by default that of the settings.

    Raises
    ------
    InputError
        If the settings are wrong, or do not fit the data.
    KeyboardInterrupt
        If Ctrl-C comes before the end of the first epoch.
    """
    with np.errstate(all="ignore"):  # a training that diverges is told by its loss
        return _train(model or network(settings, examples), settings, examples, verbose, callbacks)


def _train(
    model: Model,
    settings: Settings,
    examples: Examples,
    verbose: int | str,
    callbacks: Sequence[Callback],
) -> tuple[Model, Outcome]:
    start = time.perf_counter()
    model.trained_on = examples.description
    trained, held_out = split(len(examples.x), settings)
    x, y = examples.x[trained], examples.y[trained]
    validation = (examples.x[held_out], examples.y[held_out]) if len(held_out) else None
    stopping = EarlyStopping("val_loss", patience=settings.patience, restore_best_weights=True)
    is_stopping = settings.patience > 0 and validation is not None
    history = model.fit(
        x,
        y,
        batch_size=settings.batch,
        epochs=settings.epochs,
        validation_data=validation,
        callbacks=[*callbacks, *([stopping] if is_stopping else [])],
        verbose=verbose,
    ).history
    epochs = len(history.get("loss", ()))
    if epochs == 0:
        raise KeyboardInterrupt
    if examples.x_test is not None:
        measured = ("test", examples.x_test, examples.y_test)
    else:
        measured = ("validation", *validation) if validation else ("training", x, y)
    name, inputs, targets = measured
    loss, _ = model.evaluate(inputs, targets, verbose=0)
    outcome = Outcome(
        epochs=epochs,
        best_epoch=stopping.best_epoch + 1 if is_stopping else epochs,
        measured_on=name,
        examples=len(inputs),
        correct=int(np.count_nonzero(model.predict_classes(inputs) == targets)),
        loss=float(loss),
        seconds=time.perf_counter() - start,
        interrupted=epochs < settings.epochs and not stopping.stopped_epoch,
    )
    return model, outcome


def split(n: int, settings: Settings) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Return the places of the training and of the validation examples, drawn by the seed."""
    order = np.random.default_rng([settings.seed, n]).permutation(n)
    kept = n - round(n * settings.validation_split)
    if kept < 1 or (settings.validation_split and kept == n):
        raise SettingsError(
            f"--validation-split is {settings.validation_split}, and there are {n} examples: "
            "one part would be empty"
        )
    return order[:kept], order[kept:]
