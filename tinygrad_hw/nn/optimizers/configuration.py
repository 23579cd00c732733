"""Objects as dicts that are fit for JSON: the name of the class, and its arguments."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any


def config_of(thing: Any) -> dict[str, Any]:
    """Return the arguments of an object's class, from the attributes of their names.

    Raises
    ------
    NotImplementedError
        If an argument has no attribute of its name.
    """
    names = inspect.signature(type(thing)).parameters
    missing = [name for name in names if not hasattr(thing, name)]
    if missing:
        raise NotImplementedError(
            f"{type(thing).__name__} keeps no attribute {missing[0]!r} of its argument; "
            "keep it, or write a get_config()"
        )
    return {name: getattr(thing, name) for name in names}


def serialize(thing: Any) -> dict[str, Any]:
    """Return an optimizer or a schedule as a dict, from which Keras makes its own, too.

    It has ``class_name`` and ``config``; ``module`` and ``registered_name`` are for Keras.
    """
    module = type(thing).__module__.replace("tinygrad_hw.nn.", "keras.").removesuffix(".rules")
    names = {"module": module, "class_name": type(thing).__name__}
    return {**names, "config": thing.get_config(), "registered_name": None}


def deserialize(
    config: Mapping[str, Any],
    known: Mapping[str, Any],
    custom_objects: Mapping[str, Any] | None = None,
) -> Any:
    """Return what ``serialize`` was given, without states.

    Parameters
    ----------
    config
        A dict of ``serialize``, or Keras's.
    known
        Our classes, by name; capitals do not count.
    custom_objects
        The user's classes, by name.

    Raises
    ------
    ValueError
        For a class that is neither.
    """
    name, arguments = config.get("class_name"), config.get("config", {})
    classes = {each.lower(): kind for each, kind in known.items()}
    kind = (custom_objects or {}).get(str(name)) or classes.get(str(name).lower())
    if kind is None:
        raise ValueError(f"unknown class_name {name!r}; known are {', '.join(known)}")
    return kind.from_config(arguments)
