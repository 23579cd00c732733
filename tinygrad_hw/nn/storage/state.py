"""What training changes in a model: its weights, the optimizer's states, random generators."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from tinygrad_hw.engine import Value
from tinygrad_hw.engine.core.node import read_data
from tinygrad_hw.engine.core.trace import current
from tinygrad_hw.errors import InputError
from tinygrad_hw.nn.storage.tensor_file import Tensors, read_tensors, write_tensors

VERSION = 1  # of what a file holds
_OPTIMIZER = "optimizer."


def save_weights(model: Any, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
    """Save the weights of a model; each is named after its place and its kind: "0.kernel"."""
    write_tensors(filepath, _weights(model), {"version": VERSION, "holds": "weights"}, overwrite)


def load_weights(model: Any, filepath: str | os.PathLike[str]) -> None:
    """Set the weights of a model to those of a file."""
    tensors, _ = read_tensors(filepath)
    model.set_weights(_checked_weights(model, tensors, filepath))


def training_state(model: Any) -> tuple[Tensors, dict[str, Any]]:
    """Return all that a step of training changes: arrays, and data that is fit for JSON."""
    optimizer = getattr(model, "optimizer", None)
    tensors, data = _weights(model), {"version": VERSION, "random": _random_states(model)}
    if optimizer is not None:
        for i, value in enumerate(optimizer.variables):
            tensors[f"{_OPTIMIZER}{i}"] = np.asarray(read_data(value))
        if getattr(optimizer, "schedule", None) is None:
            data["learning_rate"] = float(optimizer.learning_rate)
    return tensors, data


def restore_training_state(
    model: Any, tensors: Tensors, data: Mapping[str, Any], path: str | os.PathLike[str]
) -> None:
    """Set all that a step of training changes to what ``training_state`` has returned.

    Raises
    ------
    InputError
        If they are of another model; ``path`` is named.
    """
    weights = _checked_weights(model, tensors, path)
    optimizer: Any = getattr(model, "optimizer", None)
    states = [] if optimizer is None else optimizer.variables
    found = {name: x for name, x in tensors.items() if name.startswith(_OPTIMIZER)}
    names = [f"{_OPTIMIZER}{i}" for i in range(len(states))]
    if set(names) != set(found) or any(
        found[name].shape != state.shape for name, state in zip(names, states, strict=True)
    ):
        raise InputError(f"{path} is of a model with another optimizer; compile it as it was")
    generators = dict(_generators(model))
    random = data.get("random")
    if not isinstance(random, dict) or set(random) != set(generators):
        raise InputError(f"{path} is of a model with other random layers; make it as it was")
    model.set_weights(weights)
    for name, state in zip(names, states, strict=True):
        new = found[name]
        current().trace.store(state, new if state.shape else float(new))
    if optimizer is not None and "learning_rate" in data:
        optimizer.learning_rate = data["learning_rate"]
    for name, generator in generators.items():
        try:
            generator.bit_generator.state = random[name]
        except (TypeError, ValueError, KeyError):
            raise InputError(f"{path} has no state for a random generator, {name}") from None


def _weights(model: Any) -> Tensors:
    """Return the arrays of all weights by place and kind."""
    return {name: np.array(value.raw) for name, value in _named_weights(model).items()}


def _named_weights(model: Any) -> dict[str, Value]:
    weights = model.weights
    if not weights and not model.built:
        raise InputError("the model is not built: it has no weights yet; call it on a batch first")
    return {f"{i}.{_kind(value)}": value for i, value in enumerate(weights)}


def _kind(weight: Value) -> str:
    """Return the last part of a weight's name: "kernel" of "dense_1/kernel"."""
    return (weight.label or "weight").rpartition("/")[2]


def _checked_weights(
    model: Any, tensors: Tensors, path: str | os.PathLike[str]
) -> list[npt.NDArray[Any]]:
    """Return the weights for a model; refuse those of another."""
    wanted = {name: value.shape for name, value in _named_weights(model).items()}
    found = {name: x.shape for name, x in tensors.items() if name.partition(".")[0].isdigit()}
    for name in [*wanted, *found]:
        if wanted.get(name) != found.get(name):
            raise InputError(
                f"{path} has {_described(name, found)}, the model {_described(name, wanted)}; "
                "make the model as it was saved"
            )
    return [tensors[name] for name in wanted]


def _described(name: str, shapes: Mapping[str, tuple[int, ...]]) -> str:
    place = f"weight {name} of shape {shapes[name]}" if name in shapes else f"no weight {name}"
    return f"{place} (of {len(shapes)})"


def _random_states(model: Any) -> dict[str, Any]:
    return {name: generator.bit_generator.state for name, generator in _generators(model)}


def _generators(model: Any) -> Iterator[tuple[str, np.random.Generator]]:
    """Yield the random generators of a model and of the layers in it, by name."""
    for i, part in enumerate(model.flat_layers()):
        for name, attribute in vars(part).copy().items():
            if isinstance(attribute, np.random.Generator):
                yield f"{i}.{name}", attribute
