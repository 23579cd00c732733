"""Whole models in files: architecture, weights, and all that training goes on with."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from tinygrad_hw.errors import InputError
from tinygrad_hw.nn.callbacks.history import History
from tinygrad_hw.nn.storage.configuration import as_plain, from_plain
from tinygrad_hw.nn.storage.state import (
    load_weights,
    restore_training_state,
    training_state,
)
from tinygrad_hw.nn.storage.tensor_file import read_tensors, write_tensors

_HOLDS = "model"


def architecture(model: Any) -> dict[str, Any]:
    """Return the layers of a model, and the shape of its inputs, as plain data."""
    shape = list(model.input_shape) if model.built else None
    return {"model": as_plain(model, model.name), "input_shape": shape}


def save_model(model: Any, filepath: str | os.PathLike[str], overwrite: bool = True) -> None:
    """Save a model: see ``Model.save``."""
    tensors, data = training_state(model)
    data |= {"holds": _HOLDS, **architecture(model), "compile": None, "history": None}
    if getattr(model, "optimizer", None) is not None:
        arguments = model.get_compile_config()
        data["compile"] = as_plain(arguments, f"{model.name}, compile")
    history = getattr(model, "history", None)
    if history is not None:
        data["history"] = {"history": as_plain(history.history, "history"), "epoch": history.epoch}
    if getattr(model, "trained_on", None) is not None:
        data["trained_on"] = as_plain(model.trained_on, f"{model.name}, trained_on")
    write_tensors(filepath, tensors, data, overwrite)


def load_model(
    filepath: str | os.PathLike[str],
    custom_objects: Mapping[str, Any] | None = None,
    compile: bool = True,
) -> Any:
    """Return the model of a file that ``Model.save`` wrote, ready to predict or to train on.

    A training goes on as if there had been no file: the states of the optimizer and of random
    generators are those of the moment. Nothing of a file is run.

    Parameters
    ----------
    filepath
        The file.
    custom_objects
        The user's own classes and functions, by name, that the model has.
    compile
        Whether to compile the model as it was.

    Raises
    ------
    InputError
        For a file that is not there, not ours, cut off or changed; that holds weights alone; or
        that needs ``custom_objects``.
    """
    tensors, data = read_tensors(filepath)
    if data.get("holds") != _HOLDS:
        raise InputError(f"{filepath} holds no whole model; make it, then use load_weights")
    model = _built(data, custom_objects or {}, filepath)
    if compile and data.get("compile") is not None:
        model.compile(**from_plain(data["compile"], custom_objects or {}))
        restore_training_state(model, tensors, data, filepath)
    else:
        load_weights(model, filepath)
    if data.get("history") is not None:
        history = History.of(**data["history"])
        history.set_model(model)
    model.trained_on = data.get("trained_on")
    return model


def model_from_json(json_string: str, custom_objects: Mapping[str, Any] | None = None) -> Any:
    """Return a new model of the layers that ``Model.to_json`` wrote, with weights drawn anew.

    Raises
    ------
    InputError
        For another text, and for one that needs ``custom_objects``.
    """
    try:
        data = json.loads(json_string)
    except (TypeError, ValueError) as error:
        raise InputError(f"expected the text of to_json(), got none: {error}") from None
    return _built(data, custom_objects or {}, "the text")


def _built(data: Any, custom_objects: Mapping[str, Any], where: Any) -> Any:
    """Return a new model of an architecture, built if that was."""
    if not isinstance(data, dict) or "model" not in data:
        raise InputError(f"{where} does not say which layers the model has")
    model = from_plain(data["model"], custom_objects)
    if not callable(getattr(model, "build_once", None)):
        raise InputError(f"{where} describes no model")
    if data.get("input_shape") is not None:
        model.build_once(tuple(data["input_shape"]))
    return model
