"""The settings of a run, and the network that they describe."""

from __future__ import annotations

import itertools
import math
import re
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tinygrad_hw.errors import InputError
from tinygrad_hw.nn import activations, initializers, optimizers
from tinygrad_hw.nn.datasets import Examples
from tinygrad_hw.nn.initializers import Initializer
from tinygrad_hw.nn.layers import Dense, Flatten, Layer, Rescaling
from tinygrad_hw.nn.models import Sequential
from tinygrad_hw.nn.optimizers import Optimizer

HIDDEN = 128  # units of the hidden layer of the homework's networks
MOST_PARAMETERS = 100_000_000
MOST_EPOCHS = 100_000


class SettingsError(InputError):
    """The error of settings that are wrong by themselves, or for the data."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a run; those by default are the homework's.

    Attributes
    ----------
    layers
        The units of each layer, inputs first, as "784-128-10"; "" for one hidden layer of 128.
        One unit at the end is a sigmoid, for two classes; else there is one for each class.
    activation, initializer
        Of the hidden layers. An initializer may have an argument: "RandomNormal(stddev=0.1)".
    optimizer, learning_rate
        The optimizer's name, and its rate; None for that which it has by default.
    batch, epochs
        Examples of a step, and passes at most.
    patience
        Epochs without a better validation loss after which training stops; the weights of the best
        epoch are kept. 0 trains for all epochs and keeps the last weights.
    validation_split
        Share of the training examples, drawn by the seed, that is not trained on.
    seed
        Seed of the weights, of the order of the examples and of the validation examples. Runs of
        one seed see the same batches, whatever else their settings are but for ``batch``.
    """

    layers: str = ""
    activation: str = "relu"
    initializer: str = "GlorotUniform"
    optimizer: str = "adam"
    learning_rate: float | None = None
    batch: int = 32
    epochs: int = 20
    patience: int = 10
    validation_split: float = 0.2
    seed: int = 0

    def check(self) -> None:
        """Raise a ``SettingsError`` for what is wrong with any data."""
        rate = self.learning_rate
        for option, value, fits, expected in [
            ("--batch", self.batch, 1 <= self.batch <= 1_000_000, "1 to 1,000,000"),
            ("--epochs", self.epochs, 1 <= self.epochs <= MOST_EPOCHS, f"1 to {MOST_EPOCHS:,}"),
            ("--patience", self.patience, self.patience >= 0, "0 or more"),
            ("--seed", self.seed, self.seed >= 0, "0 or more"),
            (
                "--validation-split",
                self.validation_split,
                0 <= self.validation_split < 1,
                "0 or more, and less than 1",
            ),
            ("--lr", rate, rate is None or 0 < rate < math.inf, "a number greater than 0"),
        ]:
            if not fits:
                raise SettingsError(f"{option} is {value}; give {expected}")
        made_initializer(self.initializer)
        made_optimizer(self.optimizer, self.learning_rate)
        try:
            activations.get(self.activation)
        except (ValueError, TypeError) as error:
            raise SettingsError(f"--activation: {error}") from None
        if self.layers:
            units_of(self.layers)


def units_of(layers: str) -> list[int]:
    """Return the units of each layer that a text such as "784-128-10" names."""
    if not re.fullmatch(r"[1-9][0-9]{0,7}(-[1-9][0-9]{0,7})+", layers):
        raise SettingsError(
            f"--layers is {layers!r}; give the units of each layer, inputs first, as 784-128-10"
        )
    units = [int(text) for text in layers.split("-")]
    parameters = sum((a + 1) * b for a, b in itertools.pairwise(units))
    if parameters > MOST_PARAMETERS:
        raise SettingsError(
            f"--layers is {layers!r}, with {parameters:,} parameters; the most is "
            f"{MOST_PARAMETERS:,}"
        )
    return units


def made_initializer(text: str) -> Initializer:
    """Return the initializer of a name, or of a name with one argument in brackets."""
    match = re.fullmatch(r"(\w+)(?:\((\w+)=([-+.\w]+)\))?", text)
    try:
        if not match:
            raise ValueError("write a name, or a name and an argument, as Constant(value=0.1)")
        name, argument, value = match.groups()
        if argument is None:
            return initializers.get(name)
        return initializers.get({"class_name": name, "config": {argument: float(value)}})
    except (ValueError, TypeError) as error:
        raise SettingsError(f"--initializer is {text!r}: {error}") from None


def made_optimizer(name: str, learning_rate: float | None) -> Optimizer:
    """Return the optimizer of a name, with a rate or its own."""
    kind = optimizers.OPTIMIZERS.get(name.lower())
    if kind is None:
        known = ", ".join(optimizers.OPTIMIZERS)
        raise SettingsError(f"--optimizer is {name!r}; give one of {known}")
    return kind() if learning_rate is None else kind(learning_rate)


def completed(settings: Settings, examples: Examples) -> Settings:
    """Return the settings with the layers and the rate that stand for "" and None.

    Raises
    ------
    SettingsError
        If the settings are wrong, or do not fit the data.
    """
    settings.check()
    units = _fitting_units(settings.layers, examples)
    optimizer = made_optimizer(settings.optimizer, settings.learning_rate)
    rate = float(optimizer.learning_rate)
    return replace(settings, layers="-".join(map(str, units)), learning_rate=round(rate, 9))


def network(settings: Settings, examples: Examples) -> Sequential:
    """Build and compile the network that the settings describe, for the examples.

    Raises
    ------
    SettingsError
        If the settings are wrong, or do not fit the data.
    """
    settings = completed(settings, examples)
    units = units_of(settings.layers)
    flat = [Flatten(name="flatten")] if len(examples.shape) > 1 else []
    layers: list[Layer] = [_scaling(examples), *flat]
    for i, width in enumerate(units[1:-1], start=1):
        kernel = made_initializer(settings.initializer)
        layers.append(
            Dense(width, settings.activation, kernel_initializer=kernel, name=f"hidden_{i}")
        )
    is_binary = units[-1] == 1
    layers.append(Dense(units[-1], "sigmoid" if is_binary else "softmax", name="output"))
    model = Sequential(layers, seed=settings.seed, name="network")
    model.compile(
        made_optimizer(settings.optimizer, settings.learning_rate),
        loss="binary_crossentropy" if is_binary else "sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    return model


def _fitting_units(layers: str, examples: Examples) -> list[int]:
    """Return the units of each layer; refuse those that do not fit the data."""
    inputs, classes = math.prod(examples.shape), len(examples.class_names)
    units = units_of(layers or f"{inputs}-{HIDDEN}-{classes if classes > 2 else 1}")
    if units[0] != inputs:
        shape = " × ".join(map(str, examples.shape))
        shown = f"{shape} = {inputs}" if len(examples.shape) > 1 else str(inputs)
        raise SettingsError(
            f"--layers is {layers!r}; the examples of {examples.source} have {shown} numbers: "
            f"begin with {inputs}"
        )
    if units[-1] != classes and not (units[-1] == 1 and classes == 2):
        raise SettingsError(
            f"--layers is {layers!r}; {examples.source} has {classes} classes: end with {classes}"
            + " or 1" * (classes == 2)
        )
    return units


def _scaling(examples: Examples) -> Rescaling:
    """Return the layer that brings inputs to the size of 1: bytes by 255, others by deviation."""
    options: dict[str, Any] = {"input_shape": examples.shape, "name": "scaling"}
    if examples.x.dtype == np.uint8:
        return Rescaling(1 / 255, **options)
    axis = 0 if examples.feature_names is not None or examples.x.ndim == 2 else None
    mean, deviation = examples.x.mean(axis, dtype=float), examples.x.std(axis, dtype=float)
    scale = 1 / np.where(deviation > 0, deviation, 1)
    return Rescaling(scale.tolist(), (-mean * scale).tolist(), **options)
