"""Layers, losses, optimizers and the rest as plain data, fit for JSON, and back.

An object is ``{"room": "layers", "class_name": "Dense", "config": {...}}`` with the arguments of
its class; a function is ``{"room": "activations", "function": "relu"}``. What is the user's own
has the room None, and is found again among ``custom_objects``. Nothing of a file is run: its
names are looked up among the public classes of this package, and among those that the user gives.
"""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Mapping
from typing import Any

import numpy as np

from tinygrad_hw.errors import InputError
from tinygrad_hw.nn.activations import ACTIVATIONS
from tinygrad_hw.nn.initializers import OfFunction

_OF_LAYERS = ("name", "trainable", "dtype", "activity_regularizer")
_ROOM = "tinygrad_hw.nn."
_MODULES = (
    *("initializers", "layers", "losses", "metrics", "models", "optimizers", "regularizers"),
    "optimizers.schedules",
)


def as_plain(thing: Any, where: str) -> Any:
    """Return what is fit for JSON.

    Parameters
    ----------
    thing
        A number, a text, None, or an object or a function of ``nn`` or of the user's; or a list,
        a tuple or a dict of these.
    where
        What it belongs to, for the message.

    Raises
    ------
    InputError
        For anything else.
    """
    if thing is None or isinstance(thing, bool | int | float | str):
        return thing
    if isinstance(thing, np.generic):
        return thing.item()
    if isinstance(thing, np.dtype):
        return thing.name
    if isinstance(thing, np.ndarray):
        return thing.tolist()
    if isinstance(thing, list | tuple):
        return [as_plain(each, where) for each in thing]
    if isinstance(thing, Mapping):
        return {str(name): as_plain(each, f"{where}, {name}") for name, each in thing.items()}
    if isinstance(thing, OfFunction):
        return as_plain(thing.function, where)
    if hasattr(thing, "get_config") and not isinstance(thing, type):
        kind = type(thing)
        return {
            "room": _module_of(kind),
            "class_name": kind.__name__,
            "config": as_plain(config_of(thing), f"{where}, {kind.__name__}"),
        }
    for name, function in ACTIVATIONS.items():
        if function is thing:
            return {"room": "activations", "function": name}
    name = getattr(thing, "__name__", "")
    if not callable(thing) or not name.isidentifier():
        raise InputError(
            f"{where} cannot be saved: it is {thing!r}; make it a function or a class with a name"
        )
    return {"room": _module_of(thing), "function": name}


def config_of(thing: Any) -> dict[str, Any]:
    """Return an object's configuration, without options of all layers that its class has not."""
    config = dict(thing.get_config())
    if getattr(thing, "activity_regularizer", None) is not None:
        config["activity_regularizer"] = thing.activity_regularizer
    if getattr(thing, "schedule", None) is not None:  # of an optimizer
        config["learning_rate"] = thing.schedule
    parameters = inspect.signature(type(thing)).parameters
    if any(p.kind is p.VAR_KEYWORD for p in parameters.values()):
        return config
    return {name: x for name, x in config.items() if name in parameters or name not in _OF_LAYERS}


def _module_of(thing: Any) -> str | None:
    """Return the public module of ``nn`` that has a class or function; None if none has."""
    for name in _MODULES:
        if public(name, thing.__name__) is thing:
            return name
    return None


def public(module: str, name: str) -> Any:
    """Return what a module of ``nn`` gives out by a name; None if there is none."""
    try:
        found = importlib.import_module(_ROOM + module)
    except ModuleNotFoundError:
        return None
    is_public = name in getattr(found, "__all__", ()) or not hasattr(found, "__all__")
    return vars(found).get(name) if is_public and not name.startswith("_") else None


def from_plain(data: Any, custom_objects: Mapping[str, Any]) -> Any:
    """Return what ``as_plain`` was given; the user's own are found in ``custom_objects``.

    Raises
    ------
    InputError
        For a name that is not known, and arguments that its class does not take.
    """
    if isinstance(data, list):
        return [from_plain(each, custom_objects) for each in data]
    if not isinstance(data, Mapping):
        return data
    if "room" not in data:
        return {name: from_plain(each, custom_objects) for name, each in data.items()}
    name = str(data.get("class_name", data.get("function")))
    found = _found(data["room"], name, custom_objects)
    if "function" in data:
        return found
    try:
        config = from_plain(data["config"], custom_objects)
        return found.from_config(config) if hasattr(found, "from_config") else found(**config)
    except InputError:
        raise
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        raise InputError(f"{name} cannot be made as the file says: {error}") from None


def _found(module: Any, name: str, custom_objects: Mapping[str, Any]) -> Any:
    """Return a class or a function by its name."""
    found = custom_objects.get(name)
    if found is None and module == "activations":
        found = ACTIVATIONS.get(name)
    if found is None and module in _MODULES:
        found = public(module, name)
    if not callable(found):
        raise InputError(
            f"{name} is not known here; give it in custom_objects={{{name!r}: ...}}, as it was "
            "when the model was saved"
        )
    return found
