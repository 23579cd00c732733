"""Optimizers and schedules of their learning rates. Names, formulas and defaults are Keras's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tinygrad_hw.nn.optimizers import configuration, schedules
from tinygrad_hw.nn.optimizers.base import Optimizer, pointwise
from tinygrad_hw.nn.optimizers.configuration import serialize
from tinygrad_hw.nn.optimizers.rules import SGD, Adagrad, Adam, AdamW, Lion, Nadam, RMSprop

__all__ = [
    "OPTIMIZERS",
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Lion",
    "Nadam",
    "Optimizer",
    "RMSprop",
    "deserialize",
    "get",
    "pointwise",
    "schedules",
    "serialize",
]

OPTIMIZERS: dict[str, type[Optimizer]] = {
    kind.__name__.lower(): kind for kind in (SGD, RMSprop, Adagrad, Adam, AdamW, Nadam, Lion)
}


def deserialize(
    config: Mapping[str, Any], custom_objects: Mapping[str, Any] | None = None
) -> Optimizer:
    """Return the optimizer of ``{"class_name": ..., "config": ...}``, without states.

    Parameters
    ----------
    config
        A dict of ``serialize``, or Keras's.
    custom_objects
        The user's own optimizers, by name.

    Raises
    ------
    ValueError
        For a class that is neither ours nor one of these.
    """
    optimizer = configuration.deserialize(config, OPTIMIZERS, custom_objects)
    if not isinstance(optimizer, Optimizer):
        raise ValueError(f"{config!r:.60} is of no optimizer")
    return optimizer


def get(identifier: Any) -> Optimizer:
    """Return an optimizer. Of None there is none; Keras returns None.

    Parameters
    ----------
    identifier
        A name of OPTIMIZERS, in small letters or capitals, for one with its defaults; a dict of
        ``serialize``; an optimizer, which is returned as it is.

    Raises
    ------
    ValueError
        For anything else.
    """
    if isinstance(identifier, Optimizer):
        return identifier
    if isinstance(identifier, str):
        identifier = {"class_name": identifier, "config": {}}
    if isinstance(identifier, Mapping):
        return deserialize(identifier)
    hint = "; make one with ()" if isinstance(identifier, type) else ""
    raise ValueError(f"expected an optimizer or a name of one, got {identifier!r:.60}{hint}")
