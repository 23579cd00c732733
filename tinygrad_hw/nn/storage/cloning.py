"""Models made once more."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tinygrad_hw.nn.initializers import OfFunction
from tinygrad_hw.nn.storage.configuration import config_of


def clone_model(model: Any) -> Any:
    """Return a model of the same layers, with weights drawn anew; compiled if the model is."""
    clone = _again(model)
    if model.built:
        clone.build_once(model.input_shape)
    if getattr(model, "optimizer", None) is not None:
        clone.compile(**_again(model.get_compile_config()))
    return clone


def _again(thing: Any) -> Any:
    """Return what is made of a configuration once more; anything else as it is."""
    if isinstance(thing, list | tuple):
        return type(thing)([_again(each) for each in thing])
    if isinstance(thing, Mapping):
        return {name: _again(each) for name, each in thing.items()}
    if isinstance(thing, type | OfFunction) or not hasattr(thing, "get_config"):
        return thing
    return type(thing).from_config(_again(config_of(thing)))
